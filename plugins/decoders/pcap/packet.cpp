#include "plugins/decoders/pcap/packet.hpp"

#include "plugins/decoders/pcap/bytes.hpp"

#include <algorithm>

namespace mole::plugins::capture {
namespace {

enum LinkType : std::uint32_t {
  link_null = 0,
  link_ethernet = 1,
  link_ppp = 9,
  link_raw_bsd = 12,
  link_raw_openbsd = 14,
  link_ppp_hdlc = 50,
  link_pppoe = 51,
  link_raw = 101,
  link_cisco_hdlc = 104,
  link_loop = 108,
  link_linux_cooked = 113,
  link_ipv4 = 228,
  link_ipv6 = 229,
  link_linux_cooked_2 = 276,
};

Frame none() { return {}; }
Frame ip(Bytes bytes) { return {Network::ip, bytes}; }

Frame after_ppp(Bytes bytes) {
  if (bytes.size() >= 2 && u16(bytes.data()) == 0xff03) bytes = bytes.subspan(2);  // address and control
  if (bytes.size() < 2) return none();
  const std::uint16_t protocol = u16(bytes.data());
  return protocol == 0x0021 || protocol == 0x0057 ? ip(bytes.subspan(2)) : none();
}

// `bytes` begin after an EtherType.
Frame after_ethertype(std::uint16_t type, Bytes bytes) {
  while (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200) {  // VLAN tags
    if (bytes.size() < 4) return none();
    type = u16(bytes.data() + 2);
    bytes = bytes.subspan(4);
  }
  constexpr std::uint16_t max_length = 1500;  // not a type, but the length of an IEEE 802.3 frame
  if (type <= max_length && bytes.size() >= 8 && u16(bytes.data()) == 0xaaaa && u8(bytes.data() + 2) == 3) {  // LLC and SNAP
    type = u16(bytes.data() + 6);
    bytes = bytes.subspan(8);
  }
  switch (type) {
    case 0x0800:
    case 0x86dd:
      return ip(bytes);
    case 0x8847:
    case 0x8848:
      while (bytes.size() >= 4) {  // MPLS labels; the last one has bit 0x100
        const bool last = (u32(bytes.data()) & 0x100) != 0;
        bytes = bytes.subspan(4);
        if (last) return ip(bytes);
      }
      return none();
    case 0x8864:
      return bytes.size() < 8 ? none() : after_ppp(bytes.subspan(6));
    default:
      return none();
  }
}

// A header of `size` bytes with an EtherType at `at`.
Frame after_header(Bytes bytes, std::size_t size, std::size_t at) {
  return bytes.size() < size ? none() : after_ethertype(u16(bytes.data() + at), bytes.subspan(size));
}

Frame after_family(Bytes bytes, bool big) {
  if (bytes.size() < 4) return none();
  const std::uint32_t family = read32(bytes.data(), big);
  const bool known = family == 2 || family == 10 || family == 24 || family == 28 || family == 30;  // IPv4, or IPv6 of some system
  return known ? ip(bytes.subspan(4)) : none();
}

std::optional<IpPacket> ipv4(Bytes bytes) {
  constexpr std::size_t min_header = 20;
  if (bytes.size() < min_header) return std::nullopt;
  const std::byte* p = bytes.data();
  const std::size_t header = (u8(p) & 15u) * 4, stated = u16(p + 2);
  const std::size_t total = stated == 0 ? bytes.size() : stated;  // 0: the network card cuts a large packet later
  if (header < min_header || total < header || bytes.size() < header) return std::nullopt;
  IpPacket packet;
  packet.source = Addr::v4(u32(p + 12));
  packet.destination = Addr::v4(u32(p + 16));
  packet.protocol = u8(p + 9);
  packet.size = total - header;
  packet.payload = bytes.subspan(header, std::min(packet.size, bytes.size() - header));
  packet.at = (u16(p + 6) & 0x1fffu) * 8;
  packet.more_fragments = (u16(p + 6) & 0x2000) != 0;
  packet.fragment = packet.more_fragments || packet.at > 0;
  packet.identification = u16(p + 4);
  return packet;
}

std::optional<IpPacket> ipv6(Bytes bytes) {
  constexpr std::size_t header = 40;
  if (bytes.size() < header) return std::nullopt;
  const std::byte* p = bytes.data();
  const std::size_t stated = u16(p + 4);
  IpPacket packet;
  packet.source = Addr::v6(p + 8);
  packet.destination = Addr::v6(p + 24);
  packet.protocol = u8(p + 6);
  packet.size = stated == 0 ? bytes.size() - header : stated;
  packet.payload = bytes.subspan(header, std::min(packet.size, bytes.size() - header));
  return skip_extensions(packet) ? std::optional(packet) : std::nullopt;
}

bool skip_one(IpPacket& packet, std::size_t size) {
  if (packet.payload.size() < size) return false;
  packet.protocol = u8(packet.payload.data());
  packet.payload = packet.payload.subspan(size);
  packet.size -= size;
  return true;
}

}  // namespace

Frame frame_of(const Packet& packet) {
  const Bytes bytes = packet.bytes;
  switch (packet.link_type) {
    case link_null:
      return after_family(bytes, packet.big_endian);
    case link_loop:
      return after_family(bytes, true);
    case link_ethernet:
      return after_header(bytes, 14, 12);
    case link_cisco_hdlc:
      return after_header(bytes, 4, 2);
    case link_linux_cooked:
      return after_header(bytes, 16, 14);
    case link_linux_cooked_2:
      return after_header(bytes, 20, 0);
    case link_ppp:
    case link_ppp_hdlc:
      return after_ppp(bytes);
    case link_pppoe:
      return bytes.size() < 8 ? none() : after_ppp(bytes.subspan(6));
    case link_raw_bsd:
    case link_raw_openbsd:
    case link_raw:
    case link_ipv4:
    case link_ipv6:
      return ip(bytes);
    default:
      return {Network::unknown_link, {}};
  }
}

bool skip_extensions(IpPacket& packet) {
  while (packet.payload.size() >= 8) {
    const std::byte* p = packet.payload.data();
    switch (packet.protocol) {
      case 0:    // hop-by-hop options
      case 43:   // routing
      case 60:   // destination options
      case 135:  // mobility
        if (!skip_one(packet, (u8(p + 1) + std::size_t{1}) * 8)) return false;
        continue;
      case 51:  // authentication
        if (!skip_one(packet, (u8(p + 1) + std::size_t{2}) * 4)) return false;
        continue;
      case 44:
        packet.at = u16(p + 2) & 0xfff8u;
        packet.more_fragments = (u16(p + 2) & 1) != 0;
        packet.fragment = packet.more_fragments || packet.at > 0;
        packet.identification = u32(p + 4);
        if (!skip_one(packet, 8)) return false;
        if (packet.fragment) return true;  // what follows is a part
        continue;
      default:
        return true;
    }
  }
  return true;
}

std::optional<IpPacket> ip_packet(Bytes bytes) {
  if (bytes.empty()) return std::nullopt;
  const unsigned version = u8(bytes.data()) >> 4;
  return version == 4 ? ipv4(bytes) : version == 6 ? ipv6(bytes) : std::nullopt;
}

}  // namespace mole::plugins::capture
