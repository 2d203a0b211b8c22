#include <mole/by_family.hpp>
#include <mole/metric.hpp>

#include "degrees.hpp"
#include "graph.hpp"
#include "services.hpp"

// Distribution of the number of distinct peers of a host; hosts by service and P2P network; hosts with many peers. Exact:
// the state keeps all pairs of addresses. A pair of an IPv4 and an IPv6 address counts as IPv6.
struct Peers {
  static constexpr auto about = mole::metric("peers", "1.0.0", "Hosts by service and by the number of their peers, exact");

  // Hosts at the service port of a service's flows, and hosts at the other end.
  struct Ends {
    std::uint64_t servers, clients;
    static constexpr auto output =
        mole::columns(mole::column("*_servers", &Ends::servers, mole::unit::host, "Hosts at the service port of a flow: *"),
                      mole::column("*_clients", &Ends::clients, mole::unit::host, "Hosts at the other end of such a flow: *"));
  };
  struct Row {
    std::uint64_t hosts, src_hosts, dst_hosts, pairs, mutual;
    std::optional<double> mutual_share;
    DegreeRow peers, fan_out, fan_in;
    std::uint64_t peers_max, fan_out_max, fan_in_max;
    Degrees::Classes classes;
    std::uint64_t heavy_hosts, heavy_p2p_hosts;
    std::optional<double> heavy_bytes_share, p2p_bytes_share;
    std::uint64_t p2p_hosts, p2p_flows, p2p_bytes;
    std::array<std::uint64_t, 7> networks;
    Ends web, mail, dns, ftp, login, news, windows;
  };
  static constexpr auto output = mole::columns(
      mole::column("hosts", &Row::hosts, mole::unit::host, "Distinct addresses, sources and destinations together"),
      mole::column("src_hosts", &Row::src_hosts, mole::unit::host, "Distinct source addresses"),
      mole::column("dst_hosts", &Row::dst_hosts, mole::unit::host, "Distinct destination addresses"),
      mole::column("host_pairs", &Row::pairs, mole::unit::one, "Unordered pairs of addresses with a flow between them"),
      mole::column("mutual_pairs", &Row::mutual, mole::unit::one, "Pairs with flows in both directions"),
      mole::column("mutual_pairs_share", &Row::mutual_share, mole::unit::one,
                   "mutual_pairs / host_pairs; null if there are no flows"),
      mole::group("peers", "distinct peers of a host", &Row::peers, DegreeRow::output),
      mole::column("peers_max", &Row::peers_max, mole::unit::host, "Maximum number of distinct peers of a host"),
      mole::group("fan_out", "distinct destinations of a source", &Row::fan_out, DegreeRow::output),
      mole::column("fan_out_max", &Row::fan_out_max, mole::unit::host, "Maximum number of distinct destinations of a source"),
      mole::group("fan_in", "distinct sources of a destination", &Row::fan_in, DegreeRow::output),
      mole::column("fan_in_max", &Row::fan_in_max, mole::unit::host, "Maximum number of distinct sources of a destination"),
      mole::each(Degrees::class_names, "peers_*_hosts", &Row::classes, mole::unit::host,
                 "Hosts by number of distinct peers: *; the last class has no upper limit"),
      mole::column("heavy_hosts", &Row::heavy_hosts, mole::unit::host, "Hosts with more peers than the parameter heavy_peers"),
      mole::column("heavy_p2p_hosts", &Row::heavy_p2p_hosts, mole::unit::host,
                   "Heavy hosts that used a default port of a P2P network"),
      mole::column("heavy_bytes_share", &Row::heavy_bytes_share, mole::unit::one,
                   "Bytes sent and received by heavy hosts / bytes of all hosts; null if there are no bytes"),
      mole::column("p2p_hosts", &Row::p2p_hosts, mole::unit::host,
                   "Hosts with a flow from or to a default port of a P2P network"),
      mole::column("p2p_flows", &Row::p2p_flows, mole::unit::flow, "Flows from or to a default port of a P2P network"),
      mole::column("p2p_bytes", &Row::p2p_bytes, mole::unit::byte, "Bytes of flows from or to a default port of a P2P network"),
      mole::column("p2p_bytes_share", &Row::p2p_bytes_share, mole::unit::one,
                   "p2p_bytes / all bytes; null if there are no bytes"),
      mole::each(std::array{"edonkey", "bittorrent", "gnutella", "fasttrack", "winmx", "direct_connect", "soulseek"}, "*_hosts",
                 &Row::networks, mole::unit::host, "Hosts with a flow from or to a default port of the network *"),
      mole::group("web", "web", &Row::web, Ends::output), mole::group("mail", "mail", &Row::mail, Ends::output),
      mole::group("dns", "DNS", &Row::dns, Ends::output), mole::group("ftp", "FTP", &Row::ftp, Ends::output),
      mole::group("login", "SSH, Telnet, RDP, VNC", &Row::login, Ends::output),
      mole::group("news", "news", &Row::news, Ends::output),
      mole::group("windows", "RPC, NetBIOS, SMB", &Row::windows, Ends::output));

