// The records of one block, and what records of earlier blocks say about exporters and samplers. A flow is described by the
// offset of its record and by its shape: the offsets of the elements in it. Most flows of a file have one of few shapes, so a
// column is filled with one loop per run of flows of the same shape.
#pragma once

#include <mole/addr.hpp>

#include "elements.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace mole::plugins::nfcapd {

// Where the elements of a record are.
struct Shape {
  std::uint16_t size = 0, elements = 0;
  std::array<std::uint16_t, element_types> at{};  // offset of the fields from the start of the record; 0: absent
  std::uint64_t present = 0;                      // the elements that are not: bit e
  static constexpr std::size_t max_compared = 16;
  std::array<std::uint32_t, max_compared> headers{};     // of the elements
  std::array<std::uint16_t, max_compared> headers_at{};  // their offsets
};

// What the records before a flow say about its exporter.
struct Origin {
  Addr exporter{};
  std::uint32_t domain = 0;
  std::uint32_t sampling = 0;  // interval; 0: not known
  std::uint32_t number = 0;    // of the exporter in this file
};

struct Flow {
  std::uint32_t record;  // offset in the block
  std::uint32_t shape, origin;
};

class BlockRecords {
 public:
  struct Outcome {
    std::size_t read = 0;          // bytes of whole records
    std::uint32_t records = 0;     // in these bytes
    std::uint32_t unreadable = 0;  // flows with elements that do not fit
    std::uint32_t unknown = 0;     // records of types that nfdump 1.7 does not write
    bool paused = false;           // call again with the rest of the block after its flows were used
  };
  // Lists the flows of a block, which must remain valid while they are used. Stops at a record that does not fit.
  Outcome read(std::span<const std::byte> block);

  // The flows of an address family in file order; those without addresses are of family 4.
  const std::vector<Flow>& flows(std::uint32_t family) const { return family == 6 ? flows6_ : flows4_; }
  const std::byte* data() const { return block_; }
  const Shape& shape(const Flow& flow) const { return shapes_[flow.shape]; }
  const Origin& origin(const Flow& flow) const { return origins_[flow.origin]; }

  // Whether the record that the collector writes at the end of a file was read.
  bool has_statistics() const { return has_statistics_; }
  // Sequence failures that the collector counted.
  std::uint64_t sequence_failures() const { return std::max(total_failures_, exporter_failures_); }
  // Those of exporters whose sequence numbers the collector does not understand.
  std::uint64_t misunderstood_failures() const { return misunderstood_failures_; }

 private:
  struct Exporter {
    Addr addr{};
    std::uint32_t domain = 0, number = 0;
    bool is_v5 = false;
    std::unordered_map<std::int64_t, std::uint32_t> intervals;  // by sampler; see `interval_of`
  };
  struct Source {  // fields of a record that determine its origin
    std::uint32_t exporter_and_engine = 0;
    std::int64_t sampler = 0;
    bool operator==(const Source&) const = default;
  };

  bool add_flow(const std::byte* record, std::uint16_t size, std::uint32_t offset);
  bool matches(const Shape& shape, const std::byte* record) const;
  bool describe(const std::byte* record, std::uint16_t size, Shape& shape) const;
  std::uint32_t origin_of(const std::byte* record, const Shape& shape);
  static std::uint32_t interval_of(const Exporter& exporter, std::int64_t sampler);
  void add_exporter(std::span<const std::byte> record);
  void add_sampler(std::uint16_t exporter, std::int64_t id, std::uint64_t interval);
  void add_statistics(std::span<const std::byte> record);
  std::uint32_t number_of(const Addr& exporter);

  const std::byte* block_ = nullptr;
  std::vector<Flow> flows4_, flows6_;
  std::vector<Shape> shapes_;
  std::array<std::uint32_t, 64> likely_{};  // shapes, by size and number of elements of a record
  std::vector<Origin> origins_;
  std::unordered_map<std::uint64_t, std::uint32_t> known_origins_;
  Source last_source_;
  std::uint32_t last_origin_ = 0;
  bool has_last_ = false;
  std::unordered_map<std::uint16_t, Exporter> exporters_;
  std::vector<Addr> addresses_;  // of the exporters, by number
  std::size_t samplers_ = 0;
  bool has_statistics_ = false;
  std::uint64_t total_failures_ = 0, exporter_failures_ = 0, misunderstood_failures_ = 0;
};

}  // namespace mole::plugins::nfcapd
