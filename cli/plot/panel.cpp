#include "cli/plot/panel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace mole::cli {
namespace {

constexpr std::size_t max_strips = 8;
constexpr double strip_height = 4, strip_gap = 1.5, label_spacing = 70;
constexpr double date_letter = 6.6, margin = 16;  // width of a letter of a date; space right of every panel
constexpr double min_ring_distance = 9;           // between centres; closer rings would merge
constexpr double count_letter = 6;                // width of a digit of the number beside a run of marks

bool is_pale(const Series& s, const Point& p) { return p.coverage < s.pale_below; }

}  // namespace

// The plot area in pixels and its scales.
struct Panel::Area : Box {
  TimeRange time;
  const ValueAxis& values;

  double x(Micros t) const {
    return left + width * static_cast<double>(t - time.from) / static_cast<double>(time.to - time.from);
  }
  double y(double value) const { return top + height * (1 - position_of(values, value)); }
  double x(const Point& p) const { return x(p.from + (p.to - p.from) / 2); }
  bool overlaps(const Point& p) const { return p.to > time.from && p.from < time.to; }
};

Panel::Panel(std::string heading, std::vector<const Series*> series, std::vector<LineStyle> styles, const Frame& frame)
    : heading_(std::move(heading)), series_(std::move(series)), styles_(std::move(styles)), frame_(frame) {
  std::vector<std::vector<TimeRange>> gaps;
  for (const auto* s : series_) {
    gaps.push_back(gaps_of(*s, frame_.time));
    for (const auto& p : s->points) {
      partial_ |= has_value(p) && p.coverage < 1;
      pale_ |= has_value(p) && is_pale(*s, p);
      not_positive_ |= frame_.log && has_value(p) && *p.value <= 0;
    }
  }
  no_line_ = covered_by(gaps, gaps.size());
  if (frame_.cycle != Cycle::none) return;  // days or weeks have different gaps: shade only the common ones
  some_gap_ = covered_by(gaps, 1);
  strips_ = partial_ || !some_gap_.empty();
}

bool Panel::drawable(const Point& p) const { return has_value(p) && !(frame_.log && *p.value <= 0); }

