// A mergeable step that reads flows: one state per interval and group.
#pragma once

#include "runtime/host/arrow_columns.hpp"
#include "runtime/metric/coverage.hpp"
#include "runtime/metric/flow_grouping.hpp"
#include "runtime/metric/flow_runs.hpp"
#include "runtime/metric/row_builder.hpp"
#include "runtime/metric/state_spill.hpp"
#include "runtime/metric/step_states.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mole::runtime {

// Returns a function that computes coverage from the files of an archive: of the router of the group if it has one, otherwise of
// all `routers`. `unusable`: files whose flows count as missing. The function caches its results. `coverage` and `unusable` must
// outlive it. Not thread-safe.
CoverageOf archive_coverage(const CoverageTable& coverage, const OpenStep& step, std::vector<std::string> routers,
                            const FileIds& unusable);

// Returns the flow columns that the flows input of a plugin reads, in the order of the descriptor.
Result<std::vector<int>> flow_columns_of(const Descriptor& descriptor);

// Converts batches of flows to the form that the ABI passes.
class ArrowFlows {
 public:
  ArrowFlows(std::uint32_t input, std::vector<int> reads);
  const std::vector<int>& reads() const { return reads_; }
  // Valid until the next call. All batches have the same columns.
  const mole_batch& view(const FlowBatch& flows);

 private:
  std::vector<int> reads_;
  bool addresses_ = false;
  ArrowView columns_;
  mole_batch batch_{};
};

class FlowStep {
 public:
  // `input`: index of the flows input. `step` and `grouping` must outlive this. `routers`: members of the router dimension.
  // States of closed intervals are kept in a file in `scratch`.
  FlowStep(const OpenStep& step, const FlowGrouping& grouping, std::uint32_t input, std::vector<int> reads,
           const std::vector<std::string>& routers, std::filesystem::path scratch);

  const std::vector<int>& reads() const { return reads_; }
  // Creates the states of new slots of the grouping. Call before a batch is added.
  Result<> create_states();
  // Adds a batch with its assignment. Not thread-safe.
  Result<> add(const FlowBatch& flows, const FlowGrouping::Assignment& assignment, std::uint64_t batch);
  // Adds runs [first, first + count) of an arranged batch whose columns reads() are gathered. Several threads may add at once
  // if their runs have no state in common.
  Result<> add(const FlowRuns& flows, std::size_t first, std::size_t count, std::uint64_t batch);
  // Closes the intervals before `end`, which receive no more flows: finishes and saves their states if the step needs that, and
  // frees them. One thread per step.
  Result<> close(std::uint32_t end);

  struct Outcome {
    std::vector<Cell> cells;  // complete, sorted and saved; valid as long as the step; empty if it makes no state or window
    RowTable rows;            // of the result, if it has no window
  };
  // Call once, after the last interval is closed.
  Result<Outcome> finish(const CoverageOf& coverage);

 private:
  struct SpilledCell {
    Cell cell;
    StateSpill::Place place;  // of its state
  };
  bool keeps_states() const { return step_.step->make_state || (step_.step->window > 0 && step_.step->make_result); }
  bool makes_rows() const { return step_.step->make_result && step_.step->window == 0; }
  Result<std::vector<Cell>> take_cells(std::uint32_t interval);
  Result<> spill(std::vector<Cell>& cells);

  const OpenStep& step_;
  const FlowGrouping& grouping_;
  std::uint32_t input_;
  std::vector<int> reads_;
  std::vector<Group> members_;         // of the dense groups
  std::vector<MetricState> states_;    // by slot of the grouping; empty once the interval is closed
  std::vector<mole_state*> pointers_;  // the same, for the ABI
  std::vector<std::vector<std::uint32_t>> slots_of_interval_;
  std::uint32_t closed_ = 0;  // intervals before this are closed
  std::vector<SpilledCell> spilled_;
  StateSpill spill_;
  RowBuilder rows_;
};

}  // namespace mole::runtime
