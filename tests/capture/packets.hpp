// Writes export datagrams, packets and captures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mole::testing {

// `value` in `size` bytes.
std::string number(std::uint64_t value, std::size_t size, bool big = true);

// Export datagrams. Flow i has source port `sequence` + i.
std::string v5_datagram(std::uint32_t sequence, std::uint16_t count = 2);
// With a template: source and destination address, source port, bytes and packets of `count` flows.
std::string v9_datagram(std::uint32_t sequence, std::uint16_t first_port, std::uint16_t count = 2, bool with_template = true);
std::string ipfix_datagram(std::uint32_t sequence, std::uint16_t first_port, std::uint16_t count = 2, bool with_template = true,
                           std::uint32_t domain = 7);

struct Sender {
  std::string address = std::string("\x0a\0\0\x01", 4);  // 4 or 16 bytes
  std::uint16_t port = 30000, to = 2055;
};
std::string udp(const std::string& payload, const Sender& from = {});

// IP packets of either version, by the length of the sender's address.
struct IpOptions {
  std::uint8_t protocol = 17;
  std::string options = {};             // of IPv4, a multiple of 4 bytes; extension headers of IPv6 (the first is of type 0)
  std::size_t at = 0;                   // place of a fragment
  bool more = false, fragment = false;  // IPv6: with a fragment header
  std::uint32_t identification = 1;
};
std::string ip(const std::string& payload, const Sender& from = {}, const IpOptions& options = {});
// The fragments of a packet, each with up to `size` bytes of the payload.
std::vector<std::string> fragments(const std::string& payload, std::size_t size, const Sender& from = {},
                                   std::uint32_t identification = 1);

// An Ethernet frame; `tags`: EtherTypes of VLAN tags.
std::string ethernet(const std::string& ip_packet, const std::vector<std::uint16_t>& tags = {});

struct PcapOptions {
  bool big = false, nanoseconds = false;
  std::uint32_t link_type = 1;
};
std::string pcap_header(const PcapOptions& options = {});
// `captured`: bytes of the frame that are captured.
std::string pcap_packet(const std::string& frame, std::uint32_t seconds = 1'700'000'000, const PcapOptions& options = {},
                        std::size_t captured = SIZE_MAX);
// One packet per second.
std::string pcap(const std::vector<std::string>& frames, const PcapOptions& options = {});

std::string block(std::uint32_t type, std::string body, bool big);
std::string section(bool big);
// `resolution`: the value of if_tsresol.
std::string interface(std::uint16_t link_type, bool big, int resolution = -1);
std::string enhanced(const std::string& frame, bool big, std::uint32_t interface = 0,
                     std::uint64_t ticks = 1'700'000'000'000'000);
std::string simple(const std::string& frame, bool big);
std::string obsolete(const std::string& frame, bool big, std::uint16_t interface = 0);

}  // namespace mole::testing
