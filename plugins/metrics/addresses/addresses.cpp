#include <mole/containers/address_volumes.hpp>
#include <mole/metric.hpp>
#include <mole/statistics/concentration.hpp>

// Number of source and destination addresses, and how evenly the traffic is distributed over them. Exact.
struct Addresses {
  static constexpr auto about =
      mole::metric("addresses", "1.0.0", "Distinct addresses, entropy and shares of the largest, exact");

  struct Row {
    std::uint64_t src_addresses, dst_addresses;
    mole::VolumeConcentrationRow src, dst;
  };
  static constexpr auto output =
      mole::columns(mole::column("src_addresses", &Row::src_addresses, mole::unit::host, "Distinct source addresses"),
                    mole::column("dst_addresses", &Row::dst_addresses, mole::unit::host, "Distinct destination addresses"),
                    mole::group("src_addr", "source addresses", &Row::src, mole::VolumeConcentrationRow::output),
                    mole::group("dst_addr", "destination addresses", &Row::dst, mole::VolumeConcentrationRow::output));

  mole::AddressVolumes src, dst;
  static constexpr auto state = mole::fields(&Addresses::src, &Addresses::dst);

  void add(const mole::Flows<mole::src_addr, mole::dst_addr, mole::packets, mole::bytes>& flows) {
    src.add<mole::src_addr>(flows);
    dst.add<mole::dst_addr>(flows);
  }
  void merge(const Addresses& other) { mole::merge_fields(*this, other); }
  Row finish() const { return {src.size(), dst.size(), concentration_of(src), concentration_of(dst)}; }

  static mole::VolumeConcentrationRow concentration_of(const mole::AddressVolumes& side) {
    mole::VolumeConcentration out;
    side.for_each([&](const mole::Addr&, const mole::Volume& v) { out.add(v); });
    return out.row();
  }
};

MOLE_PLUGINS(Addresses)
