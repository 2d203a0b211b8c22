#include <mole/metric.hpp>
#include <mole/statistics/concentration.hpp>

// Number of source and destination autonomous systems, and how evenly the traffic is distributed over them. AS 0 means that
// neither the exporter nor the routing table has an AS for the address; this traffic is reported separately and is not part of
// any count, entropy or share. Exact.
struct AutonomousSystems {
  static constexpr auto about =
      mole::metric("autonomous_systems", "1.0.0", "Distinct ASes, entropy and shares of the largest, exact");

  struct Side {
    std::uint64_t count;
    std::optional<double> unknown_flows, unknown_packets, unknown_bytes;
    mole::VolumeConcentrationRow concentration;
    static constexpr auto output = mole::columns(
        mole::column("*_count", &Side::count, mole::unit::as, "Distinct known *es"),
        mole::column("unknown_*_share_flows", &Side::unknown_flows, mole::unit::one, "Share of flows without a known *"),
        mole::column("unknown_*_share_packets", &Side::unknown_packets, mole::unit::one, "Share of packets without a known *"),
        mole::column("unknown_*_share_bytes", &Side::unknown_bytes, mole::unit::one, "Share of bytes without a known *"),
        mole::group("*", "*es", &Side::concentration, mole::VolumeConcentrationRow::output));
  };
  struct Row {
    std::uint64_t as_count;
    Side src, dst;
  };
  static constexpr auto output =
      mole::columns(mole::column("as_count", &Row::as_count, mole::unit::as, "Distinct known ASes, source or destination"),
                    mole::group("src_as", "source AS", &Row::src, Side::output),
                    mole::group("dst_as", "destination AS", &Row::dst, Side::output));

  using Systems = mole::VolumeMap<std::uint32_t>;
  Systems src, dst;
  static constexpr auto state = mole::fields(&AutonomousSystems::src, &AutonomousSystems::dst);

  void add(const mole::Flows<mole::src_as, mole::dst_as, mole::packets, mole::bytes>& flows) {
    src.add(flows.span<mole::src_as>(), flows.span<mole::packets>(), flows.span<mole::bytes>());
    dst.add(flows.span<mole::dst_as>(), flows.span<mole::packets>(), flows.span<mole::bytes>());
  }
  void merge(const AutonomousSystems& other) { mole::merge_fields(*this, other); }
  Row finish() const {
    Row row{0, side(src), side(dst)};
    row.as_count = row.src.count;
    dst.for_each([&](std::uint32_t as, const mole::Volume&) { row.as_count += as != 0 && !src.contains(as); });
    return row;
  }

  static Side side(const Systems& systems) {
    mole::VolumeConcentration concentration;
    mole::Volume total, unknown;
    std::uint64_t count = 0;
    systems.for_each([&](std::uint32_t as, const mole::Volume& v) {
      total.merge(v);
      if (as == 0) {
        unknown = v;
      } else {
        ++count;
        concentration.add(v);
      }
    });
    return {count, mole::share(unknown.flows, total.flows), mole::share(unknown.packets, total.packets),
            mole::share(unknown.bytes, total.bytes), concentration.row()};
  }
};

MOLE_PLUGINS(AutonomousSystems)
