#include <mole/metric.hpp>

#include "degrees.hpp"
#include "graph.hpp"
#include "services.hpp"

// Distinct peers of each host and their distribution; hosts by service and P2P network; hosts with very many peers. Exact: all
// pairs of addresses are kept. A pair of an IPv4 and an IPv6 address counts as IPv6.
struct Peers {
  static constexpr auto about = mole::metric("peers", "1.0.0", "Hosts by service and by the number of their peers, exact");

  struct Row {
    std::uint64_t hosts, src_hosts, dst_hosts, pairs, mutual;
    std::optional<double> mutual_share, peers_mean, out_mean, in_mean;
    std::optional<std::uint64_t> peers_p50, peers_p90, peers_p99, out_p50, out_p90, out_p99, in_p50, in_p90, in_p99;
    std::uint64_t peers_max, out_max, in_max;
    std::uint64_t c1, c2, c4, c8, c16, c32, c64, c128, c256, c512, c1024;
    std::uint64_t heavy_hosts, heavy_p2p_hosts;
    std::optional<double> heavy_bytes_share, p2p_bytes_share;
    std::uint64_t p2p_hosts, p2p_flows, p2p_bytes;
    std::uint64_t edonkey, bittorrent, gnutella, fasttrack, winmx, direct_connect, soulseek;
    std::uint64_t web_servers, web_clients, mail_servers, mail_clients, dns_servers, dns_clients, ftp_servers, ftp_clients,
        login_servers, login_clients, news_servers, news_clients, windows_servers, windows_clients;
  };
  static constexpr auto output = mole::columns(
      mole::column("hosts", &Row::hosts, mole::unit::host, "Distinct addresses, sources and destinations together"),
      mole::column("src_hosts", &Row::src_hosts, mole::unit::host, "Distinct addresses that sent"),
      mole::column("dst_hosts", &Row::dst_hosts, mole::unit::host, "Distinct addresses that were sent to"),
      mole::column("host_pairs", &Row::pairs, mole::unit::one, "Unordered pairs of addresses with a flow between them"),
      mole::column("mutual_pairs", &Row::mutual, mole::unit::one, "Of these, pairs with flows in both directions"),
      mole::column("mutual_pairs_share", &Row::mutual_share, mole::unit::one, "mutual_pairs / host_pairs; null without flows"),
      mole::column("peers_mean", &Row::peers_mean, mole::unit::host, "Distinct peers of a host, mean"),
      mole::column("peers_p50", &Row::peers_p50, mole::unit::host, "Distinct peers of a host, median (nearest rank)"),
      mole::column("peers_p90", &Row::peers_p90, mole::unit::host, "Distinct peers of a host, 90 % quantile"),
      mole::column("peers_p99", &Row::peers_p99, mole::unit::host, "Distinct peers of a host, 99 % quantile"),
      mole::column("peers_max", &Row::peers_max, mole::unit::host, "Distinct peers of the host with most"),
      mole::column("fan_out_mean", &Row::out_mean, mole::unit::host, "Distinct destinations of a source, mean"),
      mole::column("fan_out_p50", &Row::out_p50, mole::unit::host, "Distinct destinations of a source, median"),
      mole::column("fan_out_p90", &Row::out_p90, mole::unit::host, "Distinct destinations of a source, 90 % quantile"),
      mole::column("fan_out_p99", &Row::out_p99, mole::unit::host, "Distinct destinations of a source, 99 % quantile"),
      mole::column("fan_out_max", &Row::out_max, mole::unit::host, "Distinct destinations of the source with most"),
      mole::column("fan_in_mean", &Row::in_mean, mole::unit::host, "Distinct sources of a destination, mean"),
      mole::column("fan_in_p50", &Row::in_p50, mole::unit::host, "Distinct sources of a destination, median"),
      mole::column("fan_in_p90", &Row::in_p90, mole::unit::host, "Distinct sources of a destination, 90 % quantile"),
      mole::column("fan_in_p99", &Row::in_p99, mole::unit::host, "Distinct sources of a destination, 99 % quantile"),
      mole::column("fan_in_max", &Row::in_max, mole::unit::host, "Distinct sources of the destination with most"),
      mole::column("peers_1_hosts", &Row::c1, mole::unit::host, "Hosts with 1 peer"),
      mole::column("peers_2_3_hosts", &Row::c2, mole::unit::host, "Hosts with 2 or 3 peers"),
      mole::column("peers_4_7_hosts", &Row::c4, mole::unit::host, "Hosts with 4 to 7 peers"),
      mole::column("peers_8_15_hosts", &Row::c8, mole::unit::host, "Hosts with 8 to 15 peers"),
      mole::column("peers_16_31_hosts", &Row::c16, mole::unit::host, "Hosts with 16 to 31 peers"),
      mole::column("peers_32_63_hosts", &Row::c32, mole::unit::host, "Hosts with 32 to 63 peers"),
      mole::column("peers_64_127_hosts", &Row::c64, mole::unit::host, "Hosts with 64 to 127 peers"),
      mole::column("peers_128_255_hosts", &Row::c128, mole::unit::host, "Hosts with 128 to 255 peers"),
      mole::column("peers_256_511_hosts", &Row::c256, mole::unit::host, "Hosts with 256 to 511 peers"),
      mole::column("peers_512_1023_hosts", &Row::c512, mole::unit::host, "Hosts with 512 to 1023 peers"),
      mole::column("peers_1024_hosts", &Row::c1024, mole::unit::host, "Hosts with 1024 peers or more"),
      mole::column("heavy_hosts", &Row::heavy_hosts, mole::unit::host, "Hosts with more peers than the parameter heavy_peers"),
      mole::column("heavy_p2p_hosts", &Row::heavy_p2p_hosts, mole::unit::host, "Of these, hosts that used a P2P port"),
      mole::column("heavy_bytes_share", &Row::heavy_bytes_share, mole::unit::one,
                   "Bytes sent and received by heavy hosts / those of all hosts; null without bytes"),
      mole::column("p2p_hosts", &Row::p2p_hosts, mole::unit::host, "Hosts with a flow from or to a default port of a P2P network"),
      mole::column("p2p_flows", &Row::p2p_flows, mole::unit::flow, "Flows from or to a default port of a P2P network"),
      mole::column("p2p_bytes", &Row::p2p_bytes, mole::unit::byte, "Bytes of these flows"),
      mole::column("p2p_bytes_share", &Row::p2p_bytes_share, mole::unit::one, "p2p_bytes / all bytes; null without bytes"),
      mole::column("edonkey_hosts", &Row::edonkey, mole::unit::host, "Hosts of eDonkey, eMule, Kademlia"),
      mole::column("bittorrent_hosts", &Row::bittorrent, mole::unit::host, "Hosts of BitTorrent"),
      mole::column("gnutella_hosts", &Row::gnutella, mole::unit::host, "Hosts of Gnutella"),
      mole::column("fasttrack_hosts", &Row::fasttrack, mole::unit::host, "Hosts of FastTrack (KaZaA)"),
      mole::column("winmx_hosts", &Row::winmx, mole::unit::host, "Hosts of WinMX"),
      mole::column("direct_connect_hosts", &Row::direct_connect, mole::unit::host, "Hosts of Direct Connect"),
      mole::column("soulseek_hosts", &Row::soulseek, mole::unit::host, "Hosts of Soulseek"),
      mole::column("web_servers", &Row::web_servers, mole::unit::host, "Hosts at the service port of a web flow"),
      mole::column("web_clients", &Row::web_clients, mole::unit::host, "Hosts at the other end of a web flow"),
      mole::column("mail_servers", &Row::mail_servers, mole::unit::host, "Hosts at the service port of a mail flow"),
      mole::column("mail_clients", &Row::mail_clients, mole::unit::host, "Hosts at the other end of a mail flow"),
      mole::column("dns_servers", &Row::dns_servers, mole::unit::host, "Hosts at the service port of a DNS flow"),
      mole::column("dns_clients", &Row::dns_clients, mole::unit::host, "Hosts at the other end of a DNS flow"),
      mole::column("ftp_servers", &Row::ftp_servers, mole::unit::host, "Hosts at the service port of an FTP flow"),
      mole::column("ftp_clients", &Row::ftp_clients, mole::unit::host, "Hosts at the other end of an FTP flow"),
      mole::column("login_servers", &Row::login_servers, mole::unit::host, "Hosts at the port of SSH, Telnet, RDP or VNC"),
      mole::column("login_clients", &Row::login_clients, mole::unit::host, "Hosts at the other end of such a flow"),
      mole::column("news_servers", &Row::news_servers, mole::unit::host, "Hosts at the service port of a news flow"),
      mole::column("news_clients", &Row::news_clients, mole::unit::host, "Hosts at the other end of a news flow"),
      mole::column("windows_servers", &Row::windows_servers, mole::unit::host, "Hosts at the port of RPC, NetBIOS or SMB"),
      mole::column("windows_clients", &Row::windows_clients, mole::unit::host, "Hosts at the other end of such a flow"));

