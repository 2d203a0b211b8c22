// Draws line charts of results over time as SVG. Where there is no value, no coverage or no row, the line breaks and the
// background is shaded; where coverage is partial, the line is lighter and a strip below the plot shows the coverage. Equal
// input gives equal bytes.
//
//   auto series = series_of(loaded.rows, loaded.by, {"bytes", "bytes_mean"});
//   auto svg = plot_svg(*series, {.title = "border-traffic/traffic"});
#pragma once

#include "cli/plot/series.hpp"

#include <span>
#include <string>
#include <vector>

namespace mole::cli {

// Distribution of lines over panels. Lines of different units never share a panel.
enum class PanelOf {
  column,  // one panel per column, one line per group
  group,   // one panel per group, one line per column
  each,    // one panel per line
  all,     // one panel
};

// A time range shaded in every panel.
struct Shade {
  std::string label;
  TimeRange range;
};

struct PlotOptions {
  std::string title = {};
  TimeRange range = {};  // of the time axis; empty: the range of the points
  int width = 800;       // pixels
  int panel_height = 0;  // pixels; 0: 200, or 120 for more than five panels
  PanelOf panel_of = PanelOf::column;
  int across = 0;               // panels side by side; 0: one, two for more than five panels, three for more than ten
  bool log = false;             // logarithmic value axis; values of zero or below are drawn as wedges at the bottom
  Cycle overlay = Cycle::none;  // superimposes days or weeks, one line each
  // Names of the marks, at most 32. Marked points of a panel's first column are ringed; points too close for separate rings
  // share an outline labelled with their count.
  std::vector<std::string> marks = {};
  std::vector<Shade> shades = {};  // ignored in an overlay
};

// Returns a complete SVG document. Panels appear in the order of their first lines; panels with the same columns and unit
// share the value axis. Beyond eight lines the colours repeat with a different dash pattern (an overlay uses a ramp from light to
// dark); the legend lists at most 24 lines and states the number of the others.
std::string plot_svg(std::span<const Series> series, const PlotOptions& options = {});

}  // namespace mole::cli
