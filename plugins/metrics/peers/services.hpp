// What a port says of a host: the declared table of services and peer-to-peer networks. P2P ports are the networks' defaults
// of their time (Karagiannis et al., "Transport layer identification of P2P traffic", IMC 2004; Haemmerle, "P2P population
// tracking", ETH MA-2004-04); the others are IANA's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

enum Service : std::uint8_t {
  none, edonkey, bittorrent, gnutella, fasttrack, winmx, direct_connect, soulseek,  // P2P up to here
  web, mail, dns, ftp, login, news, windows, service_count
};
constexpr bool is_p2p(std::uint8_t s) { return s >= edonkey && s <= soulseek; }

struct ServicePorts {
  Service service;
  bool tcp, udp;
  std::uint16_t first, last;
};
inline constexpr ServicePorts service_ports[] = {
    {edonkey, true, true, 4661, 4665},     // servers, clients, server queries
    {edonkey, false, true, 4672, 4672},    // eMule, Kademlia
    {bittorrent, true, true, 6881, 6889},
    {bittorrent, true, true, 6969, 6969},  // trackers
    {gnutella, true, true, 6346, 6349},
    {fasttrack, true, true, 1214, 1214},
    {winmx, true, false, 6699, 6699},
    {winmx, false, true, 6257, 6257},
    {direct_connect, true, true, 411, 413},
    {soulseek, true, false, 2234, 2234},
    {soulseek, true, false, 5534, 5534},
    {web, true, true, 80, 80},
    {web, true, true, 443, 443},
    {web, true, false, 8080, 8080},
    {mail, true, false, 25, 25},
    {mail, true, false, 110, 110},
    {mail, true, false, 143, 143},
    {mail, true, false, 465, 465},
    {mail, true, false, 587, 587},
    {mail, true, false, 993, 993},
    {mail, true, false, 995, 995},
    {dns, true, true, 53, 53},
    {ftp, true, false, 20, 21},
    {login, true, false, 22, 23},
    {login, true, false, 3389, 3389},
    {login, true, false, 5900, 5900},
    {news, true, false, 119, 119},
    {news, true, false, 563, 563},
    {windows, true, true, 135, 139},
    {windows, true, true, 445, 445},
};

// The service of each port.
class ServiceTable {
 public:
  ServiceTable() : ports_(3 * 65536) {
    for (const auto& s : service_ports) {
      for (unsigned port = s.first; port <= s.last; ++port) {
        if (s.tcp) ports_[tcp + port] = s.service;
        if (s.udp) ports_[udp + port] = s.service;
      }
    }
  }
  struct Match {
    std::uint8_t service = none;
    bool src_serves = false;
  };
  // Of a flow. If both ports are in the table, the lower one is the server's: a reply then falls where its request does.
  Match match(std::uint8_t protocol, std::uint16_t src_port, std::uint16_t dst_port) const {
    const auto* const table = ports_.data() + (protocol == 6 ? tcp : protocol == 17 ? udp : no_ports);
    const auto src = table[src_port], dst = table[dst_port];
    const bool src_serves = src != none && (dst == none || src_port < dst_port);
    return {src_serves ? src : dst, src_serves};
  }

 private:
  static constexpr std::size_t no_ports = 0, tcp = 65536, udp = 2 * 65536;
  std::vector<std::uint8_t> ports_;
};
