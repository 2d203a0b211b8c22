#include <mole/by_family.hpp>
#include <mole/containers/flat_set.hpp>
#include <mole/metric.hpp>

// Number of distinct source and destination addresses. An IPv4 address and its mapped IPv6 form are the same address. Exact.
struct UniqueAddresses {
  static constexpr auto about = mole::metric("unique_addresses", "1.0.0", "Distinct addresses per interval, exact");

  struct Row {
    std::uint64_t src_addresses, dst_addresses;
  };
  static constexpr auto output =
      mole::columns(mole::column("src_addresses", &Row::src_addresses, mole::unit::host, "Distinct source addresses"),
                    mole::column("dst_addresses", &Row::dst_addresses, mole::unit::host, "Distinct destination addresses"));

  mole::ByFamily<mole::FlatSet> src, dst;
  static constexpr auto state = mole::fields(&UniqueAddresses::src, &UniqueAddresses::dst);

  void add(const mole::Flows<mole::src_addr, mole::dst_addr>& flows) {
    constexpr auto insert = [](auto& set, auto addresses, std::size_t) { set.insert(addresses); };
    src.update<mole::src_addr>(flows, insert);
    dst.update<mole::dst_addr>(flows, insert);
  }
  void merge(const UniqueAddresses& other) { mole::merge_fields(*this, other); }
  Row finish() const { return {src.size(), dst.size()}; }
};

MOLE_PLUGINS(UniqueAddresses)
