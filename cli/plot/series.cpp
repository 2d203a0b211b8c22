#include "cli/plot/series.hpp"

#include "cli/export/column.hpp"
#include "cli/export/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace mole::cli {
namespace {

using runtime::Column;
using runtime::RowTable;

constexpr std::size_t max_groups = 500;
constexpr Micros first_monday = 4 * day_us;  // 1970-01-05

Result<const Column*> number_column(const RowTable& rows, const std::string& name) {
  const auto* column = rows.find(name);
  if (!column) {
    std::vector<std::string> names;
    for (const auto& c : rows.columns) names.push_back(c.name);
    return invalid(no_such("column", name, names));
  }
  if (!is_numeric(*column))
    return invalid(fmt::format("column '{}' has type {} and cannot be drawn; choose a numeric column", name, column->type));
  return column;
}

// The points of several series by group and start.
using Index = std::map<std::pair<std::string_view, Micros>, const Point*>;
Index index_of(const std::vector<Series>& series) {
  Index index;
  for (const auto& s : series)
    for (const auto& point : s.points) index[{s.group, point.from}] = &point;
  return index;
}

std::optional<double> value_in(const Index& index, const Series& line, const Point& point) {
  const auto found = index.find({line.group, point.from});
  return found == index.end() ? std::nullopt : found->second->value;
}

using Intervals = std::map<std::string, std::shared_ptr<const std::vector<Point>>>;  // by router; "": all rows

// The value of `router` in a row; "" if the rows have no such column.
std::string router_of(const Column* routers, std::size_t row) { return routers ? value_text(*routers, row) : std::string(); }

// Returns the intervals in time order, with the highest coverage of their rows.
Intervals intervals_of(const Column* routers, const std::vector<Micros>& starts, const std::vector<Micros>& ends,
                       const std::vector<double>* coverage) {
  std::map<std::string, std::map<Micros, Point>> found;
  for (std::size_t row = 0; row < starts.size(); ++row) {
    auto& point = found[router_of(routers, row)].try_emplace(starts[row], Point{starts[row], ends[row], {}, 0}).first->second;
    point.coverage = std::max(point.coverage, coverage ? (*coverage)[row] : 1.0);
  }
  Intervals out;
  for (const auto& [router, points] : found) {
    auto list = std::make_shared<std::vector<Point>>();
    for (const auto& [start, point] : points) list->push_back(point);
    out[router] = std::move(list);
  }
  return out;
}

// Calls f(interval) for the intervals in which the group of a line has no row.
template <class F>
void for_absent(const Series& line, F f) {
  if (!line.intervals) return;
  auto point = line.points.begin();
  for (const auto& interval : *line.intervals) {
    while (point != line.points.end() && point->from < interval.from) ++point;
    if (point == line.points.end() || point->from != interval.from) f(interval);
  }
}

}  // namespace

Result<std::vector<Series>> series_of(const RowTable& rows, const std::vector<std::string>& by,
                                      const std::vector<std::string>& columns) {
  const auto *starts = rows.find("interval_start"), *ends = rows.find("interval_end"), *coverage = rows.find("coverage");
  if (!starts || !ends || type_of(*starts) != ColumnType::time || type_of(*ends) != ColumnType::time)
    return invalid("the rows have no time columns interval_start and interval_end; compute the module again");
  std::vector<const Column*> dimensions;
  for (const auto& name : by) {
    dimensions.push_back(rows.find(name));
    if (!dimensions.back()) return invalid(fmt::format("the rows have no group column '{}'; compute the module again", name));
  }

  const auto router = std::ranges::find(by, "router");
  const Column* routers = router == by.end() ? nullptr : rows.find(*router);
  const bool has_coverage = coverage && type_of(*coverage) == ColumnType::f64;
  Intervals intervals;
  if (!by.empty())
    intervals = intervals_of(routers, std::get<1>(starts->values), std::get<1>(ends->values),
                             has_coverage ? &std::get<2>(coverage->values) : nullptr);

  std::vector<Series> out;
  for (const auto& name : columns) {
    MOLE_TRY(auto column, number_column(rows, name));
    std::map<std::string, std::size_t> line_of_group;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      std::string group;
      for (const auto* dimension : dimensions) {
        const auto value = value_text(*dimension, row);
        group += (group.empty() ? "" : ", ") + (value.empty() ? "(none)" : value);
      }
      const auto [found, is_new] = line_of_group.try_emplace(group, out.size());
      if (is_new) out.push_back({name, column->unit, group, {}});
      if (is_new && !by.empty()) out.back().intervals = intervals[router_of(routers, row)];
      if (line_of_group.size() > max_groups)
        return invalid(fmt::format("a figure can show at most {} groups; select fewer with --where", max_groups));
      auto& points = out[found->second].points;
      points.push_back({std::get<1>(starts->values)[row], std::get<1>(ends->values)[row], number_at(*column, row),
                        has_coverage ? std::get<2>(coverage->values)[row] : 1.0});
    }
  }
  return out;
}

