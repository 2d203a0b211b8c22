// Routing of the simulated network. Home is 10.19.0.0/16, AS 64512. The rest is 100.64.0.0/10 and 198.18.0.0/15, divided into
// /20 prefixes that belong to a thousand private AS (64513 to 65512). A prefix moves to another AS every 120 days; different
// prefixes move on different days.
#pragma once

#include "sdk/model/time.hpp"

#include <cstdint>
#include <string>

namespace mole::cli {

inline constexpr std::uint32_t home_net = 0x0a130000, home_mask = 0xffff0000;
inline constexpr std::uint16_t home_as = 64'512;

inline bool is_home(std::uint32_t address) { return (address & home_mask) == home_net; }

std::string dotted(std::uint32_t address);  // "10.19.0.1"

// Returns the AS of an address on the day of `at`; 0 for an address without a prefix.
std::uint16_t as_of(std::uint32_t address, Micros at);

// Returns the routing table of a day, ordered by address, one "10.19.0.0/16 64512" per line.
std::string routing_table(Micros day);

// "rib.2007-09-22.txt"
std::string routing_table_name(Micros day);

}  // namespace mole::cli
