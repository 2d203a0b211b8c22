#include <mole/address_pair.hpp>
#include <mole/by_family.hpp>
#include <mole/containers/flat_map.hpp>
#include <mole/containers/flat_set.hpp>
#include <mole/metric.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <type_traits>

// Sources that probe many addresses or many ports. A probe is a short flow with no sign of an answer; see
// docs/metrics/scans.md. Exact: the state keeps the targets and ports of every source of probes.
struct Scans {
  static constexpr auto about = mole::metric("scans", "1.0.0", "Scan probes and scanning sources");

  struct Row {
    std::uint64_t probes, sources, targets, pairs, scanners, horizontal, vertical, block, scanner_probes, targets_max, ports_max;
    std::optional<double> probe_share, scanner_share, targets_mean;
    std::optional<std::uint64_t> top_port, top_port_protocol;
    std::uint64_t top_port_scanners;
  };
  static constexpr auto output = mole::columns(
      mole::column("probe_flows", &Row::probes, mole::unit::flow, "Short flows with no sign of an answer"),
      mole::column("probe_share", &Row::probe_share, mole::unit::one, "probe_flows / flows; null if there are no flows"),
      mole::column("probe_sources", &Row::sources, mole::unit::host, "Distinct sources of probes"),
      mole::column("probe_targets", &Row::targets, mole::unit::host, "Distinct destinations of probes"),
      mole::column("probe_pairs", &Row::pairs, mole::unit::one, "Distinct pairs of source and destination of probes"),
      mole::column("scanners", &Row::scanners, mole::unit::host,
                   "Sources that exceed a threshold: the sum of the next three columns"),
      mole::column("horizontal_scanners", &Row::horizontal, mole::unit::host, "Scanners of many addresses, few ports"),
      mole::column("vertical_scanners", &Row::vertical, mole::unit::host, "Scanners of many ports, few addresses"),
      mole::column("block_scanners", &Row::block, mole::unit::host, "Scanners of many addresses and many ports"),
      mole::column("scanner_flows", &Row::scanner_probes, mole::unit::flow, "Probes sent by scanners"),
      mole::column("scanner_share", &Row::scanner_share, mole::unit::one, "scanner_flows / flows; null if there are no flows"),
      mole::column("scanner_targets_mean", &Row::targets_mean, mole::unit::host,
                   "Mean number of distinct targets per scanner; null if there are no scanners"),
      mole::column("scanner_targets_max", &Row::targets_max, mole::unit::host, "Maximum number of distinct targets of a scanner"),
      mole::column("scanner_ports_max", &Row::ports_max, mole::unit::port,
                   "Maximum number of distinct target ports of a scanner"),
      mole::column("scanner_top_port", &Row::top_port, mole::unit::port,
                   "Port probed by the most scanners, the lowest if there are several"),
      mole::column("scanner_top_port_protocol", &Row::top_port_protocol, mole::unit::one, "Protocol of that port: 6 or 17"),
      mole::column("scanner_top_port_scanners", &Row::top_port_scanners, mole::unit::host, "Scanners that probed that port"));

  struct Params {
    std::uint64_t min_targets = 25, min_ports = 15, max_packets = 3;
    double min_ratio = 2;
    bool udp = false;
  };
  static constexpr auto params = mole::params(
      mole::param("min_targets", &Params::min_targets, mole::unit::host, mole::range(2, 1e9),
                  "Minimum number of distinct targets of a scanner"),
      mole::param("min_ports", &Params::min_ports, mole::unit::port, mole::range(2, 65536),
                  "Minimum number of distinct target ports of a scanner"),
      mole::param("min_ratio", &Params::min_ratio, mole::range(0, 1e9), "Minimum ratio of a scanner's probes to its other flows"),
      mole::param("max_packets", &Params::max_packets, mole::unit::packet, mole::range(1, 1000),
                  "Maximum number of packets in a probe"),
      mole::param("udp", &Params::udp, "Count single UDP packets as probes too, except those of DNS and NTP"));

  explicit Scans(const Params& p) : given(p) {}
  Params given;

