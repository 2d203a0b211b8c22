// Services and peer-to-peer networks by port. P2P ports are the default ports of the networks in 2004 (Karagiannis et al.,
// "Transport layer identification of P2P traffic", IMC 2004; Haemmerle, "P2P population tracking", ETH MA-2004-04); the others
// are assigned by IANA.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

enum Service : std::uint8_t {
  none,
  edonkey,
  bittorrent,
  gnutella,
  fasttrack,
  winmx,
  direct_connect,
  soulseek,  // the last P2P network
  web,
  mail,
  dns,
  ftp,
  login,
  news,
  windows
};
constexpr bool is_p2p(unsigned s) { return s - edonkey <= soulseek - edonkey; }

struct ServicePorts {
  Service service;
  bool tcp, udp;
  std::uint16_t first, last;
};
inline constexpr ServicePorts service_ports[] = {
    {edonkey, true, true, 4661, 4665},   // servers, clients, server queries
    {edonkey, false, true, 4672, 4672},  // eMule, Kademlia
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

// Maps ports to services. No service has a port above 8190, so the table fits in the L1 cache.
class ServiceTable {
 public:
  ServiceTable() {
    table_of_[6] = tcp, table_of_[17] = udp;
    for (const auto& s : service_ports) {
      for (unsigned port = s.first; port <= s.last; ++port) {
        if (s.tcp) ports_[tcp * ports + port] = s.service;
        if (s.udp) ports_[udp * ports + port] = s.service;
      }
    }
  }
  struct Match {
    unsigned service = none;
    bool src_serves = false;
  };
  // Returns the service of a flow. If both ports have one, the lower port is the server's, so that requests and replies match the
  // same service. Branchless, because branches would be mispredicted.
  Match match(std::uint8_t protocol, std::uint16_t src_port, std::uint16_t dst_port) const {
    const auto* const table = ports_.data() + table_of_[protocol] * ports;
    const unsigned src = table[index_of(src_port)], dst = table[index_of(dst_port)];
    const bool src_serves = (src != none) & ((dst == none) | (src_port < dst_port));
    return {dst ^ ((src ^ dst) & (0u - src_serves)), src_serves};
  }

 private:
  static constexpr unsigned ports = 8192, others = ports - 1;
  enum Table : std::uint8_t { no_ports, tcp, udp, tables };
  static constexpr unsigned index_of(unsigned port) { return (port | (0u - (port >= others))) & others; }
  static_assert(std::all_of(std::begin(service_ports), std::end(service_ports), [](const auto& s) { return s.last < others; }));
  std::array<std::uint8_t, tables * ports> ports_{};
  std::array<std::uint8_t, 256> table_of_{};  // protocol -> Table
};