  struct Params {
    std::uint64_t heavy_peers = 100;
  };
  static constexpr auto params = mole::params(mole::param("heavy_peers", &Params::heavy_peers, mole::unit::host, mole::range(1, 1e9),
                                                          "A host with more distinct peers than this is heavy"));
  struct Module {
    explicit Module(const Params& p) : heavy_peers(p.heavy_peers) {}
    std::uint64_t heavy_peers;
    ServiceTable services;
  };

  explicit Peers(const Module& m) : module(&m) {}
  const Module* module;
  Graph<std::uint32_t> v4;
  Graph<mole::Addr> v6;
  std::uint64_t bytes = 0, p2p_flows = 0, p2p_bytes = 0;
  static constexpr auto state = mole::fields(&Peers::v4, &Peers::v6, &Peers::bytes, &Peers::p2p_flows, &Peers::p2p_bytes);

  using Flows = mole::Flows<mole::src_addr, mole::dst_addr, mole::src_port, mole::dst_port, mole::protocol, mole::bytes>;
  using Roles = std::array<std::uint32_t, 2>;

  void add(const Flows& flows) {
    const auto bytes_of = flows.span<mole::bytes>();
    thread_local std::vector<Roles> roles;
    roles.resize(flows.size());
    find_roles(flows, roles);
    mole::for_families<mole::src_addr, mole::dst_addr>(flows, [&]<class A>(std::span<const A> src, std::span<const A> dst, std::size_t first) {
      if constexpr (std::is_same_v<A, mole::Addr>) v6.add(src, dst, bytes_of.subspan(first), std::span(roles).subspan(first));
      else v4.add(src, dst, bytes_of.subspan(first), std::span(roles).subspan(first));
    });
  }
  void merge(const Peers& other) {
    v4.merge(other.v4);
    v6.merge(other.v6);
    bytes += other.bytes;
    p2p_flows += other.p2p_flows;
    p2p_bytes += other.p2p_bytes;
  }

