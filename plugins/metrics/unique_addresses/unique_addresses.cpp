#include <mole/containers/flat_set.hpp>
#include <mole/metric.hpp>

// Distinct source and destination addresses, exactly. IPv4 addresses are held in 4 bytes; an IPv6 address that maps an IPv4
// one counts as that one.
struct UniqueAddresses {
  static constexpr auto about = mole::metric("unique_addresses", "1.0.0", "Distinct addresses per interval, exact");

  struct Row {
    std::uint64_t src_addresses, dst_addresses;
  };
  static constexpr auto output =
      mole::columns(mole::column("src_addresses", &Row::src_addresses, mole::unit::host, "Distinct source addresses"),
                    mole::column("dst_addresses", &Row::dst_addresses, mole::unit::host, "Distinct destination addresses"));

  struct Side {
    mole::FlatSet<std::uint32_t> v4;
    mole::FlatSet<mole::Addr> v6;
    static constexpr auto state = mole::fields(&Side::v4, &Side::v6);

    template <class Column, class Flows>
    void add(const Flows& flows) {
      if (flows.address_family() != 6) return v4.insert(flows.template span4<Column>());
      for (const auto& address : flows.template span6<Column>()) {
        if (address.is_v4())
          v4.insert(address.v4_value());
        else
          v6.insert(address);
      }
    }
    void merge(const Side& other) {
      v4.merge(other.v4);
      v6.merge(other.v6);
    }
    std::uint64_t count() const { return v4.size() + v6.size(); }
  };
  Side src, dst;
  static constexpr auto state = mole::fields(&UniqueAddresses::src, &UniqueAddresses::dst);

  void add(const mole::Flows<mole::src_addr, mole::dst_addr>& flows) {
    src.add<mole::src_addr>(flows);
    dst.add<mole::dst_addr>(flows);
  }
  void merge(const UniqueAddresses& other) {
    src.merge(other.src);
    dst.merge(other.dst);
  }
  Row finish() const { return {src.count(), dst.count()}; }
};

MOLE_PLUGINS(UniqueAddresses)
