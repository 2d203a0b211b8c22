// The simulated network: its addresses and routes, and the fields of a flow that do not depend on time: hosts, service, size. The
// mix of services by port is that of the Mothra report (table 3).
//
// The home network is 10.19.0.0/16, AS 64512. The outside networks are 100.64.0.0/10 and 198.18.0.0/15, divided into /20 prefixes
// of a thousand private ASes (64513 to 65512). A prefix moves to a different AS every 120 days; prefixes move on different days.
#pragma once

#include "cli/simulate/random.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <string>

namespace mole::cli {

inline constexpr std::uint32_t home_net = 0x0a130000, home_mask = 0xffff0000;
inline constexpr std::uint16_t home_as = 64'512;

inline bool is_home(std::uint32_t address) { return (address & home_mask) == home_net; }

std::string dotted(std::uint32_t address);  // "10.19.0.1"

// Returns the AS of an address on the day of `at`; 0 if no prefix contains the address.
std::uint16_t as_of(std::uint32_t address, Micros at);

// Returns the routing table of a day, ordered by address, one "10.19.0.0/16 64512" per line.
std::string routing_table(Micros day);

// "rib.2007-09-22.txt"
std::string routing_table_name(Micros day);

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

// Draws a host inside or outside the home network; a few hosts are much more frequent than the others.
std::uint32_t inside_host(Random& random);
std::uint32_t outside_host(Random& random);
std::uint16_t high_port(Random& random);

// Sets interfaces (1: home, 2 and 3: upstream), next hop and masks from the addresses.
void route(Conversation& c);

// Draws the request of a client to a server: 96 % cross the border of the home network, 2 % are internal, 2 % are transit.
Conversation draw_request(Random& random);
// Draws the reply of the server.
Conversation draw_reply(Random& random, const Conversation& request);

}  // namespace mole::cli
