#include <mole/statistics/concentration.hpp>
#include <mole/metric.hpp>

// From how many autonomous systems the traffic comes, to how many it goes, and how it is spread over them. AS 0 means
// that neither exporter nor routing table knew: such traffic is told apart and enters no count, entropy or share.
// Exact.
struct AutonomousSystems {
  static constexpr auto about =
      mole::metric("autonomous_systems", "1.0.0", "Distinct AS, entropy and shares of the largest, exact");

  struct Side {
    std::uint64_t count;
    std::optional<double> unknown_flows, unknown_packets, unknown_bytes;
    mole::VolumeConcentrationRow spread;
    static constexpr auto output = mole::columns(
        mole::column("*_count", &Side::count, mole::unit::as, "Distinct known *"),
        mole::column("unknown_*_share_flows", &Side::unknown_flows, mole::unit::one, "Share of the flows without known *"),
        mole::column("unknown_*_share_packets", &Side::unknown_packets, mole::unit::one, "Share of the packets without known *"),
        mole::column("unknown_*_share_bytes", &Side::unknown_bytes, mole::unit::one, "Share of the bytes without known *"),
        mole::group("*", "*", &Side::spread, mole::VolumeConcentrationRow::output));
  };
  struct Row {
    std::uint64_t as_count;
    Side src, dst;
  };
  static constexpr auto output =
      mole::columns(mole::column("as_count", &Row::as_count, mole::unit::as, "Distinct known AS of either side"),
                    mole::group("src_as", "source AS", &Row::src, Side::output),
                    mole::group("dst_as", "destination AS", &Row::dst, Side::output));

  using Systems = mole::VolumeMap<std::uint32_t>;
  Systems src, dst;
  static constexpr auto state = mole::fields(&AutonomousSystems::src, &AutonomousSystems::dst);

  void add(const mole::Flows<mole::src_as, mole::dst_as, mole::packets, mole::bytes>& flows) {
    src.add(flows.span<mole::src_as>(), flows.span<mole::packets>(), flows.span<mole::bytes>());
    dst.add(flows.span<mole::dst_as>(), flows.span<mole::packets>(), flows.span<mole::bytes>());
  }
  void merge(const AutonomousSystems& other) {
    src.merge(other.src);
    dst.merge(other.dst);
  }
  Row finish() const {
    Row row{0, side(src), side(dst)};
    row.as_count = row.src.count;
    dst.for_each([&](std::uint32_t as, const mole::Volume&) { row.as_count += as != 0 && !src.contains(as); });
    return row;
  }

  static std::optional<double> share(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return std::nullopt;
    return static_cast<double>(part) / static_cast<double>(whole);
  }
  static Side side(const Systems& systems) {
    mole::VolumeConcentration spread;
    mole::Volume total, unknown;
    std::uint64_t count = 0;
    systems.for_each([&](std::uint32_t as, const mole::Volume& v) {
      total.merge(v);
      if (as == 0) {
        unknown = v;
      } else {
        ++count;
        spread.add(v);
      }
    });
    return {count, share(unknown.flows, total.flows), share(unknown.packets, total.packets), share(unknown.bytes, total.bytes),
            spread.row()};
  }
};

MOLE_PLUGINS(AutonomousSystems)
