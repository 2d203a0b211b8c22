// Who talks to whom about what: the fields of a flow that do not depend on time. The mix of services is that of the
// Mothra report (table 3), told by port.
#pragma once

#include "cli/simulate/random.hpp"

#include <cstdint>

namespace mole::cli {

struct Conversation {
  std::uint32_t source = 0, destination = 0, next_hop = 0;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint16_t in_if = 0, out_if = 0;
  std::uint8_t source_mask = 0, destination_mask = 0;
  std::uint8_t protocol = 0, tcp_flags = 0, tos = 0;
  std::uint32_t packets = 0, bytes = 0;
  bool answered = false;
};

inline constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17, gre = 47;
inline constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10;

// A host of the home network, and one outside; few of them are met often.
std::uint32_t inside_host(Random& random);
std::uint32_t outside_host(Random& random);
std::uint16_t high_port(Random& random);

// Interfaces (1: home, 2 and 3: upstream), next hop and masks, from the addresses.
void route(Conversation& c);

// What a client sends to a server: of a hundred, 96 cross the border of the home network, two stay inside, two pass by.
Conversation draw_request(Random& random);
// What the server sends back.
Conversation draw_reply(Random& random, const Conversation& request);

}  // namespace mole::cli