  // Flows sent by one address. Counts saturate at 2^32 - 1.
  struct Source {
    std::uint32_t probes = 0, others = 0;
    static constexpr auto state = mole::fields(&Source::probes, &Source::others);
    static void increase(std::uint32_t& n, std::uint32_t by) { n += std::min(by, std::numeric_limits<std::uint32_t>::max() - n); }
    void merge(const Source& other) {
      increase(probes, other.probes);
      increase(others, other.others);
    }
  };
  // A source and protocol << 16 | port.
  using Port4 = std::uint64_t;
  using Port6 = std::array<std::uint64_t, 3>;
  static Port4 port_key(std::uint32_t source, std::uint32_t port) { return std::uint64_t{source} << 32 | port; }
  static Port6 port_key(const mole::Addr& source, std::uint32_t port) {
    const auto half = mole::AddressPair<mole::Addr>::key(source, mole::Addr{});
    return {half[0], half[1], port};
  }
  static std::uint32_t source_of(Port4 key) { return static_cast<std::uint32_t>(key >> 32); }
  static mole::Addr source_of(const Port6& key) { return mole::Addr::v6(key.data()); }
  static std::uint32_t port_of(Port4 key) { return static_cast<std::uint32_t>(key); }
  static std::uint32_t port_of(const Port6& key) { return static_cast<std::uint32_t>(key[2]); }

  template <class A>
  struct Family {
    using Pair = mole::AddressPair<A>;
    using Port = std::conditional_t<std::is_same_v<A, mole::Addr>, Port6, Port4>;
    mole::FlatMap<A, Source> sources;
    mole::FlatSet<typename Pair::Key> targets;
    mole::FlatSet<Port> ports;
    static constexpr auto state = mole::fields(&Family::sources, &Family::targets, &Family::ports);
  };
  mole::ByFamily<Family> families;
  std::uint64_t flows = 0;
  static constexpr auto state = mole::fields(&Scans::families, &Scans::flows);

  using Flows =
      mole::Flows<mole::src_addr, mole::dst_addr, mole::src_port, mole::dst_port, mole::protocol, mole::packets, mole::tcp_flags>;

  void add(const Flows& batch) {
    flows += batch.size();
    thread_local std::vector<std::uint8_t> probes;
    probes.resize(batch.size());
    find_probes(batch, probes);
    const std::uint8_t* const probe = probes.data();  // avoids a thread-local lookup per row
    const auto protocol = batch.span<mole::protocol>();
    const auto port = batch.span<mole::dst_port>();
    families.update<mole::src_addr, mole::dst_addr>(
        batch, [&]<class A>(Family<A>& family, std::span<const A> src, std::span<const A> dst, std::size_t first) {
          family.sources.update(src, [&](Source& s, std::size_t i) {
            const std::uint32_t one = probe[first + i];
            s.merge({one, 1 - one});
          });
          for (std::size_t at = 0; at < src.size(); at += part) {
            const auto end = std::min(part, src.size() - at);
            std::array<std::uint32_t, part> rows;  // rows of the probes, collected without branches
            std::size_t n = 0;
            for (std::size_t i = 0; i < end; ++i) {
              rows[n] = static_cast<std::uint32_t>(at + i);
              n += probe[first + at + i];
            }
            std::array<typename Family<A>::Pair::Key, part> targets;
            std::array<typename Family<A>::Port, part> ports;
            std::size_t with_port = 0;
            for (std::size_t k = 0; k < n; ++k) {
              const std::size_t i = rows[k], row = first + i;
              targets[k] = Family<A>::Pair::key(src[i], dst[i]);
              ports[with_port] = port_key(src[i], std::uint32_t{protocol[row]} << 16 | port[row]);
              with_port += protocol[row] == 6 || protocol[row] == 17;
            }
            family.targets.insert(std::span(targets).first(n));
            family.ports.insert(std::span(ports).first(with_port));
          }
        });
  }
  void merge(const Scans& other) { mole::merge_fields(*this, other); }

  Row finish() const {
    Row row{};
    std::uint64_t scanner_targets = 0;
    std::map<std::uint32_t, std::uint64_t> scanners_of_port;
    count_scanners(families.v4, row, scanner_targets, scanners_of_port);
    count_scanners(families.v6, row, scanner_targets, scanners_of_port);
    row.scanners = row.horizontal + row.vertical + row.block;
    row.probe_share = mole::share(row.probes, flows);
    row.scanner_share = mole::share(row.scanner_probes, flows);
    row.targets_mean = mole::share(scanner_targets, row.scanners);
    for (const auto& [port, scanners] : scanners_of_port) {
      if (scanners <= row.top_port_scanners) continue;
      row.top_port_scanners = scanners;
      row.top_port = port & 0xffffu;
      row.top_port_protocol = port >> 16;
    }
    return row;
  }

