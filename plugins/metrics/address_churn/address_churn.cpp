#include <mole/by_family.hpp>
#include <mole/containers/flat_map.hpp>
#include <mole/metric.hpp>

#include <algorithm>
#include <limits>

// Compares the addresses of an interval with those of the window before it. Use it with a window: the state keeps the times at
// which each address was first and last seen, and the start of the row's interval divides the window. Exact.
struct AddressChurn {
  static constexpr auto about =
      mole::metric("address_churn", "1.0.0", "New, gone and remaining addresses compared with the window before the interval");

  struct Row {
    std::uint64_t addresses, before, stayed, fresh, gone;
    std::optional<double> new_share, gone_share, jaccard;
  };
  static constexpr auto output = mole::columns(
      mole::column("addresses", &Row::addresses, mole::unit::host, "Distinct addresses of the interval"),
      mole::column("addresses_before", &Row::before, mole::unit::host, "Distinct addresses of the window before the interval"),
      mole::column("stayed_addresses", &Row::stayed, mole::unit::host, "Addresses seen both in the interval and before it"),
      mole::column("new_addresses", &Row::fresh, mole::unit::host, "Addresses of the interval not seen in the window before it"),
      mole::column("gone_addresses", &Row::gone, mole::unit::host, "Addresses of the window before it not seen in the interval"),
      mole::column("new_share", &Row::new_share, mole::unit::one, "new_addresses / addresses; null if there are no addresses"),
      mole::column("gone_share", &Row::gone_share, mole::unit::one,
                   "gone_addresses / addresses_before; null if addresses_before is 0"),
      mole::column("address_jaccard", &Row::jaccard, mole::unit::one,
                   "stayed_addresses / addresses seen in either; 1 if none is new or gone; null if there are no addresses"));

  struct Params {
    std::string side = "src";
  };
  static constexpr auto params = mole::params(mole::param("side", &Params::side, mole::one_of("src", "dst", "both"),
                                                          "Addresses to count: sources, destinations, or both together"));
  struct Module {
    explicit Module(const Params& p) : src(p.side != "dst"), dst(p.side != "src") {}
    bool src, dst;
  };

  explicit AddressChurn(const Module& m) : module(&m) {}
  const Module* module;

  // Seconds since 1970. `first` is stored as its complement, so that merging takes the maximum of both.
  struct SeenTimes {
    std::uint32_t not_first = 0, last = 0;
    static constexpr auto state = mole::fields(&SeenTimes::not_first, &SeenTimes::last);
    static SeenTimes at(mole::Time t) {
      const auto s =
          static_cast<std::uint32_t>(std::clamp<std::int64_t>(t.us / 1'000'000, 0, std::numeric_limits<std::uint32_t>::max()));
      return {~s, s};
    }
    void merge(const SeenTimes& other) {
      not_first = std::max(not_first, other.not_first);
      last = std::max(last, other.last);
    }
  };
  template <class Address>
  using SeenByAddress = mole::FlatMap<Address, SeenTimes>;
  mole::ByFamily<SeenByAddress> seen;
  static constexpr auto state = mole::fields(&AddressChurn::seen);

  using Flows = mole::Flows<mole::src_addr, mole::dst_addr, mole::start>;

  void add(const Flows& flows) {
    if (module->src) add_side<mole::src_addr>(flows);
    if (module->dst) add_side<mole::dst_addr>(flows);
  }
  void merge(const AddressChurn& other) { seen.merge(other.seen); }

  Row finish(const mole::Interval& interval) const {
    Row row{};
    const auto start = SeenTimes::at(interval.start).last;
    seen.for_each([&](const auto&, const SeenTimes& s) {
      const bool now = s.last >= start, before = ~s.not_first < start;
      row.addresses += now;
      row.before += before;
      row.stayed += now && before;
    });
    row.fresh = row.addresses - row.stayed;
    row.gone = row.before - row.stayed;
    row.new_share = mole::share(row.fresh, row.addresses);
    row.gone_share = mole::share(row.gone, row.before);
    row.jaccard = mole::share(row.stayed, row.addresses + row.gone);
    return row;
  }

 private:
  template <class Side>
  void add_side(const Flows& flows) {
    const auto start = flows.span<mole::start>();
    seen.update<Side>(flows, [&](auto& map, auto addresses, std::size_t first) {
      map.update(addresses, [&](SeenTimes& s, std::size_t i) { s.merge(SeenTimes::at(start[first + i])); });
    });
  }
};

MOLE_PLUGINS(AddressChurn)
