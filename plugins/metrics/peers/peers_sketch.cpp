#include <mole/by_family.hpp>
#include <mole/containers/flat_map.hpp>
#include <mole/metric.hpp>
#include <mole/sketches/hyperloglog.hpp>

#include "degrees.hpp"

#include <bit>

// Estimates the counts of the metric peers in a fixed amount of memory: hosts and pairs by HyperLogLog, the distribution of peers
// from a sample of hosts, each with a small HyperLogLog of its peers.
//
// Hosts are sampled by their hash (Gibbons, "Distinct sampling", VLDB 2001): the sample consists of the hosts whose hash begins
// with `level` zeros, where `level` is the smallest number that leaves at most max_hosts. It depends only on the set of hosts,
// not on their order.
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
      mole::group("peers", "distinct peers of a host, estimated", &Row::peers, DegreeRow::output),
      mole::each(Degrees::class_names, "peers_*_hosts", &Row::classes, mole::unit::host,
                 "Hosts by number of distinct peers, estimated: *; the last class has no upper limit"),
      mole::column("heavy_hosts", &Row::heavy_hosts, mole::unit::host, "Hosts with more peers than heavy_peers, estimated"),
      mole::column("sampled_hosts", &Row::sampled_hosts, mole::unit::host, "Hosts in the sample"),
      mole::column("sample_share", &Row::sample_share, mole::unit::one, "Probability that a host is in the sample: 2^-level"),
      mole::column(
          "relative_error_bound", &Row::relative_error_bound, mole::unit::one,
          "Bound on the relative error of hosts and host_pairs, exceeded in 3 of 1000 cases: 3 * 1.04 / sqrt(2^precision)"),
      mole::column("degree_error_bound", &Row::degree_error_bound, mole::unit::one,
                   "Bound on the relative error of one host's number of peers, exceeded in 3 of 1000 cases"),
      mole::column("rank_error_bound", &Row::rank_error_bound, mole::unit::one,
                   "Bound on the error of a quantile's rank, exceeded in 1 of 100 cases: sqrt(ln 200 / (2 sampled_hosts)); 0 if "
                   "all hosts are sampled"));

  struct Params {
    std::uint64_t precision = 12, max_hosts = 2048, heavy_peers = 100;
  };
  static constexpr auto params = mole::params(
      mole::param("precision", &Params::precision, mole::range(4, 18), "hosts and host_pairs need 2^precision bytes each"),
      mole::param("max_hosts", &Params::max_hosts, mole::unit::host, mole::range(16, 1e7),
                  "Maximum number of hosts in the sample; each needs 132 bytes"),
      mole::param("heavy_peers", &Params::heavy_peers, mole::unit::host, mole::range(1, 1e9),
                  "A host with more distinct peers than this is heavy"));

  explicit PeersSketch(const Params& p)
      : given(p), hosts(static_cast<unsigned>(p.precision)), pairs(static_cast<unsigned>(p.precision)) {}
  Params given;

  static constexpr unsigned peer_precision = 7;
  using PeersOf = mole::TinyHyperLogLog<peer_precision>;
  mole::HyperLogLog hosts, pairs;
  std::uint32_t level = 0;
  template <class Address>
  using Sample = mole::FlatMap<Address, PeersOf>;
  mole::ByFamily<Sample> sample;
  static constexpr auto state = mole::fields(&PeersSketch::hosts, &PeersSketch::pairs, &PeersSketch::level, &PeersSketch::sample);

  void add(const mole::Flows<mole::src_addr, mole::dst_addr>& flows) {
    sample.update<mole::src_addr, mole::dst_addr>(flows, [&](auto& map, auto src, auto dst, std::size_t) {
      for (std::size_t i = 0; i < src.size(); ++i) {
        const auto a = mole::stable_hash(src[i]), b = mole::stable_hash(dst[i]);
        hosts.add(a);
        hosts.add(b);
        pairs.add(mole::stable_hash(std::min(a, b) ^ (std::max(a, b) << 1 | std::max(a, b) >> 63)));
        if (in_sample(a)) map[src[i]].add(peer_hash(b));
        if (in_sample(b)) map[dst[i]].add(peer_hash(a));
        if (sample.size() > given.max_hosts) reduce_sample();
      }
    });
  }
  void merge(const PeersSketch& other) {
    hosts.merge(other.hosts);
    pairs.merge(other.pairs);
    if (other.level > level) {
      level = other.level;
      sample = sampled(sample);
    }
    sample.merge(other.level < level ? sampled(other.sample) : other.sample);
    reduce_sample();
  }

  Row finish() const {
    Row row{};
    row.hosts = rounded(hosts.estimate());
    row.pairs = rounded(pairs.estimate());
    Degrees peers;
    sample.for_each([&](const auto&, const PeersOf& sketch) {
      const auto degree = rounded(std::max(1.0, sketch.estimate()));
      peers.add(degree);
      row.heavy_hosts += degree > given.heavy_peers;
    });
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
  static std::uint64_t rounded(double x) { return static_cast<std::uint64_t>(std::min(x, 9e18) + 0.5); }
  std::uint64_t scaled(std::uint64_t n) const {
    return rounded(std::ldexp(static_cast<double>(n), static_cast<int>(level & 63)));
  }

  bool in_sample(std::uint64_t hash) const { return static_cast<std::uint32_t>(std::countl_zero(hash)) >= level; }
  // The hash of a host as a peer, independent of the hash by which hosts are sampled.
  static std::uint64_t peer_hash(std::uint64_t hash) { return mole::stable_hash(hash ^ 0x5851f42d4c957f2du); }

  void reduce_sample() {
    while (sample.size() > given.max_hosts && level < 64) {
      ++level;
      sample = sampled(sample);
    }
  }
  // Returns the hosts of `from` that are in the sample of the current level.
  mole::ByFamily<Sample> sampled(const mole::ByFamily<Sample>& from) const { return {sampled(from.v4), sampled(from.v6)}; }
  template <class A>
  Sample<A> sampled(const Sample<A>& from) const {
    Sample<A> out;
    from.for_each([&](const A& address, const PeersOf& peers) {
      if (in_sample(mole::stable_hash(address))) out[address] = peers;
    });
    return out;
  }
};

MOLE_PLUGINS(PeersSketch)
