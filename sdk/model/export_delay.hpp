// How long after a flow began or ended its record is exported: part of an archive's description, the basis of coverage.
#pragma once

#include "sdk/model/field_table.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mole {

struct DelayPoint {
  Micros delay = 0;
  double share = 0;

  bool operator==(const DelayPoint&) const = default;
  static constexpr auto table =
      document("DelayPoint", "A point of a cumulative distribution of the export delay.",  //
               field("delay", &DelayPoint::delay, "Delay").unit("us"),
               field("share", &DelayPoint::share, "Share of the flows exported after at most this delay, 0 to 1"));
};

// Two cumulative distributions, each in ascending order of delay and share and ending at share 1.
struct ExportDelay {
  std::vector<DelayPoint> start, end;

  bool operator==(const ExportDelay&) const = default;
  static constexpr auto table = document("ExportDelay", "How long after a flow its record is exported.",  //
                                         field("start", &ExportDelay::start, "Delay since the start of the flow"),
                                         field("end", &ExportDelay::end, "Delay since its end"));
};

// Flows counted by delay: element i counts delays of at most delay_bounds()[i] that are greater than the bound before; one
// element more than there are bounds counts the others. Empty: not measured.
struct DelayCounts {
  std::vector<std::uint64_t> start, end;
  std::uint64_t late = 0;

  bool empty() const { return start.empty(); }
  bool operator==(const DelayCounts&) const = default;
  DelayCounts& operator+=(const DelayCounts& other);
  static constexpr auto table = document(
      "DelayCounts", "Flows by export delay, in ascending classes.",  //
      field("start", &DelayCounts::start, "By delay since the start of the flow"),
      field("end", &DelayCounts::end, "By delay since its end"),
      field("late", &DelayCounts::late, "Flows that began more than `lateness` before the time of their file").optional());
};

// From 1 second to 6 hours.
std::span<const Micros> delay_bounds();

// Returns the distribution of counted delays, without points that a straight line replaces to 0.005. Delays beyond the last bound
// count as that bound. `counts` has at least one flow.
std::vector<DelayPoint> distribution_of(const std::vector<std::uint64_t>& counts);

// Of an archive that declares no `export_delay`: NetFlow with the default timeouts of Cisco routers, active 30 minutes and
// inactive 15 seconds, where one flow in five lasts longer than two minutes.
ExportDelay default_export_delay();

// Returns what is wrong with a distribution, empty if it is valid.
std::string problem_of(const std::vector<DelayPoint>& points);

}  // namespace mole
