// A sequential step: one state per group, carried from interval to interval. Flows sorted by (start, file, record), or upstream
// rows in time order, are added interval by interval; finish closes an interval for all groups.
#pragma once

#include "runtime/metric/flow_grouping.hpp"
#include "runtime/metric/flow_step.hpp"
#include "runtime/metric/row_builder.hpp"
#include "runtime/metric/step_states.hpp"
#include "runtime/sort/block_sorter.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace mole::runtime {

// The states. Not thread-safe. `step` must outlive this.
class SequentialStates {
 public:
  explicit SequentialStates(const OpenStep& step) : step_(step), builder_(step) {}

  // Loads the states of the checkpoint at the end of the previous block. Call first.
  Result<> load_checkpoint(const std::filesystem::path& checkpoint);
  // Creates the states of the dense groups, so that groups without flows have rows as well.
  Result<> create_dense(const std::vector<std::string>& routers);

  // Returns the number of the state of a group, creating it if needed.
  Result<std::uint32_t> number_of(const Group& group);
  std::span<mole_state* const> pointers() const { return pointers_; }
  // Record that the group had input or late flows in the current interval: groups of open dimensions have a row only then.
  void mark_seen(std::uint32_t number) { seen_[number] = true; }
  void add_late(std::uint32_t number, std::uint64_t flows) { late_[number] += flows; }

  // Closes the interval for every state. Its rows are kept if it is in the block of the step.
  Result<> close(Micros interval_start, const CoverageOf& coverage);

  RowTable rows() { return builder_.build(); }
  // Writes the checkpoint at the end of the block.
  Result<> save(const std::filesystem::path& path) const;

 private:
  Result<std::uint32_t> add(const Group& group, MetricState state);

  const OpenStep& step_;
  RowBuilder builder_;
  std::map<Group, std::uint32_t> numbers_;
  std::vector<Group> groups_;
  std::vector<MetricState> states_;
  std::vector<mole_state*> pointers_;
  std::vector<bool> seen_;
  std::vector<std::uint64_t> late_;
};

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

// Reads rows of upstream modules (OpenStep::upstream), starting at `from`, the start of the warm-up.
Result<> run_sequential_rows(const OpenStep& step, SequentialStates& states, Micros from, const CoverageOf& coverage);

}  // namespace mole::runtime
