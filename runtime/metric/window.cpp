#include "runtime/metric/window.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace mole::runtime {
namespace {

// One group's cells along the intervals from the first in reach to the end of the block; null: no cell.
struct Line {
  const OpenStep& step;
  const Group& group;
  std::vector<Cell*> cells;
  std::size_t length;  // of a window, in intervals
  std::size_t first;   // index of the block's first interval

  Micros start_of(std::size_t i) const {
    return step.block.from + (static_cast<Micros>(i) - static_cast<Micros>(first)) * step.step->interval;
  }

  // Merges cell i into `into`; a saved state is loaded for the purpose and dropped unless `keep`.
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

// The evidence of a window: the mean coverage of all its intervals (none known: 0), sums of the rest.
RowEvidence evidence_of(const Line& line, const std::vector<const RowEvidence*>& of_interval, std::size_t last) {
  RowEvidence sum;
  for (std::size_t i = last + 1 - line.length; i <= last; ++i) {
    const RowEvidence* e = line.cells[i] ? &line.cells[i]->evidence : of_interval[i];
    if (!e) continue;
    sum.coverage += e->coverage;
    sum.flows_lost += e->flows_lost;
    sum.flows_late += line.cells[i] ? e->flows_late : 0;
    sum.files_expected += e->files_expected;
    sum.files_present += e->files_present;
  }
  sum.coverage /= static_cast<double>(line.length);
  return sum;
}

// Takes the merged state of the window that ends with interval `last`. Called in any order of intervals.
using Take = std::function<Result<>(std::size_t last, MetricState)>;

bool any_state(const Line& line, std::size_t from, std::size_t to) {
  return std::any_of(line.cells.begin() + static_cast<std::ptrdiff_t>(from), line.cells.begin() + static_cast<std::ptrdiff_t>(to),
                     [](const Cell* c) { return c && c->has_state(); });
}

Result<> merge_in_order(const Line& line, const Take& take) {
  for (std::size_t last = line.first; last < line.cells.size(); ++last) {
    const std::size_t from = last + 1 - line.length;
    if (!any_state(line, from, last + 1)) continue;
    auto state = line.step.fresh(line.start_of(last), line.group);
    if (!state) return state.error();
    for (std::size_t i = from; i <= last; ++i)
      if (auto merged = line.merge(*state, i, true); !merged) return merged;
    if (auto taken = take(last, std::move(*state)); !taken) return taken;
  }
  return {};
}

// Rows [a, b] of one chunk share the intervals (b - length, a]. From the last row to the first, older intervals join one
// running state; newer ones come from prefixes that are kept.
Result<> merge_chunk(const Line& line, std::size_t a, std::size_t b, const Take& take) {
  const auto fresh = [&] { return line.step.fresh(line.start_of(a), line.group); };
  auto shared = fresh();
  if (!shared) return shared.error();
  for (std::size_t i = b + 1 - line.length; i <= a; ++i)
    if (auto merged = line.merge(*shared, i, false); !merged) return merged;

  std::vector<MetricState> newer(b - a + 1);  // newer[k]: intervals (a, a + k]
  for (std::size_t k = 1; k < newer.size(); ++k) {
    auto state = fresh();
    if (!state) return state.error();
    if (k > 1)
      if (auto merged = line.step.module->merge(*state, newer[k - 1]); !merged) return merged;
    if (auto merged = line.merge(*state, a + k, false); !merged) return merged;
    newer[k] = std::move(*state);
  }
  for (std::size_t last = b + 1; last-- > a;) {
    if (last < b)
      if (auto merged = line.merge(*shared, last + 1 - line.length, false); !merged) return merged;
    if (!any_state(line, last + 1 - line.length, last + 1)) continue;
    auto state = fresh();
    if (!state) return state.error();
    if (auto merged = line.step.module->merge(*state, *shared); !merged) return merged;
    if (last > a)
      if (auto merged = line.step.module->merge(*state, newer[last - a]); !merged) return merged;
    if (auto taken = take(last, std::move(*state)); !taken) return taken;
  }
  return {};
}

Result<> merge_by_chunks(const Line& line, const Take& take) {
  // Chunks of about the root of the rows keep few prefixes, and cost each interval of the window a merge per chunk.
  const std::size_t rows = line.cells.size() - line.first;
  const std::size_t chunk =
      std::min(line.length, std::max<std::size_t>(32, static_cast<std::size_t>(std::sqrt(static_cast<double>(rows)))));
  for (std::size_t a = line.first; a < line.cells.size(); a += chunk)
    if (auto merged = merge_chunk(line, a, std::min(a + chunk, line.cells.size()) - 1, take); !merged) return merged;
  return {};
}

}  // namespace

Result<> merge_windows(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers,
                       const std::function<Result<>(Cell)>& row) {
  const Micros interval = step.step->interval;
  const auto length = static_cast<std::size_t>(step.step->window / interval);
  const std::size_t first = length - 1, count = first + step.grid.size();
  const Micros reach_from = step.block.from - static_cast<Micros>(first) * interval;
  const bool exact = step.module->descriptor().deterministic && step.module->context_input() < 0;

  std::map<Group, std::vector<Cell*>, GroupOrder> lines(GroupOrder{&step.by});
  std::map<Group, std::vector<const RowEvidence*>> of_interval;  // by dense part: what holds for absent groups
  for (const auto& member : dense_members(step.by, routers)) of_interval[member].resize(count);
  for (Cell& cell : cells) {
    if (cell.interval_start < reach_from || cell.interval_start >= step.block.to) continue;
    const auto i = static_cast<std::size_t>((cell.interval_start - reach_from) / interval);
    auto& evidence = of_interval[dense_part(step.by, cell.group)];
    evidence.resize(count);
    if (!evidence[i] || !cell.has_state()) evidence[i] = &cell.evidence;
    if (!cell.has_state()) continue;
    auto& line = lines[cell.group];
    line.resize(count);
    line[i] = &cell;
  }

  for (auto& [group, line_cells] : lines) {
    const Line line{step, group, line_cells, length, first};
    const auto& evidence = of_interval[dense_part(step.by, group)];
    const Take take = [&, &group = group](std::size_t last, MetricState state) {
      Cell cell;
      cell.interval_start = line.start_of(last);
      cell.group = group;
      cell.state = std::move(state);
      cell.evidence = evidence_of(line, evidence, last);
      return row(std::move(cell));
    };
    if (auto done = exact ? merge_by_chunks(line, take) : merge_in_order(line, take); !done) return done;
  }
  return {};
}

}  // namespace mole::runtime
