// One panel of a chart: lines of one unit, shaded gaps, and strips that show the coverage of the input.
#pragma once

#include "cli/plot/axis.hpp"
#include "cli/plot/plot.hpp"
#include "cli/plot/svg.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mole::cli {

struct LineStyle {
  std::string colour;
  std::string dash;  // SVG dash array; "" for a solid line
  double width = 1.5;
};

// Features of a panel that need an explanation below the figure.
enum Note : unsigned { note_gaps = 1, note_partial = 2, note_not_positive = 4, note_strips = 8 };

// Properties shared by all panels of a figure.
struct Frame {
  TimeRange time;
  Cycle cycle = Cycle::none;  // overlay: the time axis is one day or week
  bool log = false;
  std::vector<Shade> shades;
  std::vector<std::string> mark_colours;
};

// A point as drawn.
struct Pixel {
  double x, y;
  bool partial;
};
using Run = std::vector<Pixel>;  // points connected by a line, or whose marks touch

struct Box {
  double left = 0, top = 0, width = 0, height = 0;
};

class Panel {
 public:
  // All series must have the same unit. The series and the frame must outlive the panel.
  Panel(std::string heading, std::vector<const Series*> series, std::vector<LineStyle> styles, const Frame& frame);

  const std::string& unit() const { return series_.front()->unit; }
  // Returns the columns, sorted and without duplicates: panels with equal columns can share an axis.
  std::vector<std::string> columns() const;
  // Returns the lowest and highest drawn value; nullopt: none.
  std::optional<std::pair<double, double>> limits() const;
  double strips_height() const;  // below the plot area; 0 if coverage is complete everywhere

  // Draws the panel, with the labels selected, and returns the notes that explain it.
  unsigned draw(Svg& svg, const Box& box, const ValueAxis& values, bool time_labels, bool shade_labels) const;

 private:
  struct Area;
  void draw_axes(Svg& svg, const Area& area, bool time_labels) const;
  void draw_gaps(Svg& svg, const Area& area) const;
  void draw_shades(Svg& svg, const Area& area, bool labels) const;
  void draw_band(Svg& svg, const Area& area, std::size_t i) const;
  void draw_series(Svg& svg, const Area& area, std::size_t i) const;
  void draw_marks(Svg& svg, const Area& area, std::size_t i) const;
  void draw_mark_runs(Svg& svg, const Area& area, const std::vector<Run>& runs, std::size_t mark) const;
  void draw_strips(Svg& svg, const Area& area) const;
  bool drawable(const Point& point) const;

  std::string heading_;
  std::vector<const Series*> series_;
  std::vector<LineStyle> styles_;
  const Frame& frame_;
  bool partial_ = false, pale_ = false, strips_ = false, not_positive_ = false;
  std::vector<TimeRange> no_line_;   // where all series have a gap
  std::vector<TimeRange> some_gap_;  // where at least one series has a gap
};

}  // namespace mole::cli
