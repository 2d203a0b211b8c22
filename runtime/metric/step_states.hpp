// The states of one step over its block: a cell per interval and group, with the evidence that belongs to it.
#pragma once

#include "runtime/host/metric_module.hpp"
#include "runtime/metric/dimension.hpp"
#include "runtime/metric/interval_grid.hpp"
#include "runtime/metric/upstream_rows.hpp"
#include "runtime/metric/state_file.hpp"
#include "sdk/model/task.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace mole::runtime {

// A step ready to run: its module is open, its words are parsed.
struct OpenStep {
  std::uint32_t index = 0;           // in Spec::steps
  const task::Step* step = nullptr;  // the Spec outlives this
  std::unique_ptr<MetricModule> module;
  std::vector<Dimension> by;
  IntervalGrid grid;  // of the block
  TimeRange block;
  std::vector<UpstreamRows> upstream;  // one per input, empty for flows; in the order of inputs
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
  std::string_view saved;   // bytes of the state if it is not loaded; points into a StateFileReader or a StateSpill
  std::string_view mapped;  // the mapped file in which `saved` lies, whole: what was read of it need not stay in memory
  RowEvidence evidence;
  bool has_state() const { return static_cast<bool>(state) || !saved.empty(); }
};

// Sorts by (interval, group) in the order of rows.
void sort_cells(std::vector<Cell>& cells, const std::vector<Dimension>& by);

// Answers for interval i of a step's grid and the dense part of a group.
using EvidenceOf = std::function<RowEvidence(std::uint32_t interval, const Group& dense)>;

// What the interval that begins at `start` lacks beside `cells` (its own, sorted): a cell with an empty state for every one of
// `members`, the dense groups; if the step has open dimensions, a cell of evidence only for each of them. No evidence yet.
Result<std::vector<Cell>> absent_cells(std::span<const Cell> cells, const OpenStep& step, Micros start,
                                       const std::vector<Group>& members);

// Adds them for every interval of the block, with the evidence that is told. Leaves the cells sorted.
Result<> complete_cells(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers,
                        const EvidenceOf& evidence);

// Merges the states of one interval (`cells`, sorted and complete) into the totals of `by`: one dimension after the other, so
// that with two of them their cube is made. flows_late adds up. Leaves the cells sorted.
Result<> add_totals(std::vector<Cell>& cells, const OpenStep& step, Micros start);

// Writes cells (of this block, sorted) as the step's state file; states that are saved are not loaded for it.
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

}  // namespace mole::runtime