std::vector<std::string> Panel::columns() const {
  std::vector<std::string> names;
  for (const auto* s : series_) names.push_back(s->column);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<std::pair<double, double>> Panel::limits() const {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const auto include = [&](std::optional<double> value) {
    if (!value || std::fabs(*value) >= 1e300 || std::isnan(*value) || (frame_.log && *value <= 0)) return;
    low = std::min(low, *value);
    high = std::max(high, *value);
  };
  for (const auto* s : series_)
    for (const auto& point : s->points) {
      if (point.to <= frame_.time.from || point.from >= frame_.time.to) continue;
      if (has_value(point)) include(point.value);
      if (point.low && point.high) include(point.low), include(point.high);
    }
  if (low > high) return std::nullopt;
  return std::pair(low, high);
}

double Panel::strips_height() const {
  const auto count = series_.size() > max_strips ? 1 : series_.size();
  return strips_ ? 3 + static_cast<double>(count) * (strip_height + strip_gap) : 0;
}

unsigned Panel::draw(Svg& svg, const Box& box, const ValueAxis& values, bool time_labels, bool shade_labels) const {
  const Area area{box, frame_.time, values};
  auto heading = heading_;
  if (!values.unit.empty()) heading += (heading.empty() ? "[" : " [") + values.unit + "]";
  if (std::ranges::any_of(series_, &Series::scaled)) heading += (heading.empty() ? "" : " ") + std::string(scaled_text);
  svg.text(box.left, box.top - 7, heading, "font-weight=\"bold\"");
  draw_gaps(svg, area);
  draw_shades(svg, area, false);
  draw_axes(svg, area, time_labels);
  for (std::size_t i = 0; i < series_.size(); ++i) draw_band(svg, area, i);
  for (std::size_t i = 0; i < series_.size(); ++i) draw_series(svg, area, i);
  for (std::size_t i = 0; i < series_.size(); ++i) draw_marks(svg, area, i);
  if (shade_labels) draw_shades(svg, area, true);
  if (!limits()) svg.text(box.left + box.width / 2, box.top + box.height / 2, "no data", "text-anchor=\"middle\" fill=\"#777\"");
  if (strips_) draw_strips(svg, area);
  return (no_line_.empty() && some_gap_.empty() ? 0 : note_gaps) | (pale_ ? note_partial : 0) |
         (not_positive_ ? note_not_positive : 0) | (strips_ ? note_strips : 0);
}

void Panel::draw_gaps(Svg& svg, const Area& area) const {
  const auto shade = [&](const std::vector<TimeRange>& ranges, std::string_view attributes) {
    double drawn_to = area.left - 1;
    for (const auto& range : ranges) {
      const double from = std::max(area.x(range.from), drawn_to), to = std::max(area.x(range.to), area.x(range.from) + 1);
      if (to <= from) continue;  // already covered by the previous gap
      svg.rect(from, area.top, to - from, area.height, attributes);
      drawn_to = to;
    }
  };
  if (series_.size() > 1) shade(some_gap_, "class=\"some-gap\" fill=\"#f5f5f5\"");
  shade(no_line_, "class=\"gap\" fill=\"#e4e4e4\"");
}

void Panel::draw_axes(Svg& svg, const Area& area, bool time_labels) const {
  const double right = area.left + area.width, bottom = area.top + area.height;
  for (const auto& tick : area.values.ticks) {
    const double y = area.y(tick.at);
    svg.line(area.left, y, right, y, "stroke=\"#000\" stroke-opacity=\"0.09\"");
    if (!tick.label.empty()) svg.text(area.left - 7, y + 4, tick.label, "text-anchor=\"end\" fill=\"#444\"");
  }
  const double below = bottom + strips_height();
  const auto max_ticks = static_cast<int>(area.width / label_spacing);
  const bool week = frame_.cycle == Cycle::week;
  const auto ticks = week                         ? weekday_ticks(area.time.from)
                     : frame_.cycle == Cycle::day ? day_ticks(area.time.from, max_ticks)
                                                  : time_ticks(area.time, max_ticks);
  for (const auto& tick : ticks) {
    const double x = area.x(tick.at);
    svg.line(x, area.top, x, bottom, "stroke=\"#000\" stroke-opacity=\"0.09\"");
    svg.line(x, below, x, below + 4, "stroke=\"#888\"");
    if (!time_labels) continue;
    const double at = week ? area.x(tick.at + day_us / 2) : x;  // the name of a day is centred below it
    svg.text(at, below + 17, tick.time, "text-anchor=\"middle\" fill=\"#444\"");
    if (tick.date.empty()) continue;
    const double half = date_letter / 2 * static_cast<double>(tick.date.size());  // keep dates inside the figure
    svg.text(std::min(at, right + margin - half), below + 32, tick.date, "text-anchor=\"middle\" fill=\"#444\"");
  }
  svg.line(area.left, below, right, below, "stroke=\"#888\"");
  if (below > bottom) svg.line(area.left, bottom, right, bottom, "stroke=\"#bbb\"");
}

namespace {

// Keeps only the first, lowest, highest and last point in each column of pixels, so that the line looks the same and the file
// stays small for a year of minutes.
Run thinned(const Run& run, double width) {
  if (static_cast<double>(run.size()) <= 4 * width) return run;
  Run out;
  for (std::size_t begin = 0; begin < run.size();) {
    std::size_t end = begin, lowest = begin, highest = begin;
    for (; end < run.size() && std::floor(run[end].x) == std::floor(run[begin].x); ++end) {
      if (run[end].y < run[lowest].y) lowest = end;
      if (run[end].y > run[highest].y) highest = end;
    }
    std::size_t kept[] = {begin, lowest, highest, end - 1};
    std::sort(std::begin(kept), std::end(kept));
    const auto* last = std::unique(std::begin(kept), std::end(kept));
    for (const auto* i = std::begin(kept); i != last; ++i) out.push_back(run[*i]);
    begin = end;
  }
  return out;
}

// Returns the partial (or the complete) segments of the runs as path data.
std::string path_data(const std::vector<Run>& runs, bool partial) {
  std::string d;
  for (const auto& run : runs) {
    bool drawing = false;
    for (std::size_t i = 1; i < run.size(); ++i) {
      const bool selected = (run[i - 1].partial || run[i].partial) == partial;
      if (selected && !drawing) d += "M" + svg_number(run[i - 1].x) + " " + svg_number(run[i - 1].y);
      if (selected) d += "L" + svg_number(run[i].x) + " " + svg_number(run[i].y);
      drawing = selected;
    }
  }
  return d;
}

}  // namespace

void Panel::draw_series(Svg& svg, const Area& area, std::size_t i) const {
  std::vector<Run> runs;
  Micros last = 0;
  double spacing = area.width;  // between points
  for (const auto& point : series_[i]->points) {
    if (!drawable(point) || !area.overlaps(point)) continue;
    if (runs.empty() || point.from > last) runs.emplace_back();  // a gap, or a point without a value
    if (!runs.back().empty()) spacing = std::min(spacing, area.x(point) - runs.back().back().x);
    runs.back().push_back({area.x(point), area.y(*point.value), is_pale(*series_[i], point)});
    last = point.to;
  }
  const auto& style = styles_[i];
  const auto dash = style.dash.empty() ? std::string() : fmt::format(" stroke-dasharray=\"{}\"", style.dash);
  svg.open_group(fmt::format("class=\"series\" stroke=\"{}\" fill=\"none\"", style.colour));
  for (auto& run : runs) run = thinned(run, area.width);
  for (const bool partial : {true, false})
    if (const auto d = path_data(runs, partial); !d.empty())
      svg.path(d, fmt::format("class=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}{}", partial ? "partial" : "whole",
                              svg_number(style.width), partial ? " stroke-opacity=\"0.4\"" : "", dash));
  for (const auto& run : runs)
    for (const auto& point : run) {
      const bool alone = run.size() == 1;
      if (point.partial && (alone || spacing >= 4))
        svg.circle(point.x, point.y, 2.1, "class=\"hollow\" fill=\"#fff\"");
      else if (alone)
        svg.circle(point.x, point.y, 1.8, fmt::format("fill=\"{}\"", style.colour));
    }
  svg.close_group();
}

void Panel::draw_shades(Svg& svg, const Area& area, bool labels) const {
  std::vector<double> taken;  // right ends of the labels in each line
  for (const auto& shade : frame_.shades) {
    if (!shade.range.overlaps(area.time)) continue;
    const double from = std::max(area.x(shade.range.from), area.left),
                 to = std::min(std::max(area.x(shade.range.to), from + 1), area.left + area.width);
    if (!labels) {
      svg.rect(from, area.top, to - from, area.height, "class=\"shade\" fill=\"#ffd98a\" fill-opacity=\"0.55\"");
      continue;
    }
    const double width = 5.6 * static_cast<double>(shade.label.size());
    const double left =
        std::clamp((from + to - width) / 2, area.left + 2, std::max(area.left + 2, area.left + area.width - width - 2));
    std::size_t line = 0;
    while (line < taken.size() && taken[line] > left) ++line;
    if (line == taken.size()) taken.push_back(0);
    taken[line] = left + width + 8;
    svg.text(left, area.top + 12 + 12 * static_cast<double>(line), shade.label,
             "class=\"shade-label\" font-size=\"10.5\" fill=\"#7a4b00\" stroke=\"#fff\" stroke-width=\"2.5\" "
             "stroke-linejoin=\"round\" paint-order=\"stroke\"");
  }
}

void Panel::draw_band(Svg& svg, const Area& area, std::size_t i) const {
  const auto usable = [](std::optional<double> value) { return value && std::fabs(*value) < 1e300; };
  std::vector<std::pair<Run, Run>> runs;  // upper and lower edge
  Micros last = 0;
  for (const auto& point : series_[i]->points) {
    if (!usable(point.low) || !usable(point.high) || !area.overlaps(point)) continue;
    if (frame_.log && *point.high <= 0) continue;
    if (runs.empty() || point.from > last) runs.emplace_back();
    const double low = frame_.log ? std::max(*point.low, area.values.low) : *point.low;
    runs.back().first.push_back({area.x(point), area.y(*point.high), false});
    runs.back().second.push_back({area.x(point), area.y(low), false});
    last = point.to;
  }
  std::string d;
  const auto put = [&](const Pixel& p, const char* step) { d += step + svg_number(p.x) + " " + svg_number(p.y); };
  for (const auto& [upper, lower] : runs) {
    if (upper.size() < 2) continue;
    const auto above = thinned(upper, area.width), below = thinned(lower, area.width);
    for (std::size_t k = 0; k < above.size(); ++k) put(above[k], k == 0 ? "M" : "L");
    for (std::size_t k = below.size(); k-- > 0;) put(below[k], "L");
    d += 'Z';
  }
  if (!d.empty()) svg.path(d, fmt::format("class=\"band\" fill=\"{}\" fill-opacity=\"0.18\"", styles_[i].colour));
}

void Panel::draw_marks(Svg& svg, const Area& area, std::size_t i) const {
  const bool marked = series_[i]->column == series_.front()->column;  // only the first column shows marks
  std::vector<std::vector<Run>> runs(frame_.mark_colours.size());     // points whose rings would overlap
  for (const auto& point : series_[i]->points) {
    if (!area.overlaps(point)) continue;
    const bool zero = frame_.log && has_value(point) && *point.value <= 0;
    if (zero) {
      const double x = area.x(point), bottom = area.top + area.height;
      svg.path("M" + svg_number(x - 3) + " " + svg_number(bottom - 6) + "h6l-3 5z",
               fmt::format("class=\"wedge\" fill=\"{}\"", styles_[i].colour));
    }
    if (point.marks == 0 || !marked) continue;
    const double x = area.x(point), y = drawable(point) ? area.y(*point.value) : area.top + area.height - 4;
    for (std::size_t m = 0; m < runs.size(); ++m) {
      if (!(point.marks >> m & 1)) continue;
      auto& all = runs[m];
      if (all.empty() || x - all.back().back().x >= min_ring_distance) all.emplace_back();
      all.back().push_back({x, y, false});
    }
  }
  for (std::size_t m = 0; m < runs.size(); ++m) draw_mark_runs(svg, area, runs[m], m);
}

// Draws a ring around a single point, and an outline labelled with their count around several.
void Panel::draw_mark_runs(Svg& svg, const Area& area, const std::vector<Run>& runs, std::size_t mark) const {
  const auto& colour = frame_.mark_colours[mark];
  const double radius = 4 + 2.5 * static_cast<double>(mark);
  double labelled_to = -1;
  for (const auto& run : runs) {
    if (run.size() == 1) {
      svg.circle(run[0].x, run[0].y, radius,
                 fmt::format("class=\"mark\" fill=\"none\" stroke-width=\"1.6\" stroke=\"{}\"", colour));
      continue;
    }
    const auto [highest, lowest] =
        std::minmax_element(run.begin(), run.end(), [](const auto& a, const auto& b) { return a.y < b.y; });
    const double left = run.front().x - radius, right = run.back().x + radius, top = highest->y - radius;
    svg.rect(left, top, right - left, lowest->y + radius - top,
             fmt::format("class=\"marks\" rx=\"{}\" fill=\"{}\" fill-opacity=\"0.1\" stroke-width=\"1.2\" stroke=\"{}\"",
                         svg_number(radius), colour, colour));
    // Put the number beside the outline, where few lines are drawn.
    const auto number = std::to_string(run.size());
    const double length = count_letter * static_cast<double>(number.size());
    const double x = right + 3 + length > area.left + area.width ? left - 3 - length : right + 3;
    if (x < labelled_to) continue;  // would overlap the previous number
    labelled_to = x + length + 3;
    svg.text(
        x, (top + lowest->y + radius) / 2 + 4, number,
        fmt::format("class=\"mark-count\" font-size=\"11\" font-weight=\"bold\" fill=\"{}\" stroke=\"#fff\" stroke-width=\"3\" "
                    "stroke-linejoin=\"round\" paint-order=\"stroke\"",
                    colour));
  }
}

void Panel::draw_strips(Svg& svg, const Area& area) const {
  std::vector<std::pair<std::vector<const Series*>, std::string>> strips;
  if (series_.size() > max_strips)
    strips.push_back({series_, "#555"});
  else
    for (std::size_t i = 0; i < series_.size(); ++i) strips.push_back({{series_[i]}, styles_[i].colour});

  double y = area.top + area.height + 3;
  for (const auto& [series, colour] : strips) {
    const auto levels = coverage_levels(series, static_cast<std::size_t>(area.width), area.time);
    for (std::size_t begin = 0; begin < levels.size();) {
      auto end = begin;
      while (end < levels.size() && levels[end] == levels[begin]) ++end;
      const double opacity = levels[begin] == 10 ? 0.85 : 0.08 + 0.05 * levels[begin];
      if (levels[begin] > 0)
        svg.rect(area.left + static_cast<double>(begin), y, static_cast<double>(end - begin), strip_height,
                 fmt::format("class=\"coverage\" fill=\"{}\" fill-opacity=\"{}\"", colour, svg_number(opacity)));
      begin = end;
    }
    y += strip_height + strip_gap;
  }
}

}  // namespace mole::cli
