#include <mole/address_pair.hpp>
#include <mole/containers/flat_map.hpp>
#include <mole/sketches/hyperloglog.hpp>
#include <mole/metric.hpp>

#include "degrees.hpp"

#include <bit>

// About what peers counts, in memory that does not grow: hosts and pairs by HyperLogLog; the distribution of peers from a sample
// of hosts, each with a small HyperLogLog of its peers.
//
// Hosts are sampled by their hash (Gibbons, "Distinct sampling", VLDB 2001): those whose hash begins with `level` zeros, `level`
// being the least that leaves no more than max_hosts. It depends on the set of hosts only, never on the order.
struct PeersSketch {
  static constexpr auto about = mole::metric("peers_sketch", "1.0.0", "Hosts by the number of their peers, estimated");

  struct Row {
    std::uint64_t hosts, pairs;
    DegreeRow peers;
    Degrees::Classes classes;
    std::uint64_t heavy_hosts, sampled_hosts;
    double sample_share, relative_error_bound, degree_error_bound;
    std::optional<double> rank_error_bound;
  };
  static constexpr auto output = mole::columns(
      mole::column("hosts", &Row::hosts, mole::unit::host, "Distinct addresses, sources and destinations together, estimated"),
      mole::column("host_pairs", &Row::pairs, mole::unit::one,
                   "Unordered pairs of addresses with a flow between them, estimated"),
      mole::group("peers", "Distinct peers of a host, estimated", &Row::peers, DegreeRow::output),
      mole::each(Degrees::class_names, "peers_*_hosts", &Row::classes, mole::unit::host,
                 "Hosts with that many distinct peers, estimated: *; the last class has no upper end"),
      mole::column("heavy_hosts", &Row::heavy_hosts, mole::unit::host, "Hosts with more peers than heavy_peers, estimated"),
      mole::column("sampled_hosts", &Row::sampled_hosts, mole::unit::host, "Hosts in the sample"),
      mole::column("sample_share", &Row::sample_share, mole::unit::one, "Chance of a host to be in the sample: 2^-level"),
      mole::column("relative_error_bound", &Row::relative_error_bound, mole::unit::one,
                   "Of hosts and host_pairs, passed in 3 of 1000 cases: 3 * 1.04 / sqrt(2^precision)"),
      mole::column("degree_error_bound", &Row::degree_error_bound, mole::unit::one,
                   "Of one host's number of peers, passed in 3 of 1000"),
      mole::column(
          "rank_error_bound", &Row::rank_error_bound, mole::unit::one,
          "Of the rank of a quantile, passed in 1 of 100 cases: sqrt(ln 200 / (2 sampled_hosts)); 0 if all are sampled"));

  struct Params {
    std::uint64_t precision = 12, max_hosts = 2048, heavy_peers = 100;
  };
  static constexpr auto params = mole::params(
      mole::param("precision", &Params::precision, mole::range(4, 18), "hosts and host_pairs take 2^precision bytes each"),
      mole::param("max_hosts", &Params::max_hosts, mole::unit::host, mole::range(16, 1e7),
                  "Hosts in the sample at most; each takes 132 bytes"),
      mole::param("heavy_peers", &Params::heavy_peers, mole::unit::host, mole::range(1, 1e9),
                  "A host with more distinct peers than this is heavy"));

  explicit PeersSketch(const Params& p)
      : given(p), hosts(static_cast<unsigned>(p.precision)), pairs(static_cast<unsigned>(p.precision)) {}
  Params given;

  static constexpr unsigned peer_precision = 7;
  using PeersOf = mole::TinyHyperLogLog<peer_precision>;
  mole::HyperLogLog hosts, pairs;
  std::uint32_t level = 0;
  mole::FlatMap<std::uint32_t, PeersOf> v4;
  mole::FlatMap<mole::Addr, PeersOf> v6;
  static constexpr auto state =
      mole::fields(&PeersSketch::hosts, &PeersSketch::pairs, &PeersSketch::level, &PeersSketch::v4, &PeersSketch::v6);

