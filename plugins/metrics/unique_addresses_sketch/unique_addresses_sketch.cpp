#include <mole/by_family.hpp>
#include <mole/metric.hpp>
#include <mole/sketches/hyperloglog.hpp>

// Estimates the counts of unique_addresses in a fixed amount of memory, for long windows and many groups. An IPv4 address and its
// mapped IPv6 form are the same address.
struct UniqueAddressesSketch {
  static constexpr auto about = mole::metric("unique_addresses_sketch", "1.0.0", "Distinct addresses per interval, estimated");

  struct Row {
    std::uint64_t src_addresses, dst_addresses, address_pairs;
    double relative_error_bound;
  };
  static constexpr auto output = mole::columns(
      mole::column("src_addresses", &Row::src_addresses, mole::unit::host, "Distinct source addresses, estimated"),
      mole::column("dst_addresses", &Row::dst_addresses, mole::unit::host, "Distinct destination addresses, estimated"),
      mole::column("address_pairs", &Row::address_pairs, mole::unit::one, "Distinct pairs of source and destination, estimated"),
      mole::column("relative_error_bound", &Row::relative_error_bound, mole::unit::one,
                   "Bound on the relative error of each estimate, exceeded in 3 of 1000 cases: 3 * 1.04 / sqrt(2^precision)"));

  struct Params {
    std::uint64_t precision = 12;
  };
  static constexpr auto params =
      mole::params(mole::param("precision", &Params::precision, mole::range(4, 18),
                               "Each estimate needs 2^precision bytes; its standard error is 1.6 % with precision 12"));

  explicit UniqueAddressesSketch(const Params& p)
      : src(static_cast<unsigned>(p.precision)),
        dst(src),
        pairs(src),
        error(3 * mole::HyperLogLog::standard_error(static_cast<unsigned>(p.precision))) {}

  mole::HyperLogLog src, dst, pairs;
  double error;
  static constexpr auto state =
      mole::fields(&UniqueAddressesSketch::src, &UniqueAddressesSketch::dst, &UniqueAddressesSketch::pairs);

  void add(const mole::Flows<mole::src_addr, mole::dst_addr>& flows) {
    mole::for_families<mole::src_addr, mole::dst_addr>(
        flows, [&]<class A>(std::span<const A> from, std::span<const A> to, std::size_t) {
          for (std::size_t i = 0; i < from.size(); ++i) {
            const auto a = mole::stable_hash(from[i]), b = mole::stable_hash(to[i]);
            src.add(a);
            dst.add(b);
            pairs.add(mole::stable_hash(a ^ (b << 1 | b >> 63)));
          }
        });
  }
  void merge(const UniqueAddressesSketch& other) { mole::merge_fields(*this, other); }
  Row finish() const { return {rounded(src), rounded(dst), rounded(pairs), error}; }

 private:
  static std::uint64_t rounded(const mole::HyperLogLog& sketch) {
    return static_cast<std::uint64_t>(std::min(sketch.estimate(), 9e18) + 0.5);
  }
};

MOLE_PLUGINS(UniqueAddressesSketch)