bool one_row_per_group(const RowTable& rows, const std::vector<std::string>& by, std::size_t max_rows) {
  const auto& starts = std::get<1>(rows.find("interval_start")->values);
  std::set<std::vector<std::string>> groups;  // of the current interval
  for (std::size_t row = 0; row < std::min(max_rows, rows.rows()); ++row) {
    if (row > 0 && starts[row] != starts[row - 1]) groups.clear();
    std::vector<std::string> group;
    group.reserve(by.size());
    for (const auto& name : by) group.push_back(value_text(*rows.find(name), row));
    if (!groups.insert(std::move(group)).second) return false;
  }
  return true;
}

std::vector<std::string> distinguishing_columns(const RowTable& rows, const std::vector<std::string>& by) {
  constexpr std::string_view standard_columns[] = {"interval_start", "interval_end",   "flows_lost",
                                                   "flows_late",     "files_expected", "files_present"};
  constexpr std::size_t max_rows = 2000;  // enough to find the columns
  if (one_row_per_group(rows, by, max_rows)) return {};
  auto chosen = by;
  const auto fixed = chosen.size();
  for (const auto& column : rows.columns) {
    const bool candidate =
        std::find(std::begin(standard_columns), std::end(standard_columns), column.name) == std::end(standard_columns) &&
        std::find(by.begin(), by.end(), column.name) == by.end();
    if (const auto type = type_of(column); !candidate || type == ColumnType::f64 || type == ColumnType::time) continue;
    chosen.push_back(column.name);
    if (!one_row_per_group(rows, chosen, max_rows)) continue;
    for (auto i = fixed; i + 1 < chosen.size();) {  // the last column is needed; drop the others where possible
      auto without = chosen;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      if (one_row_per_group(rows, without, max_rows))
        chosen = std::move(without);
      else
        ++i;
    }
    return {chosen.begin() + static_cast<std::ptrdiff_t>(fixed), chosen.end()};
  }
  return {};
}

Result<> add_band(std::vector<Series>& lines, const std::vector<Series>& low, const std::vector<Series>& high,
                  const std::string& name) {
  const auto has_band = [](const Series& s) {
    return std::any_of(s.points.begin(), s.points.end(), [](const Point& p) { return p.low || p.high; });
  };
  const auto unit = low.empty() ? std::string() : low.front().unit;
  const auto found = std::find_if(lines.begin(), lines.end(), [&](const Series& s) { return s.unit == unit && !has_band(s); });
  if (found == lines.end())
    return invalid(fmt::format("no column {} without a band is drawn; add one", unit.empty() ? "without a unit" : "in " + unit));
  const auto lows = index_of(low), highs = index_of(high);
  const auto column = found->column;
  for (auto& line : lines) {
    if (line.column != column) continue;
    line.band = name;
    for (auto& point : line.points) {
      point.low = value_in(lows, line, point);
      point.high = value_in(highs, line, point);
    }
  }
  return {};
}

void add_marks(std::vector<Series>& lines, const std::vector<Series>& flags, unsigned mark) {
  const auto index = index_of(flags);
  for (auto& line : lines)
    for (auto& point : line.points)
      if (value_in(index, line, point).value_or(0) != 0) point.marks |= 1U << mark;
}

Micros cycle_length(Cycle cycle) { return cycle == Cycle::day ? day_us : 7 * day_us; }

TimeRange cycle_range(Cycle cycle) { return {first_monday, first_monday + cycle_length(cycle)}; }