  struct Params {
    std::uint64_t heavy_peers = 100;
  };
  static constexpr auto params =
      mole::params(mole::param("heavy_peers", &Params::heavy_peers, mole::unit::host, mole::range(1, 1e9),
                               "A host with more distinct peers than this is heavy"));
  struct Module {
    explicit Module(const Params& p) : heavy_peers(p.heavy_peers) {}
    std::uint64_t heavy_peers;
    ServiceTable services;
  };

  explicit Peers(const Module& m) : module(&m) {}
  const Module* module;
  mole::ByFamily<Graph> graphs;
  std::uint64_t bytes = 0, p2p_flows = 0, p2p_bytes = 0;
  static constexpr auto state = mole::fields(&Peers::graphs, &Peers::bytes, &Peers::p2p_flows, &Peers::p2p_bytes);

  using Flows = mole::Flows<mole::src_addr, mole::dst_addr, mole::src_port, mole::dst_port, mole::protocol, mole::bytes>;
  using RolesOfEnds = std::array<std::uint32_t, 2>;  // of source and destination

  void add(const Flows& flows) {
    const auto bytes_of = flows.span<mole::bytes>();
    thread_local std::vector<RolesOfEnds> roles;
    roles.resize(flows.size());
    find_roles(flows, roles);
    graphs.update<mole::src_addr, mole::dst_addr>(flows, [&](auto& graph, auto src, auto dst, std::size_t first) {
      graph.add(src, dst, bytes_of.subspan(first), std::span(roles).subspan(first));
    });
  }
  void merge(const Peers& other) { mole::merge_fields(*this, other); }

  Row finish() const {
    Summary all(module->heavy_peers);
    all.add(graphs.v4);
    all.add(graphs.v6);
    auto row = all.finish();
    row.p2p_flows = p2p_flows;
    row.p2p_bytes = p2p_bytes;
    row.p2p_bytes_share = mole::share(p2p_bytes, bytes);
    return row;
  }

 private:
  void find_roles(const Flows& flows, std::vector<RolesOfEnds>& roles) {
    const auto protocol = flows.span<mole::protocol>();
    const auto src_port = flows.span<mole::src_port>(), dst_port = flows.span<mole::dst_port>();
    const auto bytes_of = flows.span<mole::bytes>();
    std::uint64_t all = 0, p2p = 0, bytes_of_p2p = 0;
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const auto [service, src_serves] = module->services.match(protocol[i], src_port[i], dst_port[i]);
      const std::uint32_t serves = (1u << service) & ~1u;  // bit 0 would mean no service
      roles[i] = {serves << (src_serves ? 0 : 16), serves << (src_serves ? 16 : 0)};
      const std::uint64_t one = is_p2p(service);
      all += bytes_of[i];
      p2p += one;
      bytes_of_p2p += (0 - one) & bytes_of[i];
    }
    bytes += all;
    p2p_flows += p2p;
    p2p_bytes += bytes_of_p2p;
  }

  struct Summary {
    explicit Summary(std::uint64_t above) : heavy_peers(above) {}
    std::uint64_t heavy_peers;
    Row row{};
    Degrees peers, out, in;
    std::uint64_t heavy_bytes = 0, host_bytes = 0;
    std::array<std::uint64_t, 32> in_role{};  // by bit of Roles

    template <class A>
    void add(const Graph<A>& graph) {
      row.pairs += graph.pairs.size();
      const auto hosts = graph.hosts();
      row.mutual += hosts.mutual;
      hosts.by_address.for_each([&](const A&, const Host& host) { add(host); });
    }
    void add(const Host& host) {
      if (host.peers == 0) return;  // has roles but no flows: only possible in a manipulated state
      peers.add(host.peers);
      out.add(host.out);
      in.add(host.in);
      host_bytes += host.bytes;
      const std::uint32_t serves = host.roles & 0xffffu, uses = host.roles >> 16, services = serves | uses;
      constexpr std::uint32_t p2p_services = (2u << soulseek) - (1u << edonkey);
      const bool uses_p2p = (services & p2p_services) != 0;
      row.p2p_hosts += uses_p2p;
      if (host.peers > heavy_peers) {
        ++row.heavy_hosts;
        row.heavy_p2p_hosts += uses_p2p;
        heavy_bytes += host.bytes;
      }
      for (auto bits = host.roles; bits != 0; bits &= bits - 1) ++in_role[static_cast<std::size_t>(std::countr_zero(bits))];
      if (uses_p2p)
        for (std::size_t i = 0; i < row.networks.size(); ++i) row.networks[i] += services >> (edonkey + i) & 1;
    }
    Row finish() {
      row.hosts = peers.count(), row.src_hosts = out.count(), row.dst_hosts = in.count();
      row.mutual_share = mole::share(row.mutual, row.pairs);
      row.peers = peers.row(), row.fan_out = out.row(), row.fan_in = in.row();
      row.peers_max = peers.max(), row.fan_out_max = out.max(), row.fan_in_max = in.max();
      row.classes = peers.by_class();
      row.heavy_bytes_share = mole::share(heavy_bytes, host_bytes);
      const auto ends = [&](Service s) { return Ends{in_role[s], in_role[16 + s]}; };
      row.web = ends(web), row.mail = ends(mail), row.dns = ends(dns), row.ftp = ends(ftp), row.login = ends(login);
      row.news = ends(news), row.windows = ends(windows);
      return row;
    }
  };
};

MOLE_PLUGINS(Peers)
