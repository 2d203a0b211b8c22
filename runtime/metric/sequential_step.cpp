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

// ---- the states

Result<std::uint32_t> SequentialStates::add(const Group& group, MetricState state) {
  const auto number = static_cast<std::uint32_t>(states_.size());
  numbers_.emplace(group, number);
  groups_.push_back(group);
  pointers_.push_back(state.get());
  states_.push_back(std::move(state));
  seen_.push_back(false);
  late_.push_back(0);
  return number;
}

Result<> SequentialStates::load_checkpoint(const std::filesystem::path& checkpoint) {
  SavedCells saved;
  if (auto read = saved.append(checkpoint, step_, {}); !read) return read;
  for (Cell& cell : saved.cells()) {
    if (cell.interval_start != step_.block.from)
      return corrupt("checkpoint of " + step_.module->name() + " is for " + format_time(cell.interval_start) + ", not for " +
                     format_time(step_.block.from) + "; compute the previous block again");
    if (auto loaded = load_cell(cell, step_); !loaded) return loaded;
    if (!cell.state) continue;
    if (auto added = add(cell.group, std::move(cell.state)); !added) return added.error();
  }
  return {};
}

Result<> SequentialStates::create_dense(const std::vector<std::string>& routers) {
  if (step_.sparse()) return {};
  for (const auto& member : dense_members(step_.by, routers))
    if (auto number = number_of(member); !number) return number.error();
  return {};
}

Result<std::uint32_t> SequentialStates::number_of(const Group& group) {
  if (const auto found = numbers_.find(group); found != numbers_.end()) return found->second;
  MOLE_TRY(auto state, step_.new_state(step_.block.from, group));
  return add(group, std::move(state));
}

Result<> SequentialStates::close(Micros interval_start, const CoverageOf& coverage) {
  const bool in_block = step_.grid.contains(interval_start);
  const bool sparse = step_.sparse();
  std::vector<StateToFinish> finishing;
  for (std::size_t n = 0; n < states_.size(); ++n) {
    StateToFinish f{interval_start, &groups_[n], {}, pointers_[n], in_block && (!sparse || seen_[n] || late_[n] > 0)};
    if (f.keep) {
      f.coverage = coverage(step_.grid.index_of(interval_start), dense_part(step_.by, groups_[n]));
      f.coverage.flows_late = late_[n];
    }
    finishing.push_back(f);
  }
  seen_.assign(seen_.size(), false);
  late_.assign(late_.size(), 0);
  return builder_.add(finishing);
}

Result<> SequentialStates::save(const std::filesystem::path& path) const {
  MOLE_TRY(auto file, StateFileWriter::create(path, step_.header()));
  for (const auto& [group, number] : numbers_) {  // in byte order of the groups
    MOLE_TRY(auto saved, step_.module->save(states_[number]));
    if (auto added = file.add({step_.block.to, group, {}, saved}); !added) return added;
  }
  return file.finish();
}

// ---- flows and rows

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

  std::uint32_t open = 0;  // the interval that receives flows
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
