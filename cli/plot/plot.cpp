#include "cli/plot/plot.hpp"

#include "cli/plot/axis.hpp"
#include "cli/plot/panel.hpp"
#include "cli/plot/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

namespace mole::cli {
namespace {

constexpr std::size_t max_legend_entries = 24;
constexpr double left_margin = 58, column_gap = 10, right_margin = 18, title_height = 30, legend_line = 17, heading_height = 22;
constexpr double title_line = 19, title_letter = 10.4, range_letter = 7;  // letters of the widest of the fonts
constexpr double panel_gap = 16, time_axis_height = 40, notes_height = 18, text_width = 6.9;

// Colour-blind safe colours (Okabe and Ito, without yellow, plus two darker ones).
constexpr std::string_view colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a5195", "#4d4d4d"};
constexpr std::string_view dashes[] = {"", "5 2.5", "1.5 2"};

constexpr double max_line_width = 4.5, min_line_width = 1.2;  // in an overlay

constexpr std::string_view mark_colours[] = {"#c8102e", "#008b8b", "#6a1b9a", "#8a6d00"};

// Returns colour i of `count`, from light to dark, for overlays with more cycles than colours.
std::string ramp(std::size_t i, std::size_t count) {
  constexpr double light[] = {158, 202, 225}, dark[] = {84, 8, 99};
  const double fraction = static_cast<double>(i) / static_cast<double>(count - 1);
  std::string colour = "#";
  for (int c = 0; c < 3; ++c)
    colour += fmt::format("{:02x}", static_cast<int>(std::lround(light[c] + fraction * (dark[c] - light[c]))));
  return colour;
}

TimeRange extent(std::span<const Series> series) {
  TimeRange range;
  bool first = true;
  for (const auto& s : series)
    for (const auto& point : s.points) {
      range = {first ? point.from : std::min(range.from, point.from), first ? point.to : std::max(range.to, point.to)};
      first = false;
    }
  if (range.empty()) range.to = range.from + day_us;
  return range;
}

// "2007-09-22 18:00 to 2007-09-24 06:00 UTC"
std::string range_text(TimeRange range) {
  const auto minute = [](Micros t) {
    auto text = format_time(t).substr(0, 16);
    std::replace(text.begin(), text.end(), 'T', ' ');
    return text;
  };
  return minute(range.from) + " to " + minute(range.to) + " UTC";
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// Splits text into lines of at most `length` characters, at spaces where possible.
std::vector<std::string> wrapped(std::string_view text, std::size_t length) {
  std::vector<std::string> lines;
  while (characters(text) > length) {
    std::size_t end = 0, left = length;
    while (left > 0 || (text[end] & 0xc0) == 0x80) left -= (text[end++] & 0xc0) != 0x80;
    const auto space = text.rfind(' ', end);
    const bool at_space = space != std::string_view::npos && space > 0;
    lines.emplace_back(text.substr(0, at_space ? space : end));
    text.remove_prefix(at_space ? space + 1 : end);
  }
  lines.emplace_back(text);
  return lines;
}

// One figure: title, legend, a grid of panels, notes.
class Figure {
 public:
  Figure(std::span<const Series> series, const PlotOptions& options)
      : options_(options), shown_(options.range.empty() ? extent(series) : options.range) {
    lines_ = overlaid({series.begin(), series.end()}, options.overlay);
    const bool cycles = options.overlay != Cycle::none;
    frame_ = {cycles ? cycle_range(options.overlay) : shown_,
              options.overlay,
              options.log,
              cycles ? std::vector<Shade>{} : options.shades,
              {}};
    for (std::size_t m = 0; m < options.marks.size(); ++m)
      frame_.mark_colours.emplace_back(mark_colours[m % std::size(mark_colours)]);
    std::vector<const Series*> by_time;
    for (const auto& line : lines_) by_time.push_back(&line);
    if (cycles)
      std::stable_sort(by_time.begin(), by_time.end(), [](const auto* a, const auto* b) { return a->cycle < b->cycle; });
    for (const auto* line : by_time)
      if (const auto name = legend_name(*line); std::find(names_.begin(), names_.end(), name) == names_.end())
        names_.push_back(name);
    make_panels();
    const auto count = panels_.size();
    if (options_.panel_height <= 0) options_.panel_height = count > 5 ? 120 : 200;
    if (options_.across <= 0) options_.across = count > 10 ? 3 : count > 5 ? 2 : 1;
    place_title();
    place_legend();
  }

  std::string draw() {
    const auto across = static_cast<std::size_t>(options_.across);
    const auto rows = (panels_.size() + across - 1) / across;
    const double labels_height = options_.overlay == Cycle::none ? time_axis_height : time_axis_height - 15;  // no dates
    double height = title_height_ + legend_height_ + labels_height + notes_height;
    for (std::size_t row = 0; row < rows; ++row)
      height += heading_height + options_.panel_height + strips_height(row, across) + panel_gap;
    Svg svg(options_.width, static_cast<int>(std::ceil(height)), options_.title.empty() ? "Data Mole" : options_.title);
    for (std::size_t i = 0; i < title_.size(); ++i)
      svg.text(left_margin, 20 + title_line * static_cast<double>(i), title_[i], "font-size=\"15\" font-weight=\"bold\"");
    svg.text(options_.width - right_margin, title_height_ - 10, range_text(shown_),
             "text-anchor=\"end\" fill=\"#666\" font-size=\"11\"");
    draw_legend(svg);

    double y = title_height_ + legend_height_;
    unsigned notes = 0;
    const double step = (options_.width - right_margin + column_gap) / static_cast<double>(across);
    for (std::size_t row = 0; row < rows; ++row) {
      y += heading_height;
      for (std::size_t i = row * across; i < std::min(panels_.size(), (row + 1) * across); ++i) {
        const double left = left_margin + step * static_cast<double>(i % across);
        const Box box{left, y, step - column_gap - left_margin, static_cast<double>(options_.panel_height)};
        notes |= panels_[i].draw(svg, box, axis_of(panels_[i]), i + across >= panels_.size(), row == 0);
      }
      y += options_.panel_height + strips_height(row, across) + panel_gap;
    }
    if (panels_.empty()) svg.text(options_.width / 2.0, y, "no data", "text-anchor=\"middle\" fill=\"#777\"");
    draw_notes(svg, y + labels_height, notes);
    return std::move(svg).finish();
  }

 private:
  struct Entry {
    double x, y;
    std::string text;
    std::function<void(Svg&, double x, double y)> draw_symbol;
  };

  double strips_height(std::size_t row, std::size_t across) const {
    double highest = 0;
    for (auto i = row * across; i < std::min(panels_.size(), (row + 1) * across); ++i)
      highest = std::max(highest, panels_[i].strips_height());
    return highest;
  }

  // Returns the name that distinguishes a line from the others in its panel.
  std::string legend_name(const Series& line) const {
    if (line.cycle) return date_text(*line.cycle);
    if (options_.panel_of == PanelOf::each) return "";
    if (options_.panel_of == PanelOf::all) return joined(line.column, line.group);
    return options_.panel_of == PanelOf::column ? line.group : line.column;
  }

  // Returns the name that distinguishes the line's panel from the others.
  std::string panel_name(const Series& line) const {
    if (line.cycle || options_.panel_of == PanelOf::each) return joined(line.column, line.group);
    if (options_.panel_of == PanelOf::all) return "";
    return options_.panel_of == PanelOf::column || line.group.empty() ? line.column : line.group;
  }

  static std::string joined(const std::string& column, const std::string& group) {
    return group.empty() ? column : column + ", " + group;
  }

  LineStyle style_of_name(const std::string& name) const {
    const auto i = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
    const auto dash = dashes[i / std::size(colours) % std::size(dashes)];
    LineStyle style{std::string(colours[i % std::size(colours)]), std::string(dash)};
    if (options_.overlay == Cycle::none || names_.size() < 2) return style;
    if (names_.size() > std::size(colours)) style = {ramp(i, names_.size()), ""};
    // Later lines are drawn on top and are thinner, so that coinciding lines remain visible.
    style.width =
        max_line_width - (max_line_width - min_line_width) * static_cast<double>(i) / static_cast<double>(names_.size() - 1);
    return style;
  }

  void make_panels() {
    std::vector<std::pair<std::string, std::string>> keys;  // name and unit
    for (const auto& line : lines_)
      if (const std::pair key{panel_name(line), line.unit}; std::find(keys.begin(), keys.end(), key) == keys.end())
        keys.push_back(key);
    for (const auto& key : keys) {
      std::vector<const Series*> lines;
      std::vector<LineStyle> styles;
      for (const auto& line : lines_) {
        if (std::pair{panel_name(line), line.unit} != key) continue;
        lines.push_back(&line);
        styles.push_back(style_of_name(legend_name(line)));
      }
      panels_.emplace_back(key.first, std::move(lines), std::move(styles), frame_);
    }
    for (const auto& panel : panels_)
      if (const auto limits = panel.limits()) {
        const auto [place, is_new] = limits_.try_emplace({panel.columns(), panel.unit()}, *limits);
        place->second = {std::min(place->second.first, limits->first), std::max(place->second.second, limits->second)};
      }
  }

  ValueAxis axis_of(const Panel& panel) const {
    const int max_ticks = options_.panel_height >= 150 ? 5 : 3;
    const auto limits = limits_.find({panel.columns(), panel.unit()});
    if (limits == limits_.end()) return value_axis(0, 1, panel.unit(), 4);
    const auto [low, high] = limits->second;
    return options_.log ? log_axis(low, high, panel.unit(), max_ticks) : value_axis(low, high, panel.unit(), max_ticks);
  }

  // Returns the legend text; for an unnamed line, the name of the column if all lines have the same one.
  std::string entry_name(const std::string& name) const {
    if (!name.empty() || lines_.empty()) return name;
    const auto& first = lines_.front().column;
    const bool shared = std::all_of(lines_.begin(), lines_.end(), [&](const auto& line) { return line.column == first; });
    return shared ? first : "value";
  }

  // Places the title on as many lines as needed, and the range right of the last one, or below it if it does not fit there.
  void place_title() {
    const double width = options_.width - left_margin - right_margin;
    title_ = wrapped(options_.title, static_cast<std::size_t>(width / title_letter));
    const double used = title_letter * static_cast<double>(characters(title_.back())) +
                        range_letter * static_cast<double>(characters(range_text(shown_)));
    const auto lines = title_.size() + (used + 12 > width ? 1 : 0);
    title_height_ = title_height + title_line * static_cast<double>(lines - 1);
  }

  // Places the entries for lines, bands and marks side by side, in as many rows as needed.
  void place_legend() {
    std::vector<std::string> bands;
    for (const auto& line : lines_)
      if (!line.band.empty() && std::find(bands.begin(), bands.end(), line.band) == bands.end()) bands.push_back(line.band);
    const bool unnamed = names_.size() < 2 && (names_.empty() || names_.front().empty());
    if (unnamed && options_.marks.empty() && bands.empty()) return;
    double x = left_margin, y = title_height_ + 10;
    const auto place = [&](const std::string& text, std::function<void(Svg&, double, double)> draw_symbol) {
      const double width = 26 + text_width * static_cast<double>(characters(text)) + 14;
      if (x > left_margin && x + width > options_.width - right_margin) {
        x = left_margin;
        y += legend_line;
      }
      legend_.push_back({x, y, text, std::move(draw_symbol)});
      x += width;
    };
    const auto shown = std::min(names_.size(), max_legend_entries);
    for (std::size_t i = 0; i < shown; ++i)
      place(entry_name(names_[i]), [style = style_of_name(names_[i])](Svg& svg, double left, double bottom) {
        const auto dash = style.dash.empty() ? std::string() : fmt::format(" stroke-dasharray=\"{}\"", style.dash);
        svg.line(left, bottom - 4, left + 20, bottom - 4,
                 fmt::format("stroke=\"{}\" stroke-width=\"{}\"{}", style.colour, svg_number(std::max(2.0, style.width)), dash));
      });
    for (const auto& band : bands)
      place(band, [colour = band_colour(band)](Svg& svg, double left, double bottom) {
        svg.rect(left, bottom - 9, 20, 10, fmt::format("fill=\"{}\" fill-opacity=\"0.18\"", colour));
      });
    for (std::size_t i = 0; i < options_.marks.size(); ++i)
      place(options_.marks[i], [colour = frame_.mark_colours[i]](Svg& svg, double left, double bottom) {
        svg.circle(left + 12, bottom - 4, 4, fmt::format("fill=\"none\" stroke-width=\"1.6\" stroke=\"{}\"", colour));
      });
    if (shown < names_.size()) {
      more_ = fmt::format("and {} more", names_.size() - shown);
      y += legend_line;
      more_y_ = y;
    }
    legend_height_ = y - title_height_ + 6;
  }

  // Returns the colour of the band's line; grey if the band belongs to several groups.
  std::string band_colour(const std::string& band) const {
    std::string colour;
    for (const auto& line : lines_) {
      if (line.band != band) continue;
      const auto own = style_of_name(legend_name(line)).colour;
      if (!colour.empty() && colour != own) return "#777";
      colour = own;
    }
    return colour;
  }

  void draw_legend(Svg& svg) const {
    for (const auto& entry : legend_) {
      entry.draw_symbol(svg, entry.x, entry.y);
      svg.text(entry.x + 26, entry.y, entry.text, "");
    }
    if (!more_.empty()) svg.text(left_margin, more_y_, more_, "fill=\"#666\"");
  }

  void draw_notes(Svg& svg, double y, unsigned notes) const {
    double x = left_margin;
    const auto write = [&](std::string_view text, double space) {
      svg.text(x, y, text, "fill=\"#666\" font-size=\"11\"");
      x += space;
    };
    if (notes & note_gaps) {
      svg.rect(x, y - 9, 14, 10, "fill=\"#e4e4e4\"");
      x += 20;
      write("no value", 64);
    }
    if (notes & note_partial) {
      svg.line(x, y - 4, x + 20, y - 4, "stroke=\"#444\" stroke-width=\"1.5\" stroke-opacity=\"0.4\"");
      svg.circle(x + 10, y - 4, 2.1, "stroke=\"#444\" fill=\"#fff\"");
      x += 26;
      write("part of the input is missing", 164);
    }
    if (notes & note_not_positive) {
      svg.path("M" + svg_number(x) + " " + svg_number(y - 7) + "h6l-3 5z", "fill=\"#444\"");
      x += 12;
      write("zero or below", 94);
    }
    if (notes & note_strips) write("strips below the plot: coverage", 0);
  }

  PlotOptions options_;
  TimeRange shown_;
  std::vector<Series> lines_;
  Frame frame_;
  std::vector<std::string> names_;  // in the legend
  std::vector<Panel> panels_;
  std::map<std::pair<std::vector<std::string>, std::string>, std::pair<double, double>> limits_;
  std::vector<std::string> title_;  // lines
  std::vector<Entry> legend_;
  std::string more_;
  double title_height_ = title_height, legend_height_ = 0, more_y_ = 0;
};

}  // namespace

std::string plot_svg(std::span<const Series> series, const PlotOptions& options) { return Figure(series, options).draw(); }

}  // namespace mole::cli
