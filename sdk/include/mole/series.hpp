// Series: a time series as a state, for metrics that need another module's values in time order (see series_metric.hpp).
//
//   mole::Series merged(mole::Series series, const mole::Series& other, const mole::Values& values) {
//     series.add(values);
//     series.merge(other);
//     return series;
//   }
//
// The weight of a point is its coverage. Gaps and values without coverage have no point. Points and saved bytes do not depend on
// the order of adding and merging. 24 bytes per point.
#pragma once

#include <mole/fields.hpp>
#include <mole/inputs.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace mole {

struct Point {
  Time start;
  double value;   // finite, never -0
  double weight;  // coverage, above 0 and at most 1

  friend bool operator<(const Point& a, const Point& b) {
    if (a.start.us != b.start.us) return a.start.us < b.start.us;
    return a.value != b.value ? a.value < b.value : a.weight < b.weight;
  }
  friend bool operator==(const Point& a, const Point& b) {
    return a.start.us == b.start.us && a.value == b.value && a.weight == b.weight;
  }
};

class Series {
 public:
  // Throws Failure(invalid) for a value that is not finite.
  void add(const Values& values) {
    const std::size_t before = points_.size();
    for (const auto [value, coverage, start] : values) {
      if (!std::isfinite(value))
        throw Failure(invalid("a series value is not finite; omit such rows upstream, or set the value to null in those rows"));
      if (coverage > 0) points_.push_back({start, value + 0.0, std::min(coverage, 1.0)});
    }
    const auto middle = points_.begin() + static_cast<std::ptrdiff_t>(before);
    std::sort(middle, points_.end());
    join(middle);
  }
  void merge(const Series& other) {
    // Windows grow at either end: insert at the front without merging if all points of `other` are older.
    if (!points_.empty() && !other.points_.empty() && other.points_.back() < points_.front()) {
      points_.insert(points_.begin(), other.points_.begin(), other.points_.end());
      return;
    }
    const auto before = static_cast<std::ptrdiff_t>(points_.size());
    points_.insert(points_.end(), other.points_.begin(), other.points_.end());
    join(points_.begin() + before);
  }

  // In time order. Several points may have the same time if upstream has several rows.
  std::span<const Point> points() const { return points_; }
  // Points that start before `end`.
  std::span<const Point> before(Time end) const { return points().first(index_of(end)); }
  // Points in [from, to).
  std::span<const Point> between(Time from, Time to) const {
    const auto first = index_of(from);
    return points().subspan(first, std::max(index_of(to), first) - first);
  }
  std::size_t size() const { return points_.size(); }
  bool operator==(const Series&) const = default;

  // Saved: u64 count, then start (i64 microseconds), value and weight (f64) of each point, in order.
  static constexpr std::size_t min_size = 8;
  static std::string shape() { return "series"; }
  void save(StateWriter& w) const {
    detail::save_value(w, std::uint64_t{points_.size()});
    w.bytes(points_.data(), points_.size() * sizeof(Point));
  }
  void load(StateReader& r) {
    const auto n = r.count(sizeof(Point));
    points_.resize(n);
    if (n > 0) std::memcpy(points_.data(), r.take(n * sizeof(Point)), n * sizeof(Point));
    for (std::size_t i = 0; i < n; ++i) {
      const auto& p = points_[i];
      if (!std::isfinite(p.value) || (p.value == 0 && std::signbit(p.value)) || !(p.weight > 0 && p.weight <= 1))
        StateReader::reject("a point of a series is invalid");
      if (i > 0 && p < points_[i - 1]) StateReader::reject("a series is not sorted");
    }
  }

 private:
  std::size_t index_of(Time t) const {
    const auto at = std::lower_bound(points_.begin(), points_.end(), t, [](const Point& p, Time x) { return p.start.us < x.us; });
    return static_cast<std::size_t>(at - points_.begin());
  }
  void join(std::vector<Point>::iterator middle) {
    if (middle == points_.begin() || middle == points_.end() || !(*middle < *(middle - 1))) return;
    std::inplace_merge(points_.begin(), middle, points_.end());
  }

  std::vector<Point> points_;
};
static_assert(sizeof(Point) == 24);

// A series on a regular grid, for statistics over lags and seasons: cell k is the interval that starts at first + k * step. Gaps
// have weight 0 and no meaningful value.
struct Grid {
  std::int64_t first = 0, step = 1;  // microseconds
  std::vector<double> value, weight;

  std::size_t size() const { return value.size(); }
  bool has(std::size_t k) const { return weight[k] > 0; }
};

// Returns the points as cells of `step` microseconds aligned to `origin`, from the first point to `end`, at most the last
// `max_cells`. Points with less than `minimum_coverage` are ignored; the value of a cell with several points is their weighted
// mean.
inline Grid grid_of(std::span<const Point> points, Time origin, std::int64_t step, Time end, double minimum_coverage = 0,
                    std::int64_t max_cells = 1 << 20) {
  const auto cell_of = [&](Time t) {
    const auto d = t.us - origin.us;
    return d / step - (d % step < 0);
  };
  Grid g;
  if (step <= 0 || points.empty() || !(points.front().start.us < end.us)) return g;
  g.step = step;
  const std::int64_t last = cell_of({end.us - 1}), from = std::max(cell_of(points.front().start), last + 1 - max_cells);
  g.first = origin.us + from * step;
  g.value.resize(static_cast<std::size_t>(last - from + 1));
  g.weight.resize(g.value.size());
  std::vector<std::uint32_t> count(g.size());
  for (const auto& p : points) {
    if (p.start.us < g.first || p.start.us >= end.us || p.weight < minimum_coverage) continue;
    const auto k = static_cast<std::size_t>(cell_of(p.start) - from);
    g.value[k] += p.weight * p.value;
    g.weight[k] += p.weight;
    ++count[k];
  }
  for (std::size_t k = 0; k < g.size(); ++k) {
    if (count[k] == 0) continue;
    g.value[k] /= g.weight[k];
    g.weight[k] /= count[k];
  }
  return g;
}

// Returns the points before the row, in cells as long as the row's interval.
inline Grid history_of(const Series& series, const Interval& row, double minimum_coverage) {
  return grid_of(series.before(row.start), row.start, row.end.us - row.start.us, row.start, minimum_coverage);
}
// The same, with the row's interval as the last cell.
inline Grid history_with(const Series& series, const Interval& row, double minimum_coverage) {
  return grid_of(series.before(row.end), row.start, row.end.us - row.start.us, row.end, minimum_coverage);
}

// True if `every` is 0 or `end` is a multiple of `every` seconds since the epoch. Expensive metrics compute only then.
inline bool is_due(Time end, std::uint64_t every) {
  return every == 0 || end.us % (static_cast<std::int64_t>(every) * 1'000'000) == 0;
}

}  // namespace mole
