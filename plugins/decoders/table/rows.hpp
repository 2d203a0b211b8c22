// Collects the flows of a table into batches of one address family, and reports them as datagrams.
//
//   Rows rows(sink);
//   if (rows.begin(out)) return true;               // rows of the other family, which were held back
//   while (rows.has_room()) { ...; rows.flow.set(column, value); rows.add(); }
//   rows.end(out);
#pragma once

#include <mole/decoder.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace mole::plugins::table {

// The columns that a table can have.
using Columns =
    Writes<start, end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos, src_as, dst_as, src_mask,
           dst_mask, next_hop, in_if, out_if, sampling, application_label, observation_domain, exporter_addr, src_vlan, dst_vlan,
           mpls_label, post_src_addr, post_dst_addr, post_src_port, post_dst_port, reverse_packets, reverse_bytes, icmp_type,
           icmp_code, end_reason, flow_direction, scaled, sampling_source, any_element>;

// Sizes of values; 0: an address of the family of the batch.
inline constexpr std::array<std::uint8_t, MOLE_COLUMN_COUNT> column_widths = [] {
  std::array<std::uint8_t, MOLE_COLUMN_COUNT> out{};
  const auto set = [&]<class C>(C) {
    if constexpr (!std::is_same_v<C, any_element>) out[C::index] = is_address<C> ? 0 : sizeof(typename C::stored);
  };
  [&]<class... C>(Writes<C...>) { (set(C()), ...); }(Columns());
  return out;
}();

// One flow: the values of all columns, and of the elements that the host needs.
struct Flow {
  std::array<std::uint64_t, MOLE_COLUMN_COUNT> numbers{};
  std::array<Addr, MOLE_COLUMN_COUNT> addresses{};
  std::int64_t received = 0;  // 0: unknown
  bool has_exporter = false;
  struct Value {
    std::size_t element, offset, size;
  };
  std::vector<Value> values{};
  std::vector<char> bytes{};  // of the values

  void reset();
  void put(std::size_t element, const void* data, std::size_t size);
};

// Groups consecutive flows into datagrams: those that one collector received in the same second; or, if the time of receipt is
// not in the file or not near the end of the flow, up to 64 flows, exported at the latest of their ends (decision 0182).
class Exports {
 public:
  explicit Exports(Sink& sink) : sink_(sink) {}
  void add(std::int64_t end, std::int64_t received, std::uint32_t exporter);
  void flush();

 private:
  Sink& sink_;
  static constexpr std::size_t max_group = 64;
  std::array<std::int64_t, max_group> ends_{};
  std::size_t count_ = 0;             // flows in ends_
  std::uint32_t received_count_ = 0;  // flows received in the second of received_
  std::int64_t received_ = 0;
  std::uint32_t exporter_ = 0;
};

class Rows {
 public:
  static constexpr std::size_t max_held = 4096, max_held_bytes = std::size_t{16} << 20;
  explicit Rows(Sink& sink) : exports_(sink) {}

  // Begins a batch. True: it is complete, with rows that were held back.
  Result<bool> begin(FlowBuilder& out);
  bool has_room() const { return rows_ < capacity_ && held_.size() < max_held && held_bytes_ < max_held_bytes; }
  // Adds `flow` to the batch, or holds it back if its family is not that of the batch.
  Result<> add();
  // Ends the batch. Returns whether it has rows, or rows are held back.
  bool end(FlowBuilder& out);
  // Reports the flows since the last report. Call before reporting damage and at the end.
  void flush() { exports_.flush(); }

  Flow flow;  // the next one

 private:
  Result<> write(const Flow& flow);
  std::uint32_t number_of(const Flow& flow);

  Exports exports_;
  FlowBuilder* out_ = nullptr;
  std::array<void*, MOLE_COLUMN_COUNT> columns_{};
  std::uint32_t rows_ = 0, capacity_ = 0, family_ = 0;
  std::vector<Flow> held_;
  std::size_t held_bytes_ = 0;   // values of elements in held_
  std::vector<Addr> exporters_;  // by number
};

}  // namespace mole::plugins::table
