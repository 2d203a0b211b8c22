// Exports one hour of one router as NetFlow v5: the flows the router measured, and the datagrams that reached the collector.
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

// `measured`: by the router. `received`: by the collector, before any damage to the file.
struct Truth {
  Volume measured, received;
  void merge(const Truth& o) {
    measured.merge(o.measured);
    received.merge(o.received);
  }
};

struct ExportedHour {
  std::string content;  // concatenated datagrams
  std::uint64_t datagrams = 0, datagrams_lost = 0;
  Truth truth;
  std::map<Micros, Truth> by_interval;  // by flow start
  std::vector<std::uint64_t> by_event;  // flows added or removed by each event, before loss
};

// Returns the number of flows the router exports in the hour.
std::uint64_t flows_of_hour(const SimulationSpec& spec, std::size_t router_index, Micros hour);

// Exports the hour of routers[router_index] that starts at `hour`. A pure function of its arguments; the flow sequence is the
// number of flows exported before this hour.
ExportedHour export_hour(const SimulationSpec& spec, std::size_t router_index, Micros hour, std::uint32_t flow_sequence);

}  // namespace mole::cli
