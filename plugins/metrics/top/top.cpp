#include <mole/containers/address_volumes.hpp>
#include <mole/metric.hpp>
#include <mole/port_flows.hpp>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "address_text.hpp"

// Rankings of an interval, one row per entry: top_addresses, top_as, port_counts. Exact. Ties are ordered by key, so that the
// rows do not depend on the order of the flows.
namespace {

// The parameters of all three metrics.
struct Choice {
  std::uint64_t n = 10;
  std::string side = "both", order = "bytes";
};
constexpr auto side_param =
    mole::param("side", &Choice::side, mole::one_of("src", "dst", "both"), "Rank sources, destinations or both");
constexpr auto order_param =
    mole::param("order", &Choice::order, mole::one_of("flows", "packets", "bytes"), "Quantity to rank by");
constexpr auto n_param(const char* doc) { return mole::param("n", &Choice::n, mole::unit::one, mole::range(1, 100'000), doc); }

struct Module {
  explicit Module(const Choice& p) : n(p.n), src(p.side != "dst"), dst(p.side != "src") {
    order = p.order == "flows" ? &mole::Volume::flows : p.order == "packets" ? &mole::Volume::packets : &mole::Volume::bytes;
  }
  std::uint64_t n;
  bool src, dst;
  std::uint64_t mole::Volume::*order;
};

template <class Name>
struct Row {
  std::string side;
  std::optional<std::uint64_t> rank;
  Name name;
  std::uint64_t flows, packets, bytes;
  std::optional<double> share;
};
template <class Name>
constexpr auto rows_of(const char* name, mole::Unit unit, const char* name_doc, const char* rank_doc) {
  using R = Row<Name>;
  return mole::columns(
      mole::column("side", &R::side, mole::unit::one, "src or dst"), mole::column("rank", &R::rank, mole::unit::one, rank_doc),
      mole::column(name, &R::name, unit, name_doc), mole::column("flows", &R::flows, mole::unit::flow, "Flows of the entry"),
      mole::column("packets", &R::packets, mole::unit::packet, "Packets of the entry"),
      mole::column("bytes", &R::bytes, mole::unit::byte, "Bytes of the entry"),
      mole::column("share", &R::share, mole::unit::one, "Share of its side's total flows, packets or bytes (parameter `order`)"));
}

template <class Key>
using Entry = std::pair<Key, mole::Volume>;

// Collects entries and keeps the `n` largest.
template <class Key>
class Largest {
 public:
  Largest(std::uint64_t n, std::uint64_t mole::Volume::*order) : n_(n), order_(order) {}
  void add(const Key& key, const mole::Volume& v) {
    if (v.*order_ < min_) return;
    entries_.emplace_back(key, v);
    if (entries_.size() >= 2 * n_ + 64) cut();
  }
  // Returns the entries in descending order.
  std::vector<Entry<Key>> take() {
    if (entries_.size() > n_) cut();
    std::sort(entries_.begin(), entries_.end(), before());
    return std::move(entries_);
  }

 private:
  auto before() const {
    return [order = order_](const Entry<Key>& a, const Entry<Key>& b) {
      return a.second.*order != b.second.*order ? a.second.*order > b.second.*order : a.first < b.first;
    };
  }
  void cut() {
    const auto last = entries_.begin() + static_cast<std::ptrdiff_t>(n_) - 1;
    std::nth_element(entries_.begin(), last, entries_.end(), before());
    min_ = (*last).second.*order_;
    entries_.resize(n_);
  }

  std::uint64_t n_;
  std::uint64_t mole::Volume::*order_;
  std::vector<Entry<Key>> entries_;
  std::uint64_t min_ = 0;  // smaller entries cannot be among the largest
};

// Appends the rows of one side: first all entries without a rank (!ranked(key)) by key, then the n largest of the others.
template <class Key, class Name, class Counts, class Ranked, class NameOf>
void append(std::vector<Row<Name>>& out, const Module& m, const char* side, const Counts& counts, Ranked ranked, NameOf name_of) {
  std::vector<Entry<Key>> unranked;
  Largest<Key> ranking(m.n, m.order);
  mole::Volume total;
  counts.for_each([&](const Key& key, const mole::Volume& v) {
    total.merge(v);
    if (ranked(key))
      ranking.add(key, v);
    else
      unranked.emplace_back(key, v);
  });
  std::sort(unranked.begin(), unranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto largest = ranking.take();
  const auto row = [&](const Entry<Key>& e, std::optional<std::uint64_t> rank) {
    const auto& v = e.second;
    out.push_back({side, rank, name_of(e.first), v.flows, v.packets, v.bytes, mole::share(v.*m.order, total.*m.order)});
  };
  for (const auto& e : unranked) row(e, std::nullopt);
  for (std::size_t i = 0; i < largest.size(); ++i) row(largest[i], i + 1);
}

// The state of a ranking: the traffic of each source and destination.
template <class Counts>
struct Sides {
  explicit Sides(const ::Module& m) : module(&m) {}
  const ::Module* module;
  Counts src, dst;
  static constexpr auto state = mole::fields(&Sides::src, &Sides::dst);

  void merge(const Sides& other) { mole::merge_fields(*this, other); }
  template <class Key, class NameOf, class Ranked>
  auto rows(NameOf name_of, Ranked ranked) const {
    std::vector<Row<std::invoke_result_t<NameOf, Key>>> out;
    append<Key>(out, *module, "src", src, ranked, name_of);
    append<Key>(out, *module, "dst", dst, ranked, name_of);
    return out;
  }
};

struct TopAddresses : Sides<mole::AddressVolumes> {
  static constexpr auto about = mole::metric("top_addresses", "1.0.0", "Addresses with the most traffic, one row each, exact");
  static constexpr auto output = rows_of<std::string>("address", mole::unit::one, "Address", "Rank on its side (1: the largest)");
  static constexpr auto params = mole::params(side_param, n_param("Number of addresses per side"), order_param);

  using Module = ::Module;
  using Sides::Sides;

  void add(const mole::Flows<mole::src_addr, mole::dst_addr, mole::packets, mole::bytes>& flows) {
    if (module->src) src.add<mole::src_addr>(flows);
    if (module->dst) dst.add<mole::dst_addr>(flows);
  }
  std::vector<Row<std::string>> finish() const {
    return rows<mole::Addr>(address_text, [](const auto&) { return true; });
  }
};

constexpr auto number = [](auto key) -> std::uint64_t { return key; };

struct TopAs : Sides<mole::VolumeMap<std::uint32_t>> {
  static constexpr auto about = mole::metric("top_as", "1.0.0", "Autonomous systems with the most traffic, one row each, exact");
  static constexpr auto output = rows_of<std::uint64_t>("as", mole::unit::as, "Number of the autonomous system; 0: unknown",
                                                        "Rank on its side (1: the largest); null for AS 0");
  static constexpr auto params = mole::params(side_param, n_param("Number of known ASes per side"), order_param);

  using Module = ::Module;
  using Sides::Sides;

  void add(const mole::Flows<mole::src_as, mole::dst_as, mole::packets, mole::bytes>& flows) {
    const auto packets = flows.span<mole::packets>(), bytes = flows.span<mole::bytes>();
    if (module->src) src.add(flows.span<mole::src_as>(), packets, bytes);
    if (module->dst) dst.add(flows.span<mole::dst_as>(), packets, bytes);
  }
  std::vector<Row<std::uint64_t>> finish() const {
    return rows<std::uint32_t>(number, [](std::uint32_t as) { return as != 0; });
  }
};

// One row for each port below 1024 that has traffic, and for each of the n largest ports from 1024 to 65535.
struct PortCounts : Sides<mole::VolumeMap<std::uint16_t>> {
  static constexpr auto about = mole::metric(
      "port_counts", "1.0.0", "Traffic of each TCP and UDP port below 1024 and of the largest other ports, one row each, exact");
  static constexpr auto output =
      rows_of<std::uint64_t>("port", mole::unit::port, "Port number",
                             "Rank on its side among the ports from 1024 to 65535 (1: the largest); null below 1024");
  static constexpr auto params = mole::params(side_param, n_param("Number of ports from 1024 to 65535 per side"), order_param);

  using Module = ::Module;
  using Sides::Sides;

  void add(const mole::Flows<mole::src_port, mole::dst_port, mole::protocol, mole::packets, mole::bytes>& flows) {
    thread_local mole::PortFlows ports;
    ports.select(flows);
    if (module->src) src.add(ports.src(), ports.packets(), ports.bytes());
    if (module->dst) dst.add(ports.dst(), ports.packets(), ports.bytes());
  }
  std::vector<Row<std::uint64_t>> finish() const {
    return rows<std::uint16_t>(number, [](std::uint16_t port) { return port >= 1024; });
  }
};

}  // namespace

MOLE_PLUGINS(TopAddresses, TopAs, PortCounts)
