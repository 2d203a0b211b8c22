// Line charts of results over time, as SVG. Gaps are drawn as gaps: where there is no value, no coverage or no row, the
// line breaks and the background is shaded; where coverage is partial, the line is lighter and a strip below shows how
// much there was. Equal input gives equal bytes.
//
//   auto series = series_of(loaded.rows, loaded.by, {"bytes", "bytes_mean"});
//   auto svg = plot_svg(*series, {.title = "border-traffic/traffic"});
#pragma once

#include "cli/plot/series.hpp"

#include <span>
#include <string>
#include <vector>

namespace mole::cli {

// What a panel shows; its lines are what is left. Of lines with several units each unit has a panel.
enum class PanelOf {
  column,  // a panel a column, a line a group
  group,   // a panel a group, a line a column
  each,    // a panel a line
  all,     // one panel
};

// A stretch of time shaded in every panel.
struct Shade {
  std::string label;
  TimeRange range;
};

struct PlotOptions {
  std::string title = {};
  TimeRange range = {};  // of the time axis; empty: that of the points
  int width = 800;       // pixels
  int panel_height = 0;  // pixels; 0: 200, of more than five panels 120
  PanelOf panel_of = PanelOf::column;
  int across = 0;               // panels side by side; 0: one, of more than five two, of more than ten three
  bool log = false;             // values by their logarithm; zero and below stand as wedges at the foot
  Cycle overlay = Cycle::none;  // days or weeks over each other, a line each
  // Names of the marks, at most 32. Points of a panel's first column are ringed; those whose rings would cover each other get
  // one frame, with their number.
  std::vector<std::string> marks = {};
  std::vector<Shade> shades = {};  // not in an overlay
};

// A whole SVG document. Panels stand in the order in which their lines first come; those of the same columns and unit
// share their value axis. Beyond eight lines colours come again with another dash (an overlay runs from light to dark);
// beyond 24 a legend says how many more.
std::string plot_svg(std::span<const Series> series, const PlotOptions& options = {});

}  // namespace mole::cli
