#include <mole/address_pair.hpp>
#include <mole/containers/flat_map.hpp>
#include <mole/metric.hpp>

#include <algorithm>
#include <array>
#include <limits>

// Addresses of an interval that the rest of the window did not see, and the other way round. Made for windows: the state keeps
// when each address was first and last seen, and the row's own interval divides the window. Exact.
struct AddressChurn {
  static constexpr auto about =
      mole::metric("address_churn", "1.0.0", "New, lost and staying addresses against the window before");

  struct Row {
    std::uint64_t addresses, before, stayed, fresh, gone;
    std::optional<double> new_share, gone_share, jaccard;
  };
  static constexpr auto output = mole::columns(
      mole::column("addresses", &Row::addresses, mole::unit::host, "Distinct addresses of the interval"),
      mole::column("addresses_before", &Row::before, mole::unit::host, "Distinct addresses of the window before the interval"),
      mole::column("stayed_addresses", &Row::stayed, mole::unit::host, "Addresses in both"),
      mole::column("new_addresses", &Row::fresh, mole::unit::host,
                   "Addresses of the interval that the window before it did not see"),
      mole::column("gone_addresses", &Row::gone, mole::unit::host,
                   "Addresses of the window before that the interval does not see"),
      mole::column("new_share", &Row::new_share, mole::unit::one, "new_addresses / addresses; null without"),
      mole::column("gone_share", &Row::gone_share, mole::unit::one, "gone_addresses / addresses_before; null without"),
      mole::column("address_jaccard", &Row::jaccard, mole::unit::one,
                   "stayed_addresses / addresses in either; 1: none came or went; null without"));

  struct Params {
    std::string side = "src";
  };
  static constexpr auto params = mole::params(
      mole::param("side", &Params::side, mole::one_of("src", "dst", "both"), "Which addresses; both: either side's together"));
  struct Module {
    explicit Module(const Params& p) : src(p.side != "dst"), dst(p.side != "src") {}
    bool src, dst;
  };

  explicit AddressChurn(const Module& m) : module(&m) {}
  const Module* module;

  // Seconds since 1970; `first` is kept as its complement, so that both grow when they are merged.
  struct Seen {
    std::uint32_t not_first = 0, last = 0;
    static constexpr auto state = mole::fields(&Seen::not_first, &Seen::last);
    static Seen at(mole::Time t) {
      const auto s =
          static_cast<std::uint32_t>(std::clamp<std::int64_t>(t.us / 1'000'000, 0, std::numeric_limits<std::uint32_t>::max()));
      return {~s, s};
    }
    void merge(const Seen& other) {
      not_first = std::max(not_first, other.not_first);
      last = std::max(last, other.last);
    }
  };
  mole::FlatMap<std::uint32_t, Seen> v4;
  mole::FlatMap<mole::Addr, Seen> v6;
  static constexpr auto state = mole::fields(&AddressChurn::v4, &AddressChurn::v6);

  using Flows = mole::Flows<mole::src_addr, mole::dst_addr, mole::start>;

  void add(const Flows& flows) {
    if (module->src) add_side<mole::src_addr>(flows);
    if (module->dst) add_side<mole::dst_addr>(flows);
  }
  void merge(const AddressChurn& other) {
    v4.merge(other.v4);
    v6.merge(other.v6);
  }

  Row finish(const mole::Interval& interval) const {
    Row row{};
    const auto start = Seen::at(interval.start).last;
    const auto take = [&](const auto&, const Seen& seen) {
      const bool now = seen.last >= start, before = ~seen.not_first < start;
      row.addresses += now;
      row.before += before;
      row.stayed += now && before;
    };
    v4.for_each(take);
    v6.for_each(take);
    row.fresh = row.addresses - row.stayed;
    row.gone = row.before - row.stayed;
    const auto ratio = [](std::uint64_t part, std::uint64_t whole) {
      return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
    };
    row.new_share = ratio(row.fresh, row.addresses);
    row.gone_share = ratio(row.gone, row.before);
    row.jaccard = ratio(row.stayed, row.addresses + row.gone);
    return row;
  }

 private:
  template <class Side>
  void add_side(const Flows& flows) {
    const auto start = flows.span<mole::start>();
    mole::for_families<Side, Side>(flows, [&]<class A>(std::span<const A> addresses, std::span<const A>, std::size_t first) {
      const auto put = [&](Seen& seen, std::size_t i) { seen.merge(Seen::at(start[first + i])); };
      if constexpr (std::is_same_v<A, mole::Addr>)
        v6.update(addresses, put);
      else
        v4.update(addresses, put);
    });
  }
};

MOLE_PLUGINS(AddressChurn)
