// What is known about one observation domain of one exporter: its templates, its sequence, and what its options announced.
#pragma once

#include "plugins/decoders/export/plan.hpp"
#include "plugins/decoders/export/reports.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace mole::plugins::flow_export {

struct DomainKey {
  Addr exporter;
  std::uint16_t port;
  Protocol protocol;
  std::uint32_t group;  // exporters of one stream that were told apart by their boot times
  std::uint32_t domain;
  bool operator==(const DomainKey&) const = default;
};

struct DomainKeyHash {
  std::size_t operator()(const DomainKey& key) const;
};

// The sequence numbers of a domain: of records (IPFIX, NetFlow v5 and v7) or of datagrams (NetFlow v9).
class Sequence {
 public:
  // Returns the gap before a datagram with this number. `damage`: changes when bytes were missing in between.
  Gap next(Protocol protocol, std::uint64_t domain, std::uint32_t number, std::int64_t exported_us, std::uint64_t damage,
           bool restarted, Reports& reports);
  // The datagram that next() was called for has this many records, of which `flows` are flows.
  void counted(Protocol protocol, std::uint32_t records, std::uint32_t flows);
  // Records of a datagram that was counted before.
  void counted_later(std::uint32_t records) { expected_ += records; }
  bool continues_with(std::uint32_t number) const { return known_ && number == expected_; }

 private:
  bool known_ = false, late_ = false;
  std::uint32_t expected_ = 0, number_ = 0, records_ = 0;
  std::int64_t exported_us_ = 0;
  std::uint64_t damage_ = 0, flows_ = 0, datagrams_ = 0;
  std::uint64_t domain_ = 0;
  std::uint32_t late_number_ = 0;
  Reports* reports_ = nullptr;
};

// A data set whose template has not arrived.
struct WaitingSet {
  std::vector<std::byte> bytes;
  Context context;
  std::uint64_t offset, size;
  std::uint32_t exporter;
  std::uint64_t message;                 // number of its message
  std::optional<std::uint32_t> records;  // according to sequence numbers
};

struct Domain {
  std::uint64_t number = 0;
  std::unordered_map<std::uint16_t, std::shared_ptr<Template>> templates;
  Sequence sequence;
  Sampling sampling;
  bool announced = false;                  // options contained a sampling interval
  std::optional<std::uint32_t> boot_ms;    // of the last datagram of NetFlow v9, modulo 2^32
  std::optional<std::int64_t> started_ms;  // systemInitTimeMilliseconds of options
  std::unordered_map<std::uint16_t, std::vector<WaitingSet>> waiting;
  // Sets of the last message that wait: the next sequence number shows how many records they have.
  std::vector<std::uint16_t> uncounted;
  std::uint64_t last_message = 0;
  std::uint64_t records = 0, record_bytes = 0;  // decoded
};

// Reads what an options record announces: sampling intervals, the start of the exporter.
void read_options(const Template& layout, const Value* values, Domain& domain);

}  // namespace mole::plugins::flow_export
