// NetFlow v5: concatenated export datagrams as stored by a collector, without framing. A header of 24 bytes contains the number
// of records of 48 bytes that follow.
//
//   0  version = 5 | 2 count (1..30)    | 4  SysUptime, ms
//   8  unix_secs   | 12 unix_nsecs      | 16 flow_sequence: records sent before this datagram
//   20 engine_type | 21 engine_id       | 22 sampling: mode (2 bits), interval (14 bits)
//
// Counters are returned as exported; the sampling interval is a separate column.
#pragma once

#include <mole/decoder.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>

namespace mole::plugins {

class NetFlow5 {
 public:
  static constexpr auto about = mole::decoder("netflow5", "1.0.0", "Concatenated NetFlow v5 export datagrams");
  using writes = mole::Writes<start, end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos,
                              src_as, dst_as, src_mask, dst_mask, next_hop, in_if, out_if, sampling>;

  // Whether the head consists of consecutive v5 datagrams.
  static bool recognises(std::span<const std::byte> head);

  NetFlow5(ByteSource& source, Sink& sink) : in_(source), sink_(sink) {}
  Result<bool> next(FlowBuilder& out);

 private:
  struct Header {
    std::uint16_t version, count;
    std::uint32_t uptime_ms, seconds, nanoseconds, sequence;
    std::uint16_t engine, sampling;

    static Header read(const std::byte* p);
    bool valid() const { return version == 5 && count >= 1 && count <= 30; }
    std::size_t size() const { return 24 + std::size_t{48} * count; }
  };
  // Sequence state of an exporting engine.
  struct Engine {
    std::uint32_t expected, uptime_ms, seconds;
    std::uint64_t damage;  // damage_ at its last datagram
  };

  bool skip_truncated(std::size_t left, std::string_view what);
  bool resynchronise();
  bool begins_datagram(std::span<const std::byte> bytes) const;
  std::uint64_t flows_lost(const Header& header, bool& in_damage);
  static std::uint64_t missing(Engine& engine, const Header& header);
  static void append(FlowBuilder& out, const Header& header, const std::byte* records);

  ByteSource& in_;
  Sink& sink_;
  bool lost_sync_ = false;
  std::uint64_t damage_ = 0;                   // number of damaged ranges so far
  std::optional<std::uint32_t> last_seconds_;  // of the last datagram
  std::unordered_map<std::uint16_t, Engine> engines_;
};

}  // namespace mole::plugins
