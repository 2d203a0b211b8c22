// The shape of the simulated traffic, as the Mothra report describes its production load: 80 % of a day's flows between
// 07 and 19 h, weekends 30 % of a weekday, and its label mix (table 3), told by port.
#pragma once

#include "cli/simulate/random.hpp"
#include "sdk/descriptor/time.hpp"

#include <cstdint>

namespace mole::cli {

// Flows one router exports in the hour that begins at `hour`, when an average hour of a weekday has `flows_per_hour`.
std::uint64_t flows_of_hour(std::uint64_t flows_per_hour, Micros hour);

// Who talks how: the fields of a flow that do not depend on time.
struct Conversation {
  std::uint32_t source = 0, destination = 0, next_hop = 0;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint16_t in_if = 0, out_if = 0;
  std::uint16_t source_as = 0, destination_as = 0;
  std::uint8_t source_mask = 0, destination_mask = 0;
  std::uint8_t protocol = 0, tcp_flags = 0, tos = 0;
  std::uint32_t packets = 0, bytes = 0;
};

// Addresses are of blocks nobody routes (10.19.0.0/16 inside, 100.64.0.0/10 and 198.18.0.0/15 outside), AS numbers
// private.
Conversation draw_conversation(Random& random);

}  // namespace mole::cli
