// The states of one step over its block: a cell per interval and group, with the evidence that belongs to it.
#pragma once

#include "runtime/host/metric_module.hpp"
#include "runtime/metric/dimension.hpp"
#include "runtime/metric/interval_grid.hpp"
#include "runtime/metric/upstream_rows.hpp"
#include "runtime/result/state_file.hpp"
#include "sdk/descriptor/task.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace mole::runtime {

// A step ready to run: its module is open, its words are parsed.
struct OpenStep {
  std::uint32_t index = 0;               // in Spec::steps
  const task::Step* step = nullptr;      // the Spec outlives this
  std::unique_ptr<MetricModule> module;
  std::vector<Dimension> by;
  IntervalGrid grid;                     // of the block
  TimeRange block;
  std::vector<UpstreamRows> upstream;    // one per input, empty for flows; in the order of inputs
  bool sparse() const {
    for (const auto& d : by)
      if (!d.dense()) return true;
    return false;
  }
  // A fresh state for an interval and group: create, then begin if the module has a context input.
  Result<MetricState> fresh(Micros interval_start, const Group& group) const;
  StateHeader header() const;
};

// A cell without a state carries only evidence: an interval of sparse groups in which none of them occurred (the sparse
// values of its group are ""), or one whose state is still saved.
struct Cell {
  Micros interval_start = 0;
  Group group;
  MetricState state;
  std::string_view saved;  // bytes of the state if it is not loaded; points into a StateFileReader
  RowEvidence evidence;
  bool has_state() const { return static_cast<bool>(state) || !saved.empty(); }
};

// Sorts by (interval, group) in the order of rows.
void sort_cells(std::vector<Cell>& cells, const std::vector<Dimension>& by);

// Adds an empty state for every member of dense groups in every interval that has no cell yet, or (sparse groups) a cell of
// evidence only. `evidence` answers for an interval and the dense part of a group. Leaves the cells sorted.
template <class EvidenceOf>
Result<> complete_cells(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers, EvidenceOf evidence);

// Writes cells (of this block, sorted) as the step's state file.
Result<> save_cells(const std::vector<Cell>& cells, const OpenStep& step, const std::filesystem::path& path);

// Cells of state files: states stay saved. Keeps the files open for as long as the cells are used.
class SavedCells {
 public:
  // Appends the file's cells. corrupt, invalid ("shape differs"): the file is not this step's.
  Result<> append(const std::filesystem::path& path, const OpenStep& step, TimeRange block);
  std::vector<Cell>& cells() { return cells_; }

 private:
  std::vector<std::unique_ptr<StateFileReader>> files_;
  std::vector<Cell> cells_;
};

// The state of a cell, loading it if it is saved.
Result<> load_cell(Cell& cell, const OpenStep& step);

template <class EvidenceOf>
Result<> complete_cells(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers, EvidenceOf evidence) {
  sort_cells(cells, step.by);
  const auto members = dense_members(step.by, routers);
  const bool sparse = step.sparse();
  std::vector<Cell> added;
  const GroupOrder order{&step.by};
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < step.grid.size(); ++i) {
    const Micros start = step.grid.at(i).from;
    const std::size_t first = at;
    while (at < cells.size() && cells[at].interval_start == start) ++at;
    for (const auto& member : members) {
      const auto begin = cells.begin() + static_cast<std::ptrdiff_t>(first), end = cells.begin() + static_cast<std::ptrdiff_t>(at);
      const auto found = std::lower_bound(begin, end, member, [&](const Cell& c, const Group& g) { return order(c.group, g); });
      if (!sparse && found != end && found->group == member) continue;
      Cell cell;
      cell.interval_start = start;
      cell.group = member;
      cell.evidence = evidence(i, member);
      if (!sparse) {
        auto state = step.fresh(start, member);
        if (!state) return state.error();
        cell.state = std::move(*state);
      }
      added.push_back(std::move(cell));
    }
  }
  std::move(added.begin(), added.end(), std::back_inserter(cells));
  sort_cells(cells, step.by);
  return {};
}

}  // namespace mole::runtime