std::vector<Series> overlaid(const std::vector<Series>& lines, Cycle cycle) {
  if (cycle == Cycle::none) return lines;
  const auto length = cycle_length(cycle);
  std::vector<Series> out;
  for (const auto& line : lines) {
    Micros start = 0;
    bool any = false;
    for (auto point : line.points) {
      const auto begin = floor_to(point.from, length, first_monday);
      if (!any || begin != start) {
        out.push_back({line.column, line.unit, line.group, {}, begin, line.pale_below, line.band, line.scaled});
        start = begin;
        any = true;
      }
      point.from += first_monday - begin;
      point.to += first_monday - begin;
      out.back().points.push_back(point);
    }
  }
  std::erase_if(out, [](const Series& s) {  // drop days and weeks without any value
    return std::none_of(s.points.begin(), s.points.end(), [](const Point& p) { return p.value && p.coverage > 0; });
  });
  return out;
}

bool has_value(const Point& p) { return p.value && std::fabs(*p.value) < 1e300 && p.coverage > 0; }

std::vector<TimeRange> gaps_of(const Series& series, TimeRange range) {
  std::vector<TimeRange> gaps, absent;
  for_absent(series, [&](const Point& interval) {
    if (interval.coverage > 0) absent.push_back({interval.from, interval.to});
  });
  auto next = absent.begin();
  const auto add = [&](Micros from, Micros to) {
    from = std::max(from, range.from);
    to = std::min(to, range.to);
    if (from >= to) return;
    if (!gaps.empty() && gaps.back().to == from)
      gaps.back().to = to;
    else
      gaps.push_back({from, to});
  };
  const auto add_unless_absent = [&](Micros from, Micros to) {
    for (; next != absent.end() && next->from < to; ++next) {
      add(from, next->from);
      from = std::max(from, next->to);
    }
    add(from, to);
  };
  Micros at = range.from;
  for (const auto& point : series.points) {
    add_unless_absent(at, point.from);
    if (!has_value(point)) add(point.from, point.to);
    at = std::max(at, point.to);
  }
  add_unless_absent(at, range.to);
  return gaps;
}

std::vector<TimeRange> covered_by(const std::vector<std::vector<TimeRange>>& lists, std::size_t min_lists) {
  std::vector<std::pair<Micros, int>> edges;
  for (const auto& list : lists)
    for (const auto& range : list) {
      edges.emplace_back(range.from, 1);
      edges.emplace_back(range.to, -1);
    }
  std::sort(edges.begin(), edges.end());
  std::vector<TimeRange> out;
  int depth = 0;
  for (const auto& [at, change] : edges) {
    const bool before = depth >= static_cast<int>(min_lists);
    depth += change;
    const bool after = depth >= static_cast<int>(min_lists);
    if (!before && after) {
      if (!out.empty() && out.back().to == at) continue;  // extends the previous range
      out.push_back({at, at});
    }
    if (!out.empty() && before && !after) out.back().to = at;
  }
  return out;
}

std::vector<int> coverage_levels(const std::vector<const Series*>& series, std::size_t columns, TimeRange range) {
  std::vector<double> sums(columns, 0);
  const double scale = static_cast<double>(columns) / static_cast<double>(range.to - range.from);
  const auto add = [&](const Point& point) {
    const double from = std::max(0.0, static_cast<double>(point.from - range.from) * scale);
    const double to = std::min(static_cast<double>(columns), static_cast<double>(point.to - range.from) * scale);
    for (auto c = static_cast<std::size_t>(from); c < columns && static_cast<double>(c) < to; ++c) {
      const double overlap = std::min(to, static_cast<double>(c + 1)) - std::max(from, static_cast<double>(c));
      sums[c] += overlap * point.coverage;
    }
  };
  for (const auto* s : series) {
    for (const auto& point : s->points) add(point);
    for_absent(*s, add);
  }
  std::vector<int> levels;
  for (const double sum : sums) {
    const double mean = sum / static_cast<double>(series.size());
    if (mean < 1e-6)
      levels.push_back(0);
    else
      levels.push_back(mean > 1 - 1e-6 ? 10 : std::clamp(static_cast<int>(std::lround(mean * 10)), 1, 9));
  }
  return levels;
}

}  // namespace mole::cli