  void add(const mole::Flows<mole::src_addr, mole::dst_addr>& flows) {
    mole::for_families<mole::src_addr, mole::dst_addr>(
        flows, [&]<class A>(std::span<const A> src, std::span<const A> dst, std::size_t) {
          auto& sample = sample_of<A>();
          for (std::size_t i = 0; i < src.size(); ++i) {
            const auto a = mole::stable_hash(src[i]), b = mole::stable_hash(dst[i]);
            hosts.add(a);
            hosts.add(b);
            pairs.add(mole::stable_hash(std::min(a, b) ^ (std::max(a, b) << 1 | std::max(a, b) >> 63)));
            if (in_sample(a)) sample[src[i]].add(peer_hash(b));
            if (in_sample(b)) sample[dst[i]].add(peer_hash(a));
            if (v4.size() + v6.size() > given.max_hosts) thin_out();
          }
        });
  }
  void merge(const PeersSketch& other) {
    hosts.merge(other.hosts);
    pairs.merge(other.pairs);
    if (other.level > level) {
      level = other.level;
      v4 = thinned(v4);
      v6 = thinned(v6);
    }
    v4.merge(other.level < level ? thinned(other.v4) : other.v4);
    v6.merge(other.level < level ? thinned(other.v6) : other.v6);
    thin_out();
  }

  Row finish() const {
    Row row{};
    row.hosts = rounded(hosts.estimate());
    row.pairs = rounded(pairs.estimate());
    Degrees peers;
    const auto take = [&](const auto&, const PeersOf& sketch) {
      const auto degree = rounded(std::max(1.0, sketch.estimate()));
      peers.add(degree);
      row.heavy_hosts += degree > given.heavy_peers;
    };
    v4.for_each(take);
    v6.for_each(take);
    row.peers = peers.row();
    row.classes = peers.by_class();
    row.sampled_hosts = peers.count();
    row.sample_share = std::ldexp(1.0, -static_cast<int>(level & 63));
    for (auto& n : row.classes) n = scaled(n);
    row.heavy_hosts = scaled(row.heavy_hosts);
    row.relative_error_bound = 3 * mole::HyperLogLog::standard_error(static_cast<unsigned>(given.precision));
    row.degree_error_bound = 3 * mole::HyperLogLog::standard_error(peer_precision);
    constexpr double ln_200 = 5.298317366548036;  // Dvoretzky, Kiefer, Wolfowitz, Massart: 2 exp(-2 n e^2) = 1/100
    if (level == 0)
      row.rank_error_bound = 0;
    else if (row.sampled_hosts > 0)
      row.rank_error_bound = std::sqrt(ln_200 / (2.0 * static_cast<double>(row.sampled_hosts)));
    return row;
  }

 private:
  template <class A>
  auto& sample_of() {
    if constexpr (std::is_same_v<A, mole::Addr>)
      return v6;
    else
      return v4;
  }
  static std::uint64_t rounded(double x) { return static_cast<std::uint64_t>(std::min(x, 9e18) + 0.5); }
  std::uint64_t scaled(std::uint64_t n) const {
    return rounded(std::ldexp(static_cast<double>(n), static_cast<int>(level & 63)));
  }

  bool in_sample(std::uint64_t hash) const { return static_cast<std::uint32_t>(std::countl_zero(hash)) >= level; }
  // Of a host as a peer: not the hash by which hosts are sampled.
  static std::uint64_t peer_hash(std::uint64_t hash) { return mole::stable_hash(hash ^ 0x5851f42d4c957f2du); }

  void thin_out() {
    while (v4.size() + v6.size() > given.max_hosts && level < 64) {
      ++level;
      v4 = thinned(v4);
      v6 = thinned(v6);
    }
  }
  template <class A>
  mole::FlatMap<A, PeersOf> thinned(const mole::FlatMap<A, PeersOf>& sample) const {
    mole::FlatMap<A, PeersOf> out;
    sample.for_each([&](const A& address, const PeersOf& peers) {
      if (in_sample(mole::stable_hash(address))) out[address] = peers;
    });
    return out;
  }
};

MOLE_PLUGINS(PeersSketch)
