#include "runtime/metric/step_states.hpp"

#include "runtime/host/arrow_columns.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <map>

namespace mole::runtime {
namespace {

// Releases the pages of the mapped file, which count as the worker's memory once they are read; they are read again on demand.
// Releases all of them, because reading one page also reads adjacent pages.
void release_pages(const Cell& cell) {
  if (!cell.mapped.empty()) (void)::madvise(const_cast<char*>(cell.mapped.data()), cell.mapped.size(), MADV_DONTNEED);
}

}  // namespace

Result<MetricState> OpenStep::new_state(Micros interval_start, const Group& group) const {
  auto state = module->create();
  if (!state || module->context_input() < 0) return state;
  const auto* row = upstream[static_cast<std::size_t>(module->context_input())].find(interval_start, group);
  ArrowRows rows;
  if (row) rows.add(*row);
  ArrowView columns;
  if (auto begun = module->begin(*state, rows.view(columns)); !begun) return begun.error();
  return state;
}

StateHeader OpenStep::header() const {
  const auto& d = module->descriptor();
  return {d.name,
          d.version,
          static_cast<std::uint32_t>(d.state_revision),
          d.state_shape,
          step->fingerprint,
          step->state_key,
          digest_of(step->plugin.params.dump()),
          block,
          step->interval,
          step->by};
}

void sort_cells(std::vector<Cell>& cells, const std::vector<Dimension>& by) {
  const GroupOrder order{&by};
  std::sort(cells.begin(), cells.end(), [&](const Cell& a, const Cell& b) {
    return a.interval_start != b.interval_start ? a.interval_start < b.interval_start : order(a.group, b.group);
  });
}

Result<std::vector<Cell>> missing_cells(std::span<const Cell> cells, const OpenStep& step, Micros start,
                                        const std::vector<Group>& members) {
  const GroupOrder order{&step.by};
  const bool sparse = step.sparse();
  std::vector<Cell> added;
  for (const auto& member : members) {
    const auto found =
        std::lower_bound(cells.begin(), cells.end(), member, [&](const Cell& c, const Group& g) { return order(c.group, g); });
    if (!sparse && found != cells.end() && found->group == member) continue;
    added.push_back({start, member});
    if (!sparse) {
      MOLE_TRY(added.back().state, step.new_state(start, member));
    }
  }
  return added;
}

Result<> complete_cells(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers,
                        const CoverageOf& coverage) {
  sort_cells(cells, step.by);
  const auto members = dense_members(step.by, routers);
  std::vector<Cell> added;
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < step.grid.size(); ++i) {
    const Micros start = step.grid.at(i).from;
    const std::size_t first = at;
    while (at < cells.size() && cells[at].interval_start == start) ++at;
    MOLE_TRY(auto missing, missing_cells(std::span(cells).subspan(first, at - first), step, start, members));
    for (Cell& cell : missing) {
      cell.coverage = coverage(i, cell.group);
      added.push_back(std::move(cell));
    }
  }
  std::move(added.begin(), added.end(), std::back_inserter(cells));
  sort_cells(cells, step.by);
  return {};
}

Result<> add_totals(std::vector<Cell>& cells, const OpenStep& step, Micros start) {
  std::map<Group, std::size_t> index;
  for (std::size_t d = 0; d < step.by.size(); ++d) {
    if (!step.by[d].total) continue;
    if (index.empty())
      for (std::size_t i = 0; i < cells.size(); ++i) index.emplace(cells[i].group, i);
    for (std::size_t i = 0, members = cells.size(); i < members; ++i) {
      if (!cells[i].state || cells[i].group[d] == all_members) continue;
      Group total = cells[i].group;
      total[d] = all_members;
      const auto [entry, added] = index.try_emplace(total, cells.size());
      if (added) {  // a group with members of open dimensions
        MOLE_TRY(auto state, step.new_state(start, total));
        cells.push_back({start, std::move(total), std::move(state)});
      }
      Cell& into = cells[entry->second];
      if (auto merged = step.module->merge(into.state, cells[i].state); !merged) return merged;
      into.coverage.flows_late += cells[i].coverage.flows_late;
    }
  }
  sort_cells(cells, step.by);
  return {};
}

Result<> save_cells(const std::vector<Cell>& cells, const OpenStep& step, const std::filesystem::path& path) {
  MOLE_TRY(auto file, StateFileWriter::create(path, step.header()));
  std::vector<const Cell*> sorted;
  sorted.reserve(cells.size());
  for (const auto& cell : cells) sorted.push_back(&cell);
  std::sort(sorted.begin(), sorted.end(), [](const Cell* a, const Cell* b) {  // the order of the file: groups as bytes
    return a->interval_start != b->interval_start ? a->interval_start < b->interval_start : a->group < b->group;
  });
  for (const Cell* cell : sorted) {
    std::string saved;
    if (cell->state) {
      MOLE_TRY(saved, step.module->save(cell->state));
      if (saved.empty()) return internal(step.module->name() + ": save wrote no bytes; it must write at least one byte");
    }
    auto added = file.add({cell->interval_start, cell->group, cell->coverage, cell->state ? saved : cell->saved});
    if (!added) return added;
    if (!cell->state) release_pages(*cell);
  }
  return file.finish();
}

Result<> SavedCells::append(const std::filesystem::path& path, const OpenStep& step, TimeRange block) {
  auto expected = step.header();
  expected.state_key = {};
  expected.block = block;
  MOLE_TRY(auto opened, StateFileReader::open(path, expected));
  const auto& reader = files_.emplace_back(std::make_unique<StateFileReader>(std::move(opened)));
  while (true) {
    MOLE_TRY(auto entry, reader->next());
    if (!entry) return {};
    cells_.push_back({entry->interval_start, std::move(entry->group), {}, entry->payload, reader->bytes(), entry->coverage});
    release_pages(cells_.back());
  }
}

Result<> load_cell(Cell& cell, const OpenStep& step) {
  if (cell.state || cell.saved.empty()) return {};
  MOLE_TRY(auto state, step.new_state(cell.interval_start, cell.group));
  if (auto loaded = step.module->load(state, cell.saved); !loaded) return loaded;
  release_pages(cell);
  cell.state = std::move(state);
  return {};
}

}  // namespace mole::runtime
