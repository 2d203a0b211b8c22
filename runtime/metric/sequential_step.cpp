#include "runtime/metric/sequential_step.hpp"

namespace mole::runtime {
namespace {

constexpr std::uint32_t unknown = 0xffffffffu;

SortOptions sort_options(const FlowGrouping& grouping, const std::vector<int>& reads, const std::filesystem::path& scratch) {
  SortOptions options{ColumnSet().set(MOLE_COLUMN_START), grouping.grid().range(), scratch};
  for (const int c : reads) options.columns.set(static_cast<std::size_t>(c));
  return options;
}

}  // namespace

SequentialFlows::SequentialFlows(const OpenStep& step, const FlowGrouping& grouping, std::uint32_t input,
                                 const std::vector<int>& reads, const std::filesystem::path& scratch)
    : step_(step), grouping_(grouping), arrow_(input, reads), sorter_(sort_options(grouping, reads, scratch)) {}

Result<> SequentialFlows::add(const FlowBatch& flows, const FlowGrouping::Assignment& assignment, std::uint32_t file) {
  if (assignment.empty) return {};
  if (assignment.slot_of_row) return sorter_.add(flows, file, assignment.slot_of_row);
  slots_.assign(flows.rows, assignment.slot);
  return sorter_.add(flows, file, slots_.data());
}

Result<std::uint32_t> SequentialFlows::state_of_slot(SequentialStates& states, std::uint32_t slot) {
  if (state_of_slot_.size() <= slot) state_of_slot_.resize(grouping_.slots().size(), unknown);
  if (state_of_slot_[slot] == unknown) {
    auto number = states.number_of(grouping_.group_of(slot));
    if (!number) return number;
    state_of_slot_[slot] = *number;
  }
  return state_of_slot_[slot];
}

// Adds rows [from, to), which are in one interval.
Result<> SequentialFlows::add_sorted(SequentialStates& states, const FlowBatch& flows, std::uint32_t from, std::uint32_t to) {
  state_of_row_.resize(to - from);
  for (std::uint32_t i = from; i < to; ++i) {
    MOLE_TRY(auto number, state_of_slot(states, sorter_.slots()[i]));
    state_of_row_[i - from] = number;
    states.mark_seen(number);
  }
  return step_.module->add(states.pointers(), state_of_row_.data(), arrow_.view(flows.slice(from, to - from)), batches_++);
}

Result<> SequentialFlows::add_late(SequentialStates& states, std::uint32_t interval) {
  for (const std::uint32_t slot : late_slots_[interval]) {
    MOLE_TRY(auto number, state_of_slot(states, slot));
    states.add_late(number, grouping_.slots()[slot].late);
  }
  return {};
}

Result<> SequentialFlows::run(SequentialStates& states, const CoverageOf& coverage) {
  const IntervalGrid& grid = grouping_.grid();
  late_slots_.resize(grid.size());
  for (std::uint32_t slot = 0; slot < grouping_.slots().size(); ++slot)
    if (grouping_.slots()[slot].late > 0) late_slots_[grouping_.slots()[slot].interval].push_back(slot);

  std::uint32_t open = 0;  // the interval that gets flows
  const auto close_until = [&](std::uint32_t interval) -> Result<> {
    for (; open < interval; ++open) {
      if (auto added = add_late(states, open); !added) return added;
      if (auto closed = states.close(grid.at(open).from, coverage); !closed) return closed;
    }
    return {};
  };
  FlowBatch flows;
  while (true) {
    MOLE_TRY(auto more, sorter_.next(flows));
    if (!more) break;
    const auto starts = flows.column<Micros>(MOLE_COLUMN_START);
    for (std::uint32_t from = 0; from < flows.rows;) {
      const std::uint32_t interval = grid.index_of(starts[from]);
      std::uint32_t to = from + 1;
      while (to < flows.rows && starts[to] < grid.at(interval).to) ++to;
      if (auto closed = close_until(interval); !closed) return closed;
      if (auto added = add_sorted(states, flows, from, to); !added) return added;
      from = to;
    }
  }
  return close_until(grid.size());
}

Result<> run_sequential_rows(const OpenStep& step, SequentialStates& states, Micros from, const CoverageOf& coverage) {
  ArrowView columns;
  for (Micros start = from; start < step.block.to; start += step.step->interval) {
    for (std::size_t input = 0; input < step.upstream.size(); ++input) {
      if (step.step->inputs[input].kind != InputKind::rows) continue;
      ArrowRows rows;
      std::vector<std::uint32_t> state_of_row;
      for (const auto& row : step.upstream[input].rows()) {
        if (row.interval_start != start || !row.valid || !(row.coverage.share > 0)) continue;
        MOLE_TRY(auto number, states.number_of(row.group));
        states.mark_seen(number);
        rows.add(row);
        state_of_row.push_back(number);
      }
      if (state_of_row.empty()) continue;
      const mole_batch batch{sizeof batch, static_cast<std::uint32_t>(input), 0, 0, rows.size(), rows.view(columns)};
      if (auto added = step.module->add(states.pointers(), state_of_row.data(), batch, 0); !added) return added;
    }
    if (auto closed = states.close(start, coverage); !closed) return closed;
  }
  return {};
}

}  // namespace mole::runtime