  Row finish() const {
    Summary all(module->heavy_peers);
    all.take(v4);
    all.take(v6);
    Row row{};
    all.fill_degrees(row);
    all.fill_hosts(row);
    row.p2p_flows = p2p_flows;
    row.p2p_bytes = p2p_bytes;
    row.heavy_bytes_share = ratio(all.heavy_bytes, all.host_bytes);
    row.p2p_bytes_share = ratio(p2p_bytes, bytes);
    return row;
  }

 private:
  static std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
    return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
  }

  void find_roles(const Flows& flows, std::vector<Roles>& roles) {
    const auto protocol = flows.span<mole::protocol>();
    const auto src_port = flows.span<mole::src_port>(), dst_port = flows.span<mole::dst_port>();
    const auto bytes_of = flows.span<mole::bytes>();
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const auto [service, src_serves] = module->services.match(protocol[i], src_port[i], dst_port[i]);
      const std::uint32_t serves = service == none ? 0 : 1u << service, uses = serves << 16;
      roles[i] = src_serves ? Roles{serves, uses} : Roles{uses, serves};
      bytes += bytes_of[i];
      if (is_p2p(service)) {
        ++p2p_flows;
        p2p_bytes += bytes_of[i];
      }
    }
  }

  struct Summary {
    explicit Summary(std::uint64_t above) : heavy_peers(above) {}
    std::uint64_t heavy_peers;
    Degrees peers, out, in;
    std::uint64_t pairs = 0, mutual = 0, heavy = 0, heavy_p2p = 0, heavy_bytes = 0, host_bytes = 0, p2p = 0;
    std::array<std::uint64_t, service_count> servers{}, clients{}, members{};

    template <class A>
    void take(const Graph<A>& graph) {
      pairs += graph.pairs.size();
      mutual += graph.mutual();
      const auto degrees = graph.degrees();
      graph.hosts.for_each([&](const A& address, const Host& host) {
        const auto* degree = degrees.find(address);
        take(degree ? *degree : Degree{}, host);  // none: only in a state that was tampered with
      });
    }
    void take(const Degree& degree, const Host& host) {
      peers.add(degree.peers);
      out.add(degree.out);
      in.add(degree.in);
      host_bytes += host.bytes;
      const std::uint32_t serves = host.roles & 0xffffu, uses = host.roles >> 16, takes_part = serves | uses;
      constexpr std::uint32_t p2p_services = (2u << soulseek) - (1u << edonkey);
      const bool is_peer = (takes_part & p2p_services) != 0;
      p2p += is_peer;
      if (degree.peers > heavy_peers) {
        ++heavy;
        heavy_p2p += is_peer;
        heavy_bytes += host.bytes;
      }
      for (std::size_t s = edonkey; s < service_count; ++s) {
        servers[s] += serves >> s & 1;
        clients[s] += uses >> s & 1;
        members[s] += takes_part >> s & 1;
      }
    }
    void fill_degrees(Row& row) {
      row.hosts = peers.count();
      row.src_hosts = out.count();
      row.dst_hosts = in.count();
      row.pairs = pairs;
      row.mutual = mutual;
      row.mutual_share = ratio(mutual, pairs);
      row.peers_mean = peers.mean(), row.out_mean = out.mean(), row.in_mean = in.mean();
      row.peers_p50 = peers.quantile(0.5), row.peers_p90 = peers.quantile(0.9), row.peers_p99 = peers.quantile(0.99);
      row.out_p50 = out.quantile(0.5), row.out_p90 = out.quantile(0.9), row.out_p99 = out.quantile(0.99);
      row.in_p50 = in.quantile(0.5), row.in_p90 = in.quantile(0.9), row.in_p99 = in.quantile(0.99);
      row.peers_max = peers.max(), row.out_max = out.max(), row.in_max = in.max();
      static constexpr std::uint64_t Row::*classes[Degrees::classes] = {&Row::c1,  &Row::c2,   &Row::c4,   &Row::c8,   &Row::c16,  &Row::c32,
                                                                        &Row::c64, &Row::c128, &Row::c256, &Row::c512, &Row::c1024};
      const auto counts = peers.by_class();
      for (std::size_t i = 0; i < counts.size(); ++i) row.*classes[i] = counts[i];
    }
    void fill_hosts(Row& row) const {
      row.heavy_hosts = heavy;
      row.heavy_p2p_hosts = heavy_p2p;
      row.p2p_hosts = p2p;
      row.edonkey = members[edonkey], row.bittorrent = members[bittorrent], row.gnutella = members[gnutella];
      row.fasttrack = members[fasttrack], row.winmx = members[winmx], row.direct_connect = members[direct_connect];
      row.soulseek = members[soulseek];
      row.web_servers = servers[web], row.web_clients = clients[web];
      row.mail_servers = servers[mail], row.mail_clients = clients[mail];
      row.dns_servers = servers[dns], row.dns_clients = clients[dns];
      row.ftp_servers = servers[ftp], row.ftp_clients = clients[ftp];
      row.login_servers = servers[login], row.login_clients = clients[login];
      row.news_servers = servers[news], row.news_clients = clients[news];
      row.windows_servers = servers[windows], row.windows_clients = clients[windows];
    }
  };
};

MOLE_PLUGINS(Peers)
