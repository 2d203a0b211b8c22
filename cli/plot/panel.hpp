// One panel of a chart: the lines of one column, shaded gaps, and strips that show how much of the input there was.
#pragma once

#include "cli/plot/plot.hpp"
#include "cli/plot/svg.hpp"

#include <map>
#include <string>
#include <vector>

namespace mole::cli {

struct LineStyle {
  std::string colour;
  std::string dash;  // SVG dash array, "" for a full line
};

// What a panel had to say beside its lines; explained below the last one.
struct PanelNotes {
  bool gaps = false, partial = false;
};

class Panel {
 public:
  // All series are of one column. They are borrowed.
  Panel(std::vector<const Series*> series, std::vector<LineStyle> styles, TimeRange range);

  double strips_height() const;  // below the plot area; 0 if coverage was whole everywhere
  // Draws with the plot area at (left, top); `time_labels`: also what the time axis says.
  PanelNotes draw(Svg& svg, double left, double top, double width, double height, bool time_labels) const;

 private:
  struct Area;
  void draw_axes(Svg& svg, const Area& area, bool time_labels) const;
  void draw_gaps(Svg& svg, const Area& area) const;
  void draw_series(Svg& svg, const Area& area, std::size_t i) const;
  void draw_strips(Svg& svg, const Area& area) const;

  std::vector<const Series*> series_;
  std::vector<LineStyle> styles_;
  TimeRange range_;
  bool partial_ = false, strips_ = false;
  std::vector<TimeRange> no_line_;   // where every series has a gap
  std::vector<TimeRange> some_gap_;  // where one or more have
};

}  // namespace mole::cli
