#include "runtime/metric/flow_step.hpp"

#include "sdk/model/flow_columns.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace mole::runtime {

CoverageOf archive_coverage(const CoverageTable& coverage, const OpenStep& step, std::vector<std::string> routers,
                            const FileIds& unusable) {
  std::size_t router_at = step.by.size();
  for (std::size_t d = 0; d < step.by.size(); ++d)
    if (step.by[d].kind == Dimension::Kind::router) router_at = d;
  const bool total = router_at < step.by.size() && step.by[router_at].total;
  auto known = std::make_shared<std::map<std::tuple<std::uint32_t, bool, std::string>, RowCoverage>>();
  return [&coverage, &unusable, grid = step.grid, load = step.step->load, router_at, total, routers = std::move(routers), known](
             std::uint32_t i, const Group& dense) {
    const bool one = router_at < dense.size() && !(total && dense[router_at] == all_members);
    const std::string router = one ? dense[router_at] : std::string();
    const auto [entry, added] = known->try_emplace({i, one, router});
    if (added) entry->second = coverage.of(grid.at(i), one ? std::span(&router, 1) : std::span(routers), load, unusable);
    return entry->second;
  };
}

Result<std::vector<int>> flow_columns_of(const Descriptor& descriptor) {
  std::vector<int> columns;
  for (const auto& input : descriptor.inputs) {
    if (input.kind != InputKind::flows) continue;
    for (const auto& name : input.reads) {
      const int found = flow_column_named(name);
      if (found < 0)
        return unsupported("'" + descriptor.name + "' reads the flow column '" + name +
                           "', which this version does not support; update Data Mole");
      columns.push_back(found);
    }
  }
  return columns;
}

ArrowFlows::ArrowFlows(std::uint32_t input, std::vector<int> reads) : reads_(std::move(reads)) {
  addresses_ = std::ranges::any_of(reads_, is_family_address);
  batch_.struct_size = sizeof batch_;
  batch_.input = input;
}

const mole_batch& ArrowFlows::view(const FlowBatch& flows) {
  const auto column = [&](std::size_t i) { return flows.columns[static_cast<std::size_t>(reads_[i])]; };
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_.move(i, column(i));
  for (std::size_t i = columns_.size(); i < reads_.size(); ++i) columns_.add(column(i));
  batch_.address_family = addresses_ ? flows.address_family : 0;
  batch_.rows = flows.rows;
  batch_.columns = columns_.array(flows.rows);
  return batch_;
}

FlowStep::FlowStep(const OpenStep& step, const FlowGrouping& grouping, std::uint32_t input, std::vector<int> reads,
                   const std::vector<std::string>& routers, std::filesystem::path scratch)
    : step_(step),
      grouping_(grouping),
      input_(input),
      reads_(std::move(reads)),
      members_(dense_members(step.by, routers)),
      slots_of_interval_(grouping.grid().size()),
      spill_(std::move(scratch)),
      rows_(step) {}

Result<> FlowStep::create_states() {
  for (std::size_t slot = states_.size(); slot < grouping_.slots().size(); ++slot) {
    const auto interval = grouping_.grid().at(grouping_.slots()[slot].interval);
    const bool needs_group = step_.module->context_input() >= 0;
    MOLE_TRY(auto state,
             step_.new_state(interval.from, needs_group ? grouping_.group_of(static_cast<std::uint32_t>(slot)) : Group{}));
    pointers_.push_back(state.get());
    states_.push_back(std::move(state));
    slots_of_interval_[grouping_.slots()[slot].interval].push_back(static_cast<std::uint32_t>(slot));
  }
  return {};
}

Result<> FlowStep::add(const FlowBatch& flows, const FlowGrouping::Assignment& assignment, std::uint64_t batch) {
  if (assignment.empty) return {};
  ArrowFlows arrow(input_, reads_);
  const auto& rows = arrow.view(flows);
  if (!assignment.slot_of_row) return step_.module->add(std::span(pointers_).subspan(assignment.slot, 1), nullptr, rows, batch);
  return step_.module->add(pointers_, assignment.slot_of_row, rows, batch);
}

Result<> FlowStep::add(const FlowRuns& flows, std::size_t first, std::size_t count, std::uint64_t batch) {
  ArrowFlows arrow(input_, reads_);
  const auto runs = flows.runs().subspan(first, count);
  return step_.module->add_each(count, batch, [&](std::size_t i) {
    return MetricModule::Run{pointers_[runs[i].state], &arrow.view(flows.view(runs[i]))};
  });
}

// Moves the states of an interval into cells, complete and sorted. Sets only flows_late of their coverage.
Result<std::vector<Cell>> FlowStep::take_cells(std::uint32_t interval) {
  const Micros start = grouping_.grid().at(interval).from;
  std::vector<Cell> cells;
  for (const std::uint32_t slot : slots_of_interval_[interval]) {
    cells.push_back({start, grouping_.group_of(slot), std::move(states_[slot])});
    cells.back().coverage.flows_late = grouping_.slots()[slot].late;
    pointers_[slot] = nullptr;
  }
  slots_of_interval_[interval] = {};
  sort_cells(cells, step_.by);
  MOLE_TRY(auto missing, missing_cells(cells, step_, start, members_));
  std::move(missing.begin(), missing.end(), std::back_inserter(cells));
  sort_cells(cells, step_.by);
  if (auto added = add_totals(cells, step_, start); !added) return added.error();
  return cells;
}

Result<> FlowStep::spill(std::vector<Cell>& cells) {
  for (Cell& cell : cells) {
    StateSpill::Place place;
    if (cell.state) {
      MOLE_TRY(auto saved, step_.module->save(cell.state));
      if (saved.empty()) return internal(step_.module->name() + ": save wrote no bytes; it must write at least one byte");
      MOLE_TRY(place, spill_.add(saved));
      cell.state = MetricState();
    }
    spilled_.push_back({std::move(cell), place});
  }
  return {};
}

Result<> FlowStep::close(std::uint32_t end) {
  if (closed_ >= end) return {};
  if (auto created = create_states(); !created) return created;
  for (; closed_ < end; ++closed_) {
    MOLE_TRY(auto cells, take_cells(closed_));
    if (makes_rows()) {
      std::vector<StateToFinish> finishing;
      for (const Cell& cell : cells)
        if (cell.state) finishing.push_back({cell.interval_start, &cell.group, cell.coverage, cell.state.get()});
      if (auto added = rows_.add(finishing); !added) return added;
    }
    if (keeps_states())
      if (auto spilled = spill(cells); !spilled) return spilled;
  }
  return {};
}

Result<FlowStep::Outcome> FlowStep::finish(const CoverageOf& coverage) {
  if (auto finished = spill_.finish(); !finished) return finished.error();
  Outcome out;
  for (auto& [cell, place] : spilled_) {
    const auto late = cell.coverage.flows_late;
    cell.coverage = coverage(step_.grid.index_of(cell.interval_start), dense_part(step_.by, cell.group));
    cell.coverage.flows_late = late;
    cell.saved = spill_.at(place);
    cell.mapped = spill_.bytes();
    out.cells.push_back(std::move(cell));
  }
  spilled_.clear();
  if (makes_rows()) {
    rows_.set_coverage(coverage);
    out.rows = rows_.build();
  }
  return out;
}

}  // namespace mole::runtime
