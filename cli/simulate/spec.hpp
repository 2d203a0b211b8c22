// What to simulate: the arguments of `mole archive simulate`.
#pragma once

#include "sdk/model/time.hpp"

#include <cstdint>
#include <optional>
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

// What is planted into the traffic (event.hpp).
enum class EventKind { scan, portscan, crowd, outage };
struct EventWish {
  EventKind kind = EventKind::scan;
  TimeRange span;                       // of the starts of the flows
  std::uint64_t per_million = 0;        // outage: of the flows; else of flows_per_hour, added
  std::optional<std::uint32_t> router;  // nullopt: every router
};

struct SimulationSpec {
  std::uint64_t seed = 1;
  TimeRange range;  // whole hours
  std::vector<std::uint32_t> routers;
  std::uint64_t flows_per_hour = 10'000;     // of one router, in an average hour of a weekday
  std::uint64_t late_per_million = 250'000;  // flows that began before their file's hour; at most a quarter
  std::uint64_t loss_per_million = 0;        // datagrams lost between exporter and collector
  std::uint64_t noise_per_million = 50'000;  // standard deviation of the rate about its profile
  std::int64_t growth_per_million = 0;       // of the rate, in a year of 365 days, not compounded
  std::uint64_t first_sequence = 1;          // number of the first hour file
  std::vector<HourOfRouter> gaps;
  std::vector<DamageWish> damages;
  std::vector<EventWish> events;
};

}  // namespace mole::cli
