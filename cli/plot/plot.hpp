// Line charts of results over time, as SVG. Gaps are drawn as gaps: where there is no value, no coverage or no row, the
// line breaks and the background is shaded; where coverage is partial, the line is lighter and a strip below shows how
// much there was. Equal input gives equal bytes.
//
//   auto series = series_of(loaded.rows, loaded.by, {"bytes", "bytes_mean"});
//   auto svg = plot_svg(*series, {.title = "border-traffic/traffic"});
#pragma once

#include "runtime/result/row_table.hpp"
#include "sdk/descriptor/time.hpp"

#include <mole/result.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mole::cli {

struct Point {
  Micros from = 0, to = 0;      // the interval
  std::optional<double> value;  // nullopt: null
  double coverage = 1;
};

// One line. Series of one column share a panel; panels stand in the order in which columns first come.
struct Series {
  std::string column;         // "bytes"
  std::string unit;           // "B"; "" or "1" if none
  std::string group;          // "19991"; "" if there are no groups
  std::vector<Point> points;  // by time
};

struct PlotOptions {
  std::string title = {};
  TimeRange range = {};  // of the time axis; empty: that of the points
  int width = 800;       // pixels
  int panel_height = 200;
};

// Lines of these columns, one per group. invalid: a column that is not there or holds no numbers; more than 500 groups.
Result<std::vector<Series>> series_of(const runtime::RowTable& rows, const std::vector<std::string>& by,
                                      const std::vector<std::string>& columns);

// A whole SVG document. Beyond eight groups colours come again with another dash; beyond 24 a legend says how many
// more.
std::string plot_svg(std::span<const Series> series, const PlotOptions& options = {});

}  // namespace mole::cli
