// The flow rate: a daily and weekly profile like the production load of the Mothra report (80 % of the flows of a day between
// 07 and 19 h, 30 % of a weekday on weekend days), growth, and noise.
#pragma once

#include "cli/simulate/spec.hpp"

namespace mole::cli {

inline constexpr Micros quarter_us = 15 * minute_us;

// Returns the expected number of flows, in thousandths, that one router exports in the 15 minutes from `quarter`.
std::uint64_t expected_milliflows(const SimulationSpec& spec, Micros quarter);

// Returns the number of exported flows with noise. The noise has a part that varies by day and is common to all routers, a
// part that varies over hours, a part of this quarter alone, and counting noise (the square root of the number). With noise
// 0, the expected number is randomly rounded up or down.
std::uint64_t flows_of_quarter(const SimulationSpec& spec, std::uint32_t router, Micros quarter);

}  // namespace mole::cli
