#include "runtime/metric/flow_step.hpp"

#include "sdk/model/flow_columns.hpp"

#include <map>
#include <tuple>

namespace mole::runtime {

EvidenceOf archive_evidence(const CoverageTable& coverage, const OpenStep& step, std::vector<std::string> routers) {
  std::size_t router_at = step.by.size();
  for (std::size_t d = 0; d < step.by.size(); ++d)
    if (step.by[d].kind == Dimension::Kind::router) router_at = d;
  const bool total = router_at < step.by.size() && step.by[router_at].total;
  auto known = std::make_shared<std::map<std::tuple<std::uint32_t, bool, std::string>, RowEvidence>>();
  return
      [&coverage, grid = step.grid, router_at, total, routers = std::move(routers), known](std::uint32_t i, const Group& dense) {
        const bool one = router_at < dense.size() && !(total && dense[router_at] == all_members);
        const std::string router = one ? dense[router_at] : std::string();
        const auto [entry, fresh] = known->try_emplace({i, one, router});
        if (fresh) entry->second = one ? coverage.of(grid.at(i), std::span(&router, 1)) : coverage.of(grid.at(i), routers);
        return entry->second;
      };
}

Result<std::vector<int>> flow_columns_of(const Descriptor& descriptor) {
  std::vector<int> columns;
  for (const auto& input : descriptor.inputs) {
    if (input.kind != "flows") continue;
    for (const auto& name : input.reads) {
      const int found = flow_column_named(name);
      if (found < 0)
        return unsupported("'" + descriptor.name + "' reads the flow column '" + name +
                           "', which this host does not know; update Data Mole");
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

FlowStep::FlowStep(const OpenStep& step, const FlowRouting& routing, std::uint32_t input, std::vector<int> reads,
                   const std::vector<std::string>& routers, std::filesystem::path scratch)
    : step_(step),
      routing_(routing),
      input_(input),
      reads_(std::move(reads)),
      members_(dense_members(step.by, routers)),
      slots_of_interval_(routing.grid().size()),
      spill_(std::move(scratch)),
      rows_(step) {}

Result<> FlowStep::reach() {
  for (std::size_t slot = states_.size(); slot < routing_.slots().size(); ++slot) {
    const auto interval = routing_.grid().at(routing_.slots()[slot].interval);
    auto state = step_.fresh(interval.from,
                             step_.module->context_input() < 0 ? Group{} : routing_.group_of(static_cast<std::uint32_t>(slot)));
    if (!state) return state.error();
    pointers_.push_back(state->get());
    states_.push_back(std::move(*state));
    slots_of_interval_[routing_.slots()[slot].interval].push_back(static_cast<std::uint32_t>(slot));
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

// Complete and sorted; of their evidence only flows_late is known.
Result<std::vector<Cell>> FlowStep::cells_of(std::uint32_t interval) {
  const Micros start = routing_.grid().at(interval).from;
  std::vector<Cell> cells;
  for (const std::uint32_t slot : slots_of_interval_[interval]) {
    Cell& cell = cells.emplace_back();
    cell.interval_start = start;
    cell.group = routing_.group_of(slot);
    cell.state = std::move(states_[slot]);
    cell.evidence.flows_late = routing_.slots()[slot].late;
    pointers_[slot] = nullptr;
  }
  slots_of_interval_[interval] = {};
  sort_cells(cells, step_.by);
  auto absent = absent_cells(cells, step_, start, members_);
  if (!absent) return absent.error();
  std::move(absent->begin(), absent->end(), std::back_inserter(cells));
  sort_cells(cells, step_.by);
  if (auto added = add_totals(cells, step_, start); !added) return added.error();
  return cells;
}

Result<> FlowStep::keep(std::vector<Cell>& cells) {
  for (Cell& cell : cells) {
    StateSpill::Place place;
    if (cell.state) {
      auto saved = step_.module->save(cell.state);
      if (!saved) return saved.error();
      if (saved->empty()) return internal(step_.module->name() + ": save: wrote nothing; a state has at least one byte");
      auto added = spill_.add(*saved);
      if (!added) return added.error();
      place = *added;
      cell.state = MetricState();
    }
    kept_.push_back({std::move(cell), place});
  }
  return {};
}

Result<> FlowStep::close(std::uint32_t end) {
  if (closed_ >= end) return {};
  if (auto reached = reach(); !reached) return reached;
  for (; closed_ < end; ++closed_) {
    auto cells = cells_of(closed_);
    if (!cells) return cells.error();
    if (makes_rows()) {
      std::vector<Finishing> finishing;
      for (const Cell& cell : *cells)
        if (cell.state) finishing.push_back({cell.interval_start, &cell.group, cell.evidence, cell.state.get()});
      if (auto added = rows_.add(finishing); !added) return added;
    }
    if (keeps_states())
      if (auto kept = keep(*cells); !kept) return kept;
  }
  return {};
}

Result<FlowStep::Closed> FlowStep::take(const EvidenceOf& evidence) {
  if (auto sealed = spill_.seal(); !sealed) return sealed.error();
  Closed out;
  for (Kept& kept : kept_) {
    Cell& cell = kept.cell;
    const auto late = cell.evidence.flows_late;
    cell.evidence = evidence(step_.grid.index_of(cell.interval_start), dense_part(step_.by, cell.group));
    cell.evidence.flows_late = late;
    cell.saved = spill_.at(kept.place);
    cell.mapped = spill_.bytes();
    out.cells.push_back(std::move(cell));
  }
  kept_.clear();
  if (makes_rows()) {
    rows_.settle(evidence);
    out.rows = rows_.build();
  }
  return out;
}

}  // namespace mole::runtime
