// Arranges a batch of flows by state, once for all steps that share its assignment: each run has the rows of one state in row
// order, and each column is copied once.
//
//   FlowRuns runs;
//   if (runs.arrange(flows, assignment, grouping.slots().size())) {   // false: pass the batch with its slot_of_row instead
//     for (int column : wanted) runs.gather(column);
//     for (const auto& run : runs.runs()) use(run.state, runs.view(run));
//   }
#pragma once

#include "runtime/decode/flow_batch.hpp"
#include "runtime/metric/flow_grouping.hpp"

#include <mole/detail/scatter.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace mole::runtime {

// Reuses its memory from batch to batch. One thread, except for gather().
class FlowRuns {
 public:
  using Run = detail::Run;  // state: a slot of the grouping

  // Borrows `flows` until the next call. False if the batch has too many states for its number of rows: passing short runs
  // to the plugin would cost more than it saves.
  bool arrange(const FlowBatch& flows, const FlowGrouping::Assignment& assignment, std::size_t slots);
  // Sorted by state; the runs of one state are in row order.
  std::span<const Run> runs() const { return runs_; }

  // Makes a column readable through view(). Different threads may gather different columns.
  void gather(int column);
  // Returns the rows of a run, with the gathered columns.
  FlowBatch view(const Run& run) const;

 private:
  bool number_states(const std::uint32_t* slot_of_row, std::uint32_t rows, std::size_t slots);

  FlowBatch flows_;
  detail::Scatter scatter_;
  std::vector<Run> runs_;
  FlowBatch gathered_;
  // Used if only a few of many slots occur in the batch:
  std::vector<std::uint32_t> slots_;   // that occur, in order of appearance
  std::vector<std::uint32_t> number_;  // slot -> index in slots_
  std::vector<std::uint32_t> number_of_row_;
};

}  // namespace mole::runtime
