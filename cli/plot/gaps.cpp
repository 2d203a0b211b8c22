#include "cli/plot/gaps.hpp"

#include <algorithm>
#include <cmath>

namespace mole::cli {

bool has_value(const Point& p) { return p.value && std::fabs(*p.value) < 1e300 && p.coverage > 0; }

std::vector<TimeRange> gaps_of(const Series& series, TimeRange range) {
  std::vector<TimeRange> gaps;
  const auto add = [&](Micros from, Micros to) {
    from = std::max(from, range.from);
    to = std::min(to, range.to);
    if (from >= to) return;
    if (!gaps.empty() && gaps.back().to == from)
      gaps.back().to = to;
    else
      gaps.push_back({from, to});
  };
  Micros at = range.from;
  for (const auto& point : series.points) {
    add(at, point.from);
    if (!has_value(point)) add(point.from, point.to);
    at = std::max(at, point.to);
  }
  add(at, range.to);
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
  for (const auto* s : series)
    for (const auto& point : s->points) {
      const double from = std::max(0.0, static_cast<double>(point.from - range.from) * scale);
      const double to = std::min(static_cast<double>(columns), static_cast<double>(point.to - range.from) * scale);
      for (auto c = static_cast<std::size_t>(from); c < columns && static_cast<double>(c) < to; ++c) {
        const double overlap = std::min(to, static_cast<double>(c + 1)) - std::max(from, static_cast<double>(c));
        sums[c] += overlap * point.coverage;
      }
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
