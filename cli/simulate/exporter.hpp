// One hour of one router as NetFlow v5: what the router measured, and the datagrams that reached the collector.
#pragma once

#include "sdk/descriptor/time.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mole::cli {

struct HourOfRouter {
  std::uint32_t router = 0;
  Micros hour = 0;
  auto operator<=>(const HourOfRouter&) const = default;
};

// How a file is spoilt: "truncate" cuts the compressed file, "flip" inverts 16 of its bytes, "cut" ends the content
// inside a datagram before it is compressed.
struct DamageWish {
  HourOfRouter file;
  std::string kind;
};

struct SimulationSpec {
  std::uint64_t seed = 1;
  TimeRange range;  // whole hours
  std::vector<std::uint32_t> routers;
  std::uint64_t flows_per_hour = 10'000;     // of one router, in an average hour of a weekday
  std::uint64_t late_per_million = 250'000;  // flows that began before their file's hour; at most a quarter
  std::uint64_t loss_per_million = 0;        // datagrams lost between exporter and collector
  std::uint64_t first_sequence = 1;          // number of the first hour file
  std::vector<HourOfRouter> gaps;
  std::vector<DamageWish> damages;
};

inline constexpr Micros active_timeout = 30 * minute_us;  // a longer flow is exported in pieces
inline constexpr Micros truth_interval = 15 * minute_us;  // grain of the truth by time

struct Totals {
  std::uint64_t flows = 0, packets = 0, bytes = 0;
  Totals& operator+=(const Totals& o) {
    flows += o.flows;
    packets += o.packets;
    bytes += o.bytes;
    return *this;
  }
  bool operator==(const Totals&) const = default;
};

// `measured`: what the router saw. `received`: what reached the collector, before any damage to the file.
struct Truth {
  Totals measured, received;
  Truth& operator+=(const Truth& o) {
    measured += o.measured;
    received += o.received;
    return *this;
  }
};

struct ExportedHour {
  std::string content;  // datagrams one after the other
  std::uint64_t datagrams = 0, datagrams_lost = 0;
  Truth truth;
  std::map<Micros, Truth> by_interval;  // by the start of the flow
};

// The hour of routers[router_index] that begins at `hour`. Depends on nothing but its arguments; the flow sequence is
// the number of flows exported before this hour.
ExportedHour export_hour(const SimulationSpec& spec, std::size_t router_index, Micros hour,
                         std::uint32_t flow_sequence);

}  // namespace mole::cli
