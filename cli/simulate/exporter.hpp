// Exports one hour of one router: the flows the router measured, and the datagrams that reached the collector.
#pragma once

#include "cli/simulate/event.hpp"
#include "cli/simulate/spec.hpp"

#include <mole/containers/volume_map.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mole::cli {

inline constexpr Micros active_timeout = 30 * minute_us;  // longer flows are exported in parts
inline constexpr Millis inactive_ms = 15'000;             // a flow ends after this time without packets
inline constexpr Micros truth_interval = 15 * minute_us;  // interval length of the ground truth
inline constexpr Micros quarter_us = 15 * minute_us;

// `measured`: by the router. `received`: by the collector, before any damage to the file.
struct Truth {
  Volume measured, received;
  void merge(const Truth& o) {
    measured.merge(o.measured);
    received.merge(o.received);
  }
};

struct ExportedHour {
  std::string content;  // of the file: datagrams, one after the other, a capture of them, or an nfcapd file
  std::uint64_t datagrams = 0, datagrams_lost = 0;
  Truth truth;
  std::map<Micros, Truth> by_interval;  // by flow start
  std::vector<std::uint64_t> by_event;  // flows added or removed by each event, before loss
};

// The flow rate: a daily and weekly profile like the production load of the Mothra report (80 % of the flows of a day between
// 07:00 and 19:00, 30 % of a weekday's flows on weekend days), growth, and noise.

// Returns the expected number of flows, in thousandths, that one router exports in the 15 minutes from `quarter`.
std::uint64_t expected_milliflows(const SimulationSpec& spec, Micros quarter);

// Returns the number of exported flows with noise. The noise has a component that varies by day and is common to all routers,
// one that varies over hours, one of this quarter alone, and counting noise (the square root of the number). With noise
// 0, the expected number is randomly rounded up or down.
std::uint64_t flows_of_quarter(const SimulationSpec& spec, std::uint32_t router, Micros quarter);

// Returns the number of flows the router exports in the hour.
std::uint64_t flows_of_hour(const SimulationSpec& spec, std::size_t router_index, Micros hour);

// Exports the hour of routers[router_index] that starts at `hour`. A pure function of its arguments; the flow sequence is the
// number of flows exported before this hour.
ExportedHour export_hour(const SimulationSpec& spec, std::size_t router_index, Micros hour, std::uint32_t flow_sequence);

}  // namespace mole::cli
