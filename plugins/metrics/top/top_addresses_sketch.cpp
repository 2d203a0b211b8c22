#include <mole/by_family.hpp>
#include <mole/metric.hpp>
#include <mole/sketches/count_min_tree.hpp>

#include "address_text.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

// Finds the addresses with at least a given share of the traffic in a fixed amount of memory: top_addresses for long windows and
// many groups. No address with that share is missed; amounts are never underestimated.
struct TopAddressesSketch {
  static constexpr auto about = mole::metric("top_addresses_sketch", "1.0.0",
                                             "Addresses with at least a given share of the traffic, one row each, estimated");

  struct Row {
    std::string side;
    std::uint64_t rank;
    std::string address;
    std::uint64_t amount, amount_least;
    double share, share_error_bound;
  };
  static constexpr auto output = mole::columns(
      mole::column("side", &Row::side, mole::unit::one, "src or dst"),
      mole::column("rank", &Row::rank, mole::unit::one, "Rank on its side (1: the largest)"),
      mole::column("address", &Row::address, mole::unit::one, "Address"),
      mole::column("amount", &Row::amount, mole::unit::one,
                   "Flows, packets or bytes (parameter `order`) of the address; never less than the true amount"),
      mole::column("amount_least", &Row::amount_least, mole::unit::one,
                   "amount minus the error bound; exceeds the true amount in 2 of 100 cases"),
      mole::column("share", &Row::share, mole::unit::one, "amount / total amount of its side and address family"),
      mole::column("share_error_bound", &Row::share_error_bound, mole::unit::one, "Error bound of the share: e / width"));

  struct Params {
    std::uint64_t n = 10, width = 2048;
    std::string side = "both", order = "bytes";
    double min_share = 0.005;
  };
  static constexpr auto params =
      mole::params(mole::param("side", &Params::side, mole::one_of("src", "dst", "both"), "Rank sources, destinations or both"),
                   mole::param("n", &Params::n, mole::unit::one, mole::range(1, 4096), "Maximum number of addresses per side"),
                   mole::param("order", &Params::order, mole::one_of("flows", "packets", "bytes"), "Quantity to rank by"),
                   mole::param("min_share", &Params::min_share, mole::unit::one, mole::range(0.0001, 1),
                               "Omit addresses with a smaller share"),
                   mole::param("width", &Params::width, mole::unit::one, mole::range(64, 65536),
                               "Counters per row of the sketch, a power of two; min_share * width must be at least 4"));

  struct Module {
    explicit Module(const Params& p) : given(p), src(p.side != "dst"), dst(p.side != "src") {
      if (!std::has_single_bit(p.width))
        throw mole::Failure(mole::invalid("width is " + std::to_string(p.width) + "; use a power of two"));
      if (p.min_share * static_cast<double>(p.width) < 4)
        throw mole::Failure(mole::invalid("min_share is too small for this width; increase width, or min_share to " +
                                          std::to_string(4.0 / static_cast<double>(p.width))));
    }
    Params given;
    bool src, dst;
  };

  template <class Address>
  using Tree = mole::CountMinTree<sizeof(Address)>;
  using Side = mole::ByFamily<Tree>;

  explicit TopAddressesSketch(const Module& m)
      : module(&m),
        src{Tree<std::uint32_t>(static_cast<std::uint32_t>(m.given.width)),
            Tree<mole::Addr>(static_cast<std::uint32_t>(m.given.width))},
        dst(src) {}
  const Module* module;
  Side src, dst;
  static constexpr auto state = mole::fields(&TopAddressesSketch::src, &TopAddressesSketch::dst);

  using Flows = mole::Flows<mole::src_addr, mole::dst_addr, mole::packets, mole::bytes>;

  void add(const Flows& flows) {
    if (module->src) add_side<mole::src_addr>(src, flows);
    if (module->dst) add_side<mole::dst_addr>(dst, flows);
  }
  void merge(const TopAddressesSketch& other) { mole::merge_fields(*this, other); }
  std::vector<Row> finish() const {
    std::vector<Row> out;
    for (const auto* side : {&src, &dst}) {
      std::vector<Row> rows;
      append(rows, side->v4);
      append(rows, side->v6);
      std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.amount > b.amount; });
      rows.resize(std::min<std::size_t>(rows.size(), module->given.n));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].side = side == &src ? "src" : "dst";
        rows[i].rank = i + 1;
        out.push_back(std::move(rows[i]));
      }
    }
    return out;
  }

 private:
  template <class Column>
  void add_side(Side& side, const Flows& flows) const {
    const auto packets = flows.span<mole::packets>(), bytes = flows.span<mole::bytes>();
    const auto& order = module->given.order;
    const auto amount = [&, by_bytes = order == "bytes", by_packets = order == "packets"](std::size_t i) {
      return by_bytes ? bytes[i] : by_packets ? packets[i] : 1;
    };
    side.update<Column>(flows, [&](auto& tree, auto addresses, std::size_t first) {
      for (std::size_t i = 0; i < addresses.size(); ++i) tree.add(key_of(addresses[i]), amount(first + i));
    });
  }
  static Tree<mole::Addr>::Key key_of(const mole::Addr& a) { return a.bytes; }
  static Tree<std::uint32_t>::Key key_of(std::uint32_t a) {
    return {static_cast<std::uint8_t>(a >> 24), static_cast<std::uint8_t>(a >> 16), static_cast<std::uint8_t>(a >> 8),
            static_cast<std::uint8_t>(a)};
  }
  template <std::size_t Bytes>
  void append(std::vector<Row>& rows, const mole::CountMinTree<Bytes>& tree) const {
    const double total = static_cast<double>(tree.total()),
                 bound = tree.error_bound(static_cast<std::uint32_t>(module->given.width));
    const auto min_amount = static_cast<std::uint64_t>(std::ceil(module->given.min_share * total));
    const auto error = static_cast<std::uint64_t>(std::ceil(bound * total));
    for (const auto& [key, amount] : tree.at_least(std::max<std::uint64_t>(1, min_amount))) {
      mole::Addr address;
      if constexpr (Bytes == 16)
        address.bytes = key;
      else
        address = mole::Addr::v4(std::uint32_t{key[0]} << 24 | std::uint32_t{key[1]} << 16 | std::uint32_t{key[2]} << 8 | key[3]);
      rows.push_back({"", 0, address_text(address), amount, amount > error ? amount - error : 0,
                      static_cast<double>(amount) / total, bound});
    }
  }
};

MOLE_PLUGINS(TopAddressesSketch)
