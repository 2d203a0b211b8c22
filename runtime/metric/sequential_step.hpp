// A sequential step: flows sorted by (start, file, record), or upstream rows in time order, one interval after the other.
#pragma once

#include "runtime/metric/flow_routing.hpp"
#include "runtime/metric/flow_step.hpp"
#include "runtime/metric/sequential_states.hpp"
#include "runtime/sort/block_sorter.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace mole::runtime {

// Fed by flows. One thread; `step` and `routing` must outlive it.
class SequentialFlows {
 public:
  // Sorting spills into `scratch`. unsupported: the metric reads every column a place number could hide in.
  static Result<std::unique_ptr<SequentialFlows>> create(const OpenStep& step, const FlowRouting& routing, std::uint32_t input,
                                                         const std::vector<int>& reads, const std::filesystem::path& scratch);
  // `file_order`: place of the file in the task; `first_record`: number of the batch's first flow in its file.
  Result<> add(const FlowView& flows, const FlowRouting::Route& route, std::uint32_t file_order, std::uint64_t first_record);
  // Sorts, feeds and closes every interval from the beginning of the warm-up to the end of the block.
  Result<> run(SequentialStates& states, const EvidenceOf& evidence);

 private:
  SequentialFlows(const OpenStep& step, const FlowRouting& routing, std::uint32_t input, const std::vector<int>& reads,
                  int place_column, const std::filesystem::path& scratch);
  Result<> feed(SequentialStates& states, const FlowBatch& flows, std::uint32_t from, std::uint32_t to);
  Result<> note_late(SequentialStates& states, std::uint32_t interval);
  Result<std::uint32_t> state_of_slot(SequentialStates& states, std::uint32_t slot);

  const OpenStep& step_;
  const FlowRouting& routing_;
  FlowLender lender_;
  int place_column_;  // a column the metric does not read: holds the flow's slot while it is being sorted
  BlockSorter sorter_;
  std::vector<std::uint32_t> slots_, kept_;    // of the rows of a batch: slot, and which are sorted
  std::vector<std::uint32_t> number_of_slot_;  // slot -> state
  std::vector<std::uint32_t> state_of_row_;
  std::vector<std::vector<std::uint32_t>> late_slots_;  // by interval: slots with late flows
  std::uint64_t batches_ = 0;
};

// Fed by rows of upstream modules (OpenStep::upstream), from `from` (the begin of the warm-up) on.
Result<> run_sequential_rows(const OpenStep& step, SequentialStates& states, Micros from, const EvidenceOf& evidence);

}  // namespace mole::runtime
