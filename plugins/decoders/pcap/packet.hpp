// Finds the IP packet in a captured frame, and what it contains.
#pragma once

#include "plugins/decoders/pcap/capture.hpp"

#include <mole/addr.hpp>

namespace mole::plugins::capture {

// The network layer of a frame.
enum class Network { none, ip, unknown_link };
struct Frame {
  Network network = Network::none;
  Bytes ip;  // from the IP header on
};
// Reads through the link layer: VLAN tags, MPLS labels and PPPoE, too.
Frame frame_of(const Packet& packet);

constexpr std::uint8_t protocol_tcp = 6, protocol_udp = 17, protocol_sctp = 132;

// An IP packet: a whole one, or a fragment.
struct IpPacket {
  Addr source{}, destination{};
  std::uint8_t protocol = 0;
  Bytes payload;                // what of it was captured
  std::size_t size = 0;         // of the payload as sent
  bool fragment = false;        // `payload` is a part
  bool more_fragments = false;  // and not the last one
  std::size_t at = 0;           // where it belongs
  std::uint32_t identification = 0;

  bool truncated() const { return payload.size() < size; }
};
// nullopt: not IP, or its header was not captured.
std::optional<IpPacket> ip_packet(Bytes bytes);
// Skips the extension headers of IPv6 before the payload, up to a fragment. False: they are cut short.
bool skip_extensions(IpPacket& packet);

}  // namespace mole::plugins::capture
