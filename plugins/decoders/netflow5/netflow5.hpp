// NetFlow v5: concatenated export datagrams as stored by a collector, without framing. A header of 24 bytes contains the number
// of records of 48 bytes that follow; a datagram without records keeps the connection alive.
//
//   0  version = 5 | 2 count (0..30)    | 4  SysUptime, ms
//   8  unix_secs   | 12 unix_nsecs      | 16 flow_sequence: records sent before this datagram
//   20 engine_type | 21 engine_id       | 22 sampling: mode (2 bits), interval (14 bits)
//
// Counters are returned as exported; the sampling interval is a separate column.
#pragma once

#include "plugins/decoders/export/repeats.hpp"

#include <mole/decoder.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mole::plugins {

class NetFlow5 {
 public:
  static constexpr auto about = mole::decoder("netflow5", "1.2.0", "Concatenated NetFlow v5 export datagrams");
  using writes = mole::Writes<start, end, src_addr, dst_addr, src_port, dst_port, protocol, packets, bytes, tcp_flags, tos,
                              src_as, dst_as, src_mask, dst_mask, next_hop, in_if, out_if, sampling, observation_domain,
                              icmp_type, icmp_code, sampling_source>;

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
    bool valid() const { return version == 5 && count <= 30; }
    std::size_t size() const { return 24 + std::size_t{48} * count; }
    std::uint32_t next_sequence() const { return sequence + count; }
  };
  // The datagrams of one exporter. Exporters whose datagrams a collector stored in one file can have the same engine number;
  // their boot time (export time - SysUptime, modulo 2^32 ms) tells them apart.
  struct Sequence {
    std::uint32_t expected, boot_ms, seconds;
    std::uint64_t damage;  // damage_ at its last datagram
    std::uint64_t used;    // datagrams_ at its last datagram
  };
  struct Match {
    Sequence* sequence = nullptr;  // null: a new one
    std::int64_t ahead = 0;        // flows between its last datagram and this one
    bool same_boot = false;        // false: the clock was corrected
  };

  bool skip_truncated(std::size_t left, std::string_view what);
  bool skip_incomplete(std::size_t size);
  bool resynchronise();
  std::size_t find_datagram(std::span<const std::byte> bytes, bool ended, bool& found);
  int evidence(std::span<const std::byte> bytes, bool ended);
  Match match(const Header& header);
  bool overtook(const Header& header, std::uint32_t expected);
  std::uint64_t flows_lost(const Header& header, bool& in_damage);
  void add_sequence(std::uint16_t engine, const Sequence& sequence);
  std::uint32_t exporter_of(std::uint32_t boot_ms);
  static void append(FlowBuilder& out, const Header& header, const std::byte* records);

  ByteSource& in_;
  Sink& sink_;
  bool lost_sync_ = false;
  std::uint32_t last_seconds_ = 0;                                      // of the last datagram
  std::uint64_t damage_ = 0, datagrams_ = 0;                            // damaged places and datagrams so far
  std::unordered_map<std::uint16_t, std::vector<Sequence>> sequences_;  // by engine
  std::size_t sequence_count_ = 0;                                      // of all engines
  std::vector<std::uint32_t> boots_;                                    // ms, by number of the exporter
  flow_export::Repeats repeats_;
  std::size_t exporter_ = 0;  // of the last datagram
};

}  // namespace mole::plugins
