#include "cli/plot/plot.hpp"

#include "cli/plot/axis.hpp"
#include "cli/plot/panel.hpp"
#include "cli/plot/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace mole::cli {
namespace {

using runtime::Column;
using runtime::RowTable;

constexpr std::size_t most_groups = 500, most_in_legend = 24;
constexpr double left_margin = 58, right_margin = 18, title_height = 30, legend_line = 17, heading_height = 22;
constexpr double panel_gap = 16, time_axis_height = 40, notes_height = 18, text_width = 6.9;

// Colours that most eyes can tell apart (Okabe and Ito, the yellow left out, two darker ones added).
constexpr std::string_view colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                        "#56b4e9", "#e69f00", "#7a5195", "#4d4d4d"};
constexpr std::string_view dashes[] = {"", "5 2.5", "1.5 2"};

LineStyle style_of(std::size_t group) {
  return {std::string(colours[group % std::size(colours)]),
          std::string(dashes[group / std::size(colours) % std::size(dashes)])};
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

// One figure: title, legend, panels from top to bottom, notes.
class Figure {
 public:
  Figure(std::span<const Series> series, const PlotOptions& options) : options_(options) {
    range_ = options.range.empty() ? extent(series) : options.range;
    for (const auto& s : series)
      if (std::find(groups_.begin(), groups_.end(), s.group) == groups_.end()) groups_.push_back(s.group);
    std::vector<std::string> columns;
    for (const auto& s : series)
      if (std::find(columns.begin(), columns.end(), s.column) == columns.end()) columns.push_back(s.column);
    for (const auto& column : columns) add_panel(series, column);
    place_legend();
  }

  std::string draw() {
    double height = title_height + legend_height_ + time_axis_height + notes_height;
    for (const auto& panel : panels_)
      height += heading_height + options_.panel_height + panel.strips_height() + panel_gap;
    Svg svg(options_.width, static_cast<int>(std::ceil(height)), options_.title.empty() ? "Data Mole" : options_.title);
    svg.text(left_margin, 20, options_.title, "font-size=\"15\" font-weight=\"bold\"");
    svg.text(options_.width - right_margin, 20, range_text(range_),
             "text-anchor=\"end\" fill=\"#666\" font-size=\"11\"");
    draw_legend(svg);

    double y = title_height + legend_height_;
    PanelNotes notes;
    for (std::size_t i = 0; i < panels_.size(); ++i) {
      y += heading_height;
      const auto said =
          panels_[i].draw(svg, left_margin, y, plot_width(), options_.panel_height, i + 1 == panels_.size());
      notes.gaps |= said.gaps;
      notes.partial |= said.partial;
      y += options_.panel_height + panels_[i].strips_height() + panel_gap;
    }
    if (panels_.empty()) svg.text(options_.width / 2.0, y, "no data", "text-anchor=\"middle\" fill=\"#777\"");
    draw_notes(svg, y + time_axis_height, notes);
    return std::move(svg).finish();
  }

 private:
  struct Entry {
    double x, y;
    std::size_t group;
  };

  double plot_width() const { return options_.width - left_margin - right_margin; }

  void add_panel(std::span<const Series> series, const std::string& column) {
    std::vector<const Series*> lines;
    std::vector<LineStyle> styles;
    for (const auto& s : series) {
      if (s.column != column) continue;
      lines.push_back(&s);
      const auto group = std::find(groups_.begin(), groups_.end(), s.group) - groups_.begin();
      styles.push_back(style_of(static_cast<std::size_t>(group)));
    }
    panels_.emplace_back(std::move(lines), std::move(styles), range_);
  }

  // Entries side by side, in as many lines as they need.
  void place_legend() {
    if (groups_.size() < 2 && (groups_.empty() || groups_.front().empty())) return;
    double x = left_margin, y = title_height + 10;
    const auto shown = std::min(groups_.size(), most_in_legend);
    for (std::size_t i = 0; i < shown; ++i) {
      const double width = 26 + text_width * static_cast<double>(characters(groups_[i])) + 14;
      if (x > left_margin && x + width > options_.width - right_margin) {
        x = left_margin;
        y += legend_line;
      }
      legend_.push_back({x, y, i});
      x += width;
    }
    if (shown < groups_.size()) {
      more_ = fmt::format("and {} more", groups_.size() - shown);
      y += legend_line;
      more_y_ = y;
    }
    legend_height_ = y - title_height + 6;
  }

  void draw_legend(Svg& svg) const {
    for (const auto& entry : legend_) {
      const auto style = style_of(entry.group);
      const auto dash = style.dash.empty() ? std::string() : fmt::format(" stroke-dasharray=\"{}\"", style.dash);
      svg.line(entry.x, entry.y - 4, entry.x + 20, entry.y - 4,
               fmt::format("stroke=\"{}\" stroke-width=\"2\"{}", style.colour, dash));
      svg.text(entry.x + 26, entry.y, groups_[entry.group], "");
    }
    if (!more_.empty()) svg.text(left_margin, more_y_, more_, "fill=\"#666\"");
  }

  static void draw_notes(Svg& svg, double y, PanelNotes notes) {
    double x = left_margin;
    if (notes.gaps) {
      svg.rect(x, y - 9, 14, 10, "fill=\"#e4e4e4\"");
      svg.text(x + 20, y, "no value", "fill=\"#666\" font-size=\"11\"");
      x += 84;
    }
    if (notes.partial) {
      svg.line(x, y - 4, x + 20, y - 4, "stroke=\"#444\" stroke-width=\"1.5\" stroke-opacity=\"0.4\"");
      svg.circle(x + 10, y - 4, 2.1, "stroke=\"#444\" fill=\"#fff\"");
      svg.text(x + 26, y, "part of the input is missing", "fill=\"#666\" font-size=\"11\"");
      x += 190;
    }
    if (notes.gaps || notes.partial)
      svg.text(x, y, "strips below the plot: coverage", "fill=\"#666\" font-size=\"11\"");
  }

  PlotOptions options_;
  TimeRange range_;
  std::vector<std::string> groups_;
  std::vector<Panel> panels_;
  std::vector<Entry> legend_;
  std::string more_;
  double legend_height_ = 0, more_y_ = 0;
};

std::string text_at(const Column& column, std::size_t row) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&column.values)) return (*texts)[row];
  if (const auto* numbers = std::get_if<std::vector<std::uint64_t>>(&column.values))
    return std::to_string((*numbers)[row]);
  if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&column.values))
    return std::to_string((*numbers)[row]);
  return fmt::format("{}", std::get<std::vector<double>>(column.values)[row]);
}

