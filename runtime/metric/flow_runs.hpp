// A batch of flows arranged by state, once for all steps that share its route: runs of rows of one state, in the order of the
// rows, over columns that are copied once, when the first step needs them.
//
//   FlowRuns runs;
//   if (runs.arrange(flows, route, routing.slots().size())) {   // false: hand the batch over as it was routed
//     for (int column : wanted) runs.gather(column);
//     for (const auto& run : runs.runs()) use(run.state, runs.view(run));
//   }
#pragma once

#include "runtime/metric/flow_routing.hpp"
#include "runtime/metric/flow_view.hpp"

#include <mole/detail/scatter.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace mole::runtime {

// Its memory is used again from batch to batch. One thread, but for what is said of gather.
class FlowRuns {
 public:
  using Run = detail::Run;  // state: slot of the routing

  // Borrows `flows` until the next call. False if the batch has many states for its rows: runs of a few rows cost more to hand
  // over than they save.
  bool arrange(const FlowView& flows, const FlowRouting::Route& route, std::size_t slots);
  // Sorted by state; of one state, in the order of its rows.
  std::span<const Run> runs() const { return runs_; }

  // Makes a column readable through view(). Different columns may be gathered by different threads.
  void gather(int column);
  // The rows of a run, of the columns gathered.
  FlowView view(const Run& run) const;

 private:
  bool number_states(const std::uint32_t* slot_of_row, std::uint32_t rows, std::size_t slots);

  FlowView flows_;
  detail::Scatter scatter_;
  std::vector<Run> runs_;
  std::array<const void*, MOLE_COLUMN_COUNT> columns_{};
  std::array<std::size_t, MOLE_COLUMN_COUNT> widths_{};
  std::vector<std::uint32_t> slots_;   // of the batch, in order of appearance; only if they are few among many
  std::vector<std::uint32_t> number_;  // slot -> index in slots_, if it appeared in batch `seen_`
  std::vector<std::uint32_t> number_of_row_;
};

}  // namespace mole::runtime
