// The states of one step over its block: a cell per interval and group, with its coverage.
#pragma once

#include "runtime/host/metric_module.hpp"
#include "runtime/metric/dimension.hpp"
#include "runtime/metric/interval_grid.hpp"
#include "runtime/metric/state_file.hpp"
#include "runtime/metric/upstream_rows.hpp"
#include "sdk/model/task.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace mole::runtime {

// A step that is ready to run: its module is open and its settings are parsed.
struct OpenStep {
  std::uint32_t index = 0;           // in Spec::steps
  const task::Step* step = nullptr;  // the Spec outlives this
  std::unique_ptr<MetricModule> module;
  std::vector<Dimension> by;
  IntervalGrid grid;  // of the block
  TimeRange block;
  std::vector<UpstreamRows> upstream;  // one per input, empty for flows; in the order of inputs
  bool sparse() const {
    return !std::all_of(by.begin(), by.end(), [](const Dimension& d) { return d.dense(); });
  }
  // Creates a state for an interval and group: create, then begin if the module has a context input.
  Result<MetricState> new_state(Micros interval_start, const Group& group) const;
  StateHeader header() const;
};

// A cell without a state has only the coverage of an interval in which no member of an open dimension occurred (the values of
// open dimensions are ""). A cell with a saved state is loaded when it is needed.
struct Cell {
  Micros interval_start = 0;
  Group group{};
  MetricState state{};
  std::string_view saved{};   // bytes of the state if it is not loaded; owned by a StateFileReader or StateSpill
  std::string_view mapped{};  // the whole mapped file that contains `saved`; its pages may be released after reading
  RowCoverage coverage{};
  bool has_state() const { return static_cast<bool>(state) || !saved.empty(); }
};

// Sorts by (interval, group) in the order of rows.
void sort_cells(std::vector<Cell>& cells, const std::vector<Dimension>& by);

// Returns the coverage of interval i of a step's grid and the dense part of a group.
using CoverageOf = std::function<RowCoverage(std::uint32_t interval, const Group& dense)>;

// Returns the cells missing from `cells` (the sorted cells of the interval that starts at `start`): a cell with an empty state
// for each of the dense groups `members`, or, if the step has open dimensions, a cell without a state for each of them.
// The coverage is left unset.
Result<std::vector<Cell>> missing_cells(std::span<const Cell> cells, const OpenStep& step, Micros start,
                                        const std::vector<Group>& members);

// Adds the missing cells of every interval of the block, with their coverage. Leaves the cells sorted.
Result<> complete_cells(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers,
                        const CoverageOf& coverage);

// Merges the states of one interval (`cells`, sorted and complete) into the totals of `by`, one dimension at a time, so that
// two dimensions also have their combined total. flows_late is summed. Leaves the cells sorted.
Result<> add_totals(std::vector<Cell>& cells, const OpenStep& step, Micros start);

// Writes the cells of this block as the step's state file. Saved states are copied without loading them.
Result<> save_cells(const std::vector<Cell>& cells, const OpenStep& step, const std::filesystem::path& path);

// Cells of state files, whose states are loaded only when needed. Must outlive the cells.
class SavedCells {
 public:
  // Appends the cells of a file. corrupt, invalid ("shape differs"): the file does not belong to this step.
  Result<> append(const std::filesystem::path& path, const OpenStep& step, TimeRange block);
  std::vector<Cell>& cells() { return cells_; }

 private:
  std::vector<std::unique_ptr<StateFileReader>> files_;
  std::vector<Cell> cells_;
};

// Loads the state of a cell if it is saved.
Result<> load_cell(Cell& cell, const OpenStep& step);

}  // namespace mole::runtime
