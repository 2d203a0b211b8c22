#include "runtime/metric/rows_step.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace mole::runtime {
namespace {

using CellKey = std::pair<Micros, Group>;

bool is_rows(const OpenStep& step, std::size_t input) { return step.step->inputs[input].kind == InputKind::rows; }

// Makes a cell for every interval and group of the upstream rows, with the coverage of those rows.
Result<> make_cells(const OpenStep& step, std::vector<Cell>& cells, std::map<CellKey, std::size_t>& index) {
  for (std::size_t input = 0; input < step.upstream.size(); ++input) {
    if (!is_rows(step, input)) continue;
    for (const auto& row : step.upstream[input].rows()) {
      if (row.interval_start < step.block.from || row.interval_start >= step.block.to) continue;
      const auto [entry, added] = index.try_emplace({row.interval_start, row.group}, cells.size());
      if (!added) {
        auto& share = cells[entry->second].coverage.share;
        share = std::min(share, row.coverage.share);
        continue;
      }
      MOLE_TRY(auto state, step.new_state(row.interval_start, row.group));
      cells.push_back({row.interval_start, row.group, std::move(state), {}, {}, row.coverage});
    }
  }
  return {};
}

Result<> add_rows(const OpenStep& step, std::size_t input, const std::vector<Cell>& cells,
                  const std::map<CellKey, std::size_t>& index) {
  ArrowRows rows;
  std::vector<std::uint32_t> state_of_row;
  for (const auto& row : step.upstream[input].rows()) {
    if (!row.valid || !(row.coverage.share > 0)) continue;
    const auto cell = index.find({row.interval_start, row.group});
    if (cell == index.end()) continue;  // outside the block
    rows.add(row);
    state_of_row.push_back(static_cast<std::uint32_t>(cell->second));
  }
  if (state_of_row.empty()) return {};
  std::vector<mole_state*> states;
  states.reserve(cells.size());
  for (const auto& cell : cells) states.push_back(cell.state.get());
  ArrowView columns;
  const mole_batch batch{sizeof batch, static_cast<std::uint32_t>(input), 0, 0, rows.size(), rows.view(columns)};
  return step.module->add(states, state_of_row.data(), batch, 0);
}

}  // namespace

CoverageOf upstream_coverage(const OpenStep& step) {
  auto known = std::make_shared<std::map<std::pair<Micros, Group>, RowCoverage>>();
  for (std::size_t input = 0; input < step.upstream.size(); ++input) {
    if (!is_rows(step, input)) continue;
    for (const auto& row : step.upstream[input].rows()) {
      const auto [entry, added] = known->try_emplace({row.interval_start, dense_part(step.by, row.group)}, row.coverage);
      if (!added) entry->second.share = std::min(entry->second.share, row.coverage.share);
      entry->second.flows_late = 0;  // belongs to a single group
    }
  }
  return [known, grid = step.grid](std::uint32_t i, const Group& dense) {
    const auto found = known->find({grid.at(i).from, dense});
    return found == known->end() ? RowCoverage{} : found->second;
  };
}

std::vector<std::string> upstream_routers(const OpenStep& step) {
  std::set<std::string> names;
  for (std::size_t d = 0; d < step.by.size(); ++d)
    if (step.by[d].kind == Dimension::Kind::router)
      for (const auto& rows : step.upstream)
        for (const auto& row : rows.rows())
          if (!step.by[d].total || row.group[d] != all_members) names.insert(row.group[d]);
  return {names.begin(), names.end()};
}

Result<std::vector<Cell>> run_rows(const OpenStep& step, const std::vector<std::string>& routers) {
  std::vector<Cell> cells;
  std::map<CellKey, std::size_t> index;
  if (auto made = make_cells(step, cells, index); !made) return made.error();
  for (std::size_t input = 0; input < step.upstream.size(); ++input)
    if (is_rows(step, input))
      if (auto added = add_rows(step, input, cells, index); !added) return added.error();
  if (auto complete = complete_cells(cells, step, routers, upstream_coverage(step)); !complete) return complete.error();
  return cells;
}

}  // namespace mole::runtime
