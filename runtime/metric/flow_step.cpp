#include "runtime/metric/flow_step.hpp"

#include "sdk/descriptor/flow_columns.hpp"

#include <map>

namespace mole::runtime {

EvidenceOf archive_evidence(const CoverageTable& coverage, const OpenStep& step, std::vector<std::string> routers) {
  std::size_t router_at = step.by.size();
  for (std::size_t d = 0; d < step.by.size(); ++d)
    if (step.by[d].kind == Dimension::Kind::router) router_at = d;
  auto known = std::make_shared<std::map<std::pair<std::uint32_t, std::string>, RowEvidence>>();
  return [&coverage, grid = step.grid, router_at, routers = std::move(routers), known](std::uint32_t i, const Group& dense) {
    const std::string router = router_at < dense.size() ? dense[router_at] : std::string();
    const auto [entry, fresh] = known->try_emplace({i, router});
    if (fresh) entry->second = router_at < dense.size() ? coverage.of(grid.at(i), std::span(&router, 1)) : coverage.of(grid.at(i), routers);
    return entry->second;
  };
}

Result<std::vector<int>> flow_columns_of(const Descriptor& descriptor) {
  std::vector<int> columns;
  for (const auto& input : descriptor.inputs) {
    if (input.kind != "flows") continue;
    for (const auto& name : input.reads) {
      const int found = flow_column_named(name);
      if (found < 0) return unsupported("'" + descriptor.name + "' reads the flow column '" + name + "', which this host does not know; update Data Mole");
      columns.push_back(found);
    }
  }
  return columns;
}

FlowLender::FlowLender(std::uint32_t input, std::vector<int> reads) : reads_(std::move(reads)) {
  for (const int c : reads_)
    addresses_ = addresses_ || c == MOLE_COLUMN_SRC_ADDR || c == MOLE_COLUMN_DST_ADDR || c == MOLE_COLUMN_NEXT_HOP;
  batch_.struct_size = sizeof batch_;
  batch_.input = input;
}

const mole_batch& FlowLender::lend(const FlowView& flows) {
  const auto column = [&](std::size_t i) { return flows.columns[static_cast<std::size_t>(reads_[i])]; };
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_.move(i, column(i));
  for (std::size_t i = columns_.size(); i < reads_.size(); ++i) columns_.add(column(i));
  batch_.address_family = addresses_ ? flows.family : 0;
  batch_.rows = flows.rows;
  batch_.columns = columns_.array(flows.rows);
  return batch_;
}

FlowStep::FlowStep(const OpenStep& step, const FlowRouting& routing, std::uint32_t input, std::vector<int> reads)
    : step_(step), routing_(routing), input_(input), reads_(std::move(reads)) {}

Result<> FlowStep::reach() {
  for (std::size_t slot = states_.size(); slot < routing_.slots().size(); ++slot) {
    const auto interval = routing_.grid().at(routing_.slots()[slot].interval);
    auto state = step_.fresh(interval.from, step_.module->context_input() < 0 ? Group{} : routing_.group_of(static_cast<std::uint32_t>(slot)));
    if (!state) return state.error();
    pointers_.push_back(state->get());
    states_.push_back(std::move(*state));
  }
  return {};
}

Result<> FlowStep::add(const FlowView& flows, const FlowRouting::Route& route, std::uint64_t batch) {
  if (route.nothing) return {};
  FlowLender lender(input_, reads_);
  const auto& lent = lender.lend(flows);
  if (!route.state_of_row) return step_.module->add(std::span(pointers_).subspan(route.slot, 1), nullptr, lent, batch);
  return step_.module->add(pointers_, route.state_of_row, lent, batch);
}

Result<> FlowStep::add(const FlowRuns& flows, std::size_t first, std::size_t count, std::uint64_t batch) {
  FlowLender lender(input_, reads_);
  const auto runs = flows.runs().subspan(first, count);
  return step_.module->add_each(count, batch, [&](std::size_t i) {
    return MetricModule::Run{pointers_[runs[i].state], &lender.lend(flows.view(runs[i]))};
  });
}

Result<std::vector<Cell>> FlowStep::take_cells(const std::vector<std::string>& routers, const EvidenceOf& evidence) {
  if (auto reached = reach(); !reached) return reached.error();
  std::vector<Cell> cells(states_.size());
  for (std::size_t slot = 0; slot < cells.size(); ++slot) {
    const auto& from = routing_.slots()[slot];
    Cell& cell = cells[slot];
    cell.interval_start = routing_.grid().at(from.interval).from;
    cell.group = routing_.group_of(static_cast<std::uint32_t>(slot));
    cell.state = std::move(states_[slot]);
    cell.evidence = evidence(from.interval, dense_part(step_.by, cell.group));
    cell.evidence.flows_late = from.late;
  }
  states_.clear();
  pointers_.clear();
  if (auto complete = complete_cells(cells, step_, routers, evidence); !complete) return complete.error();
  return cells;
}

}  // namespace mole::runtime
