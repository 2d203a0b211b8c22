// Which state each flow of a batch goes to: filter, interval, group and lateness, worked out once per batch for every step
// that asks for the same combination.
//
//   FlowRouting routing(*plan, grid);                // plan: filter, by, load, routers, lateness
//   if (routing.start_file(file))                    // false: not a file of these routers
//     for (batch) {
//       auto route = routing.route(view);            // route.nothing, or route.slot, or route.state_of_row
//     }
//   routing.slots();                                 // slot -> interval and group
#pragma once

#include "runtime/metric/dimension.hpp"
#include "runtime/metric/filter_eval.hpp"
#include "runtime/metric/flow_view.hpp"
#include "runtime/metric/interval_grid.hpp"
#include "sdk/descriptor/task.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mole::runtime {

// What decides about routes. Steps with equal plans share one FlowRouting.
struct RoutingPlan {
  Filter filter;
  std::vector<Dimension> by;
  bool by_end = false;               // load: end
  std::vector<std::string> routers;  // files of other routers are not read; empty: every file is
  TimeRange range;                   // the block, widened by the warm-up of a sequential step
  Micros interval = 0;
  Micros lateness = 0;

  std::string key() const;           // equal for equal plans
  std::vector<int> columns() const;  // flow columns that are read
};

// One thread.
class FlowRouting {
 public:
  struct Slot {
    std::uint32_t interval = 0;  // index in grid()
    std::uint64_t late = 0;      // flows counted late here
  };
  struct Route {
    bool nothing = true;                          // no row of the batch counts
    std::uint32_t slot = 0;                       // all rows, if state_of_row is null
    const std::uint32_t* state_of_row = nullptr;  // MOLE_NO_STATE: the row does not count; valid until the next route()
  };

  FlowRouting(RoutingPlan plan, IntervalGrid grid);

  const RoutingPlan& plan() const { return plan_; }
  const IntervalGrid& grid() const { return grid_; }

  // Flows that follow are of this file.
  bool start_file(const task::File& file);
  // exhausted: more groups than `most_slots`.
  Result<Route> route(const FlowView& flows);

  // States are numbered in order of first appearance; never forgotten.
  const std::vector<Slot>& slots() const { return slots_; }
  Group group_of(std::uint32_t slot) const;

  static constexpr std::uint32_t most_slots = 64'000'000;

 private:
  struct Bounds;
  void resolve(Micros t, Bounds& bounds) const;
  void load_keys(const FlowView& flows);
  std::uint32_t slot_of(std::uint32_t interval, std::uint32_t row);
  std::uint32_t find_or_add(const std::uint64_t* key);
  void grow();

  RoutingPlan plan_;
  IntervalGrid grid_;
  FilterEvaluator filter_;
  std::size_t words_ = 1;              // of a key: the interval, one per dimension (two per address)
  bool per_row_ = false;               // some dimension is taken from the flows
  std::vector<std::string> routers_;   // the router's number in keys -> name
  std::uint64_t router_ = 0;           // of the current file
  Micros counts_from_ = 0, counts_to_ = 0;  // starts within [from, to) count, others are late; of the current file
  Micros file_from_ = 0;

  std::vector<Slot> slots_;
  std::vector<std::uint64_t> keys_;      // words_ per slot
  std::vector<std::uint32_t> table_;     // open addressing over slots
  std::vector<std::uint32_t> of_interval_;  // only if !per_row_: slot by (router, interval)
  std::vector<std::uint64_t> row_keys_;  // words_ per row of the current batch, if per_row_
  std::vector<std::uint32_t> state_of_row_;
  bool full_ = false;
};

}  // namespace mole::runtime
