#include "runtime/metric/window.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace mole::runtime {
namespace {

// The cells of one group, from the first interval of the first window to the end of the block; null: no cell.
struct GroupCells {
  const OpenStep& step;
  const Group& group;
  std::vector<Cell*> cells;
  std::size_t length;  // of a window, in intervals
  std::size_t first;   // index of the block's first interval

  Micros start_of(std::size_t i) const {
    return step.block.from + (static_cast<Micros>(i) - static_cast<Micros>(first)) * step.step->interval;
  }

  // Merges cell i into `into`. A saved state is loaded first and, unless `keep`, dropped afterwards.
  Result<> merge(const MetricState& into, std::size_t i, bool keep) const {
    Cell* cell = cells[i];
    if (!cell || !cell->has_state()) return {};
    const bool was_loaded = static_cast<bool>(cell->state);
    if (auto loaded = load_cell(*cell, step); !loaded) return loaded;
    auto merged = step.module->merge(into, cell->state);
    if (!was_loaded && !keep) cell->state = MetricState();
    return merged;
  }
};

// Returns the coverage of a window: the mean share of all its intervals (0 where unknown), the sums of the other columns.
RowCoverage window_coverage(const GroupCells& series, const std::vector<const RowCoverage*>& of_interval, std::size_t last) {
  RowCoverage sum;
  for (std::size_t i = last + 1 - series.length; i <= last; ++i) {
    const RowCoverage* e = series.cells[i] ? &series.cells[i]->coverage : of_interval[i];
    if (!e) continue;
    sum.share += e->share;
    sum.flows_lost += e->flows_lost;
    sum.flows_late += series.cells[i] ? e->flows_late : 0;
    sum.files_expected += e->files_expected;
    sum.files_present += e->files_present;
  }
  sum.share /= static_cast<double>(series.length);
  return sum;
}

// Receives the merged state of the window that ends with interval `last`, in any order of intervals.
using Sink = std::function<Result<>(std::size_t last, MetricState)>;

bool any_state(const GroupCells& series, std::size_t from, std::size_t to) {
  return std::any_of(series.cells.begin() + static_cast<std::ptrdiff_t>(from),
                     series.cells.begin() + static_cast<std::ptrdiff_t>(to), [](const Cell* c) { return c && c->has_state(); });
}

Result<> merge_in_order(const GroupCells& series, const Sink& sink) {
  for (std::size_t last = series.first; last < series.cells.size(); ++last) {
    const std::size_t from = last + 1 - series.length;
    if (!any_state(series, from, last + 1)) continue;
    MOLE_TRY(auto state, series.step.new_state(series.start_of(last), series.group));
    for (std::size_t i = from; i <= last; ++i)
      if (auto merged = series.merge(state, i, true); !merged) return merged;
    if (auto taken = sink(last, std::move(state)); !taken) return taken;
  }
  return {};
}

// Rows [a, b] of one chunk share the intervals (b - length, a]. From the last row to the first, older intervals are merged into
// one running state; newer intervals are in prefix states that are computed beforehand.
Result<> merge_chunk(const GroupCells& series, std::size_t a, std::size_t b, const Sink& sink) {
  const auto new_state = [&] { return series.step.new_state(series.start_of(a), series.group); };
  MOLE_TRY(auto shared, new_state());
  for (std::size_t i = b + 1 - series.length; i <= a; ++i)
    if (auto merged = series.merge(shared, i, false); !merged) return merged;

  std::vector<MetricState> newer(b - a + 1);  // newer[k]: intervals (a, a + k]
  for (std::size_t k = 1; k < newer.size(); ++k) {
    MOLE_TRY(auto state, new_state());
    if (k > 1)
      if (auto merged = series.step.module->merge(state, newer[k - 1]); !merged) return merged;
    if (auto merged = series.merge(state, a + k, false); !merged) return merged;
    newer[k] = std::move(state);
  }
  for (std::size_t last = b + 1; last-- > a;) {
    if (last < b)
      if (auto merged = series.merge(shared, last + 1 - series.length, false); !merged) return merged;
    if (!any_state(series, last + 1 - series.length, last + 1)) continue;
    MOLE_TRY(auto state, new_state());
    if (auto merged = series.step.module->merge(state, shared); !merged) return merged;
    if (last > a)
      if (auto merged = series.step.module->merge(state, newer[last - a]); !merged) return merged;
    if (auto taken = sink(last, std::move(state)); !taken) return taken;
  }
  return {};
}

Result<> merge_by_chunks(const GroupCells& series, const Sink& sink) {
  // With about sqrt(rows) rows per chunk, there are few prefix states and each interval of the window is merged once per chunk.
  const std::size_t rows = series.cells.size() - series.first;
  const std::size_t chunk =
      std::min(series.length, std::max<std::size_t>(32, static_cast<std::size_t>(std::sqrt(static_cast<double>(rows)))));
  for (std::size_t a = series.first; a < series.cells.size(); a += chunk)
    if (auto merged = merge_chunk(series, a, std::min(a + chunk, series.cells.size()) - 1, sink); !merged) return merged;
  return {};
}

}  // namespace

Result<> merge_windows(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers,
                       const std::function<Result<>(Cell)>& row) {
  const Micros interval = step.step->interval;
  const auto length = static_cast<std::size_t>(step.step->window / interval);
  const std::size_t first = length - 1, count = first + step.grid.size();
  const Micros range_from = step.block.from - static_cast<Micros>(first) * interval;
  const bool exact = step.module->descriptor().deterministic && step.module->context_input() < 0;

  std::map<Group, std::vector<Cell*>, GroupOrder> series_of_group(GroupOrder{&step.by});
  std::map<Group, std::vector<const RowCoverage*>> of_interval;  // by dense part of the group: the coverage of absent groups
  for (const auto& member : dense_members(step.by, routers)) of_interval[member].resize(count);
  for (Cell& cell : cells) {
    if (cell.interval_start < range_from || cell.interval_start >= step.block.to) continue;
    const auto i = static_cast<std::size_t>((cell.interval_start - range_from) / interval);
    auto& coverage = of_interval[dense_part(step.by, cell.group)];
    coverage.resize(count);
    if (!coverage[i] || !cell.has_state()) coverage[i] = &cell.coverage;
    if (!cell.has_state()) continue;
    auto& series = series_of_group[cell.group];
    series.resize(count);
    series[i] = &cell;
  }

  for (auto& [group, series_cells] : series_of_group) {
    const GroupCells series{step, group, series_cells, length, first};
    const auto& coverage = of_interval[dense_part(step.by, group)];
    const Sink sink = [&, &group = group](std::size_t last, MetricState state) {
      return row({series.start_of(last), group, std::move(state), {}, {}, window_coverage(series, coverage, last)});
    };
    if (auto done = exact ? merge_by_chunks(series, sink) : merge_in_order(series, sink); !done) return done;
  }
  return {};
}

}  // namespace mole::runtime