std::optional<double> number_at(const Column& column, std::size_t row) {
  if (!column.valid.empty() && !column.valid[row]) return std::nullopt;
  if (const auto* numbers = std::get_if<std::vector<double>>(&column.values)) return (*numbers)[row];
  if (const auto* numbers = std::get_if<std::vector<std::uint64_t>>(&column.values))
    return static_cast<double>((*numbers)[row]);
  return static_cast<double>(std::get<std::vector<std::int64_t>>(column.values)[row]);
}

Result<const Column*> number_column(const RowTable& rows, const std::string& name) {
  const auto* column = rows.find(name);
  if (!column) {
    std::string names;
    for (const auto& c : rows.columns) names += (names.empty() ? "" : ", ") + c.name;
    return invalid(fmt::format("there is no column '{}'; there are {}", name, names));
  }
  if (column->type != "u64" && column->type != "i64" && column->type != "f64")
    return invalid(
        fmt::format("column '{}' is of type {} and cannot be drawn; choose one with numbers", name, column->type));
  return column;
}

}  // namespace

Result<std::vector<Series>> series_of(const RowTable& rows, const std::vector<std::string>& by,
                                      const std::vector<std::string>& columns) {
  const auto *starts = rows.find("interval_start"), *ends = rows.find("interval_end"),
             *coverage = rows.find("coverage");
  if (!starts || !ends || starts->type != "time" || ends->type != "time")
    return invalid("the rows have no interval_start and interval_end");
  std::vector<const Column*> dimensions;
  for (const auto& name : by) {
    dimensions.push_back(rows.find(name));
    if (!dimensions.back()) return invalid(fmt::format("there is no group column '{}'", name));
  }

  std::vector<Series> out;
  for (const auto& name : columns) {
    auto column = number_column(rows, name);
    if (!column) return column.error();
    std::map<std::string, std::size_t> of_group;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      std::string group;
      for (const auto* dimension : dimensions) group += (group.empty() ? "" : ", ") + text_at(*dimension, row);
      const auto [place, fresh] = of_group.try_emplace(group, out.size());
      if (fresh) out.push_back({name, (*column)->unit, group, {}});
      if (of_group.size() > most_groups)
        return invalid(
            fmt::format("more than {} groups cannot be told apart in one figure; choose fewer", most_groups));
      const bool known = coverage && coverage->type == "f64";
      out[place->second].points.push_back({std::get<1>(starts->values)[row], std::get<1>(ends->values)[row],
                                           number_at(**column, row), known ? std::get<2>(coverage->values)[row] : 1.0});
    }
  }
  return out;
}

std::string plot_svg(std::span<const Series> series, const PlotOptions& options) {
  return Figure(series, options).draw();
}

}  // namespace mole::cli
