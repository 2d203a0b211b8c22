// A sequential step: adds flows sorted by (start, file, record), or upstream rows in time order, interval by interval.
#pragma once

#include "runtime/metric/flow_grouping.hpp"
#include "runtime/metric/flow_step.hpp"
#include "runtime/metric/sequential_states.hpp"
#include "runtime/sort/block_sorter.hpp"

#include <filesystem>
#include <vector>

namespace mole::runtime {

// Reads flows. One thread; `step` and `grouping` must outlive it.
class SequentialFlows {
 public:
  // `input`: index of the flows input. Sorting spills into `scratch`.
  SequentialFlows(const OpenStep& step, const FlowGrouping& grouping, std::uint32_t input, const std::vector<int>& reads,
                  const std::filesystem::path& scratch);
  // `file`: number of the file in the task.
  Result<> add(const FlowBatch& flows, const FlowGrouping::Assignment& assignment, std::uint32_t file);
  // Sorts the flows, adds them to the states and closes every interval from the start of the warm-up to the end of the block.
  Result<> run(SequentialStates& states, const CoverageOf& coverage);

 private:
  Result<> add_sorted(SequentialStates& states, const FlowBatch& flows, std::uint32_t from, std::uint32_t to);
  Result<> add_late(SequentialStates& states, std::uint32_t interval);
  Result<std::uint32_t> state_of_slot(SequentialStates& states, std::uint32_t slot);

  const OpenStep& step_;
  const FlowGrouping& grouping_;
  ArrowFlows arrow_;
  BlockSorter sorter_;
  std::vector<std::uint32_t> slots_;          // scratch: the slot of every row of a batch
  std::vector<std::uint32_t> state_of_slot_;  // slot -> number of its state
  std::vector<std::uint32_t> state_of_row_;
  std::vector<std::vector<std::uint32_t>> late_slots_;  // by interval: slots with late flows
  std::uint64_t batches_ = 0;
};

// Reads rows of upstream modules (OpenStep::upstream), from `from` (the start of the warm-up) on.
Result<> run_sequential_rows(const OpenStep& step, SequentialStates& states, Micros from, const CoverageOf& coverage);

}  // namespace mole::runtime