 private:
  static constexpr std::size_t part = 512;

  // TCP probes have neither ACK nor RST: they acknowledge nothing and are not answers themselves. ICMP probes are echo
  // requests.
  void find_probes(const Flows& batch, std::vector<std::uint8_t>& probe) const {
    const auto protocol = batch.span<mole::protocol>();
    const auto src_port = batch.span<mole::src_port>(), dst_port = batch.span<mole::dst_port>();
    const auto packets = batch.span<mole::packets>();
    const auto flags = batch.span<mole::tcp_flags>();
    const auto is_dns_or_ntp = [](unsigned port) { return unsigned{port == 53} | unsigned{port == 123}; };
    const std::uint64_t max_packets = given.max_packets;
    const bool count_udp = given.udp;
    // Branchless: the kinds of flows are mixed, so branches would be mispredicted.
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const unsigned p = protocol[i], from = src_port[i], to = dst_port[i], f = flags[i];
      const std::uint64_t n = packets[i];
      const bool tcp = (p == 6) & ((f & 0x14u) == 0);
      const bool icmp = ((p == 1) & (to == 8 * 256)) | ((p == 58) & (to == 128 * 256));
      const bool udp = count_udp & (p == 17) & (n == 1) & (is_dns_or_ntp(from) + is_dns_or_ntp(to) == 0);
      probe[i] = ((tcp | icmp) & (n <= max_packets)) | udp;
    }
  }

  // Distinct targets and ports of a source.
  struct ProbeCounts {
    std::uint32_t targets = 0, ports = 0;
    bool scanner = false;
    static constexpr auto state = mole::fields(&ProbeCounts::targets, &ProbeCounts::ports, &ProbeCounts::scanner);
  };

  // Calls f(span) with of(key) for all keys, in batches, so that the tables that f updates can prefetch.
  template <class A, class Set, class Of, class F>
  static void in_batches(const Set& keys, Of of, F f) {
    std::array<A, part> batch;
    std::size_t n = 0;
    keys.for_each([&](const auto& key) {
      batch[n] = of(key);
      if (++n == part) f(std::span<const A>(batch.data(), std::exchange(n, 0)));
    });
    f(std::span<const A>(batch.data(), n));
  }

  template <class A>
  void count_scanners(const Family<A>& family, Row& row, std::uint64_t& scanner_targets,
                      std::map<std::uint32_t, std::uint64_t>& scanners_of_port) const {
    mole::FlatMap<A, ProbeCounts> by_source;
    mole::FlatSet<A> probed;
    in_batches<A>(
        family.targets, [](const auto& key) { return Family<A>::Pair::first(key); },
        [&](std::span<const A> sources) { by_source.update(sources, [](ProbeCounts& p, std::size_t) { ++p.targets; }); });
    in_batches<A>(
        family.targets, [](const auto& key) { return Family<A>::Pair::second(key); },
        [&](std::span<const A> targets) { probed.insert(targets); });
    in_batches<A>(
        family.ports, [](const auto& key) { return source_of(key); },
        [&](std::span<const A> sources) { by_source.update(sources, [](ProbeCounts& p, std::size_t) { ++p.ports; }); });
    row.pairs += family.targets.size();
    row.targets += probed.size();
    bool any_scanner = false;
    family.sources.for_each([&](const A& address, const Source& s) {
      if (s.probes == 0) return;
      ++row.sources;
      row.probes += s.probes;
      const auto* const found = by_source.find(address);
      const ProbeCounts p = found ? *found : ProbeCounts{};
      const bool wide = p.targets >= given.min_targets, deep = p.ports >= given.min_ports;
      if (!(wide || deep) || static_cast<double>(s.probes) < given.min_ratio * static_cast<double>(s.others)) return;
      ++(wide ? deep ? row.block : row.horizontal : row.vertical);
      row.scanner_probes += s.probes;
      scanner_targets += p.targets;
      row.targets_max = std::max<std::uint64_t>(row.targets_max, p.targets);
      row.ports_max = std::max<std::uint64_t>(row.ports_max, p.ports);
      by_source[address].scanner = any_scanner = true;
    });
    if (!any_scanner) return;
    family.ports.for_each([&](const auto& key) {
      if (by_source.find(source_of(key))->scanner) ++scanners_of_port[port_of(key)];
    });
  }
};

MOLE_PLUGINS(Scans)
