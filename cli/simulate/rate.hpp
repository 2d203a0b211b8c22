// How many flows there are: the rhythm of day and week, as the Mothra report describes its production load (80 % of a
// day's flows between 07 and 19 h, weekends 30 % of a weekday), growth, and noise.
#pragma once

#include "cli/simulate/spec.hpp"

namespace mole::cli {

inline constexpr Micros quarter_us = 15 * minute_us;

// Thousandths of flows one router exports in the quarter of an hour that begins at `quarter`, without noise.
std::uint64_t expected_milliflows(const SimulationSpec& spec, Micros quarter);

// The flows it does export. The noise has a part that lasts a day and is common to all routers, one that lasts hours,
// one of this quarter alone, and that of counting (a standard deviation of the root of the number). Without noise it is
// the expected number, rounded up or down by chance.
std::uint64_t flows_of_quarter(const SimulationSpec& spec, std::uint32_t router, Micros quarter);

}  // namespace mole::cli
