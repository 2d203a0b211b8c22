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
#include "runtime/metric/direction.hpp"
#include "runtime/metric/filter_eval.hpp"
#include "runtime/metric/flow_view.hpp"
#include "runtime/metric/interval_grid.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mole::runtime {

// What decides about routes. Steps with equal plans share one FlowRouting.
struct RoutingPlan {
  Filter filter;
  std::vector<Dimension> by;
  HomeFilters home;                  // read only if `by` has the direction
  bool by_end = false;               // load: end
  std::vector<std::string> routers;  // files of other routers are not read; empty: every file is
  TimeRange range;                   // the block, widened by the warm-up of a sequential step
  Micros interval = 0;
  Micros lateness = 0;
  std::string routes;  // names the tables src_as and dst_as come from; empty: the records

  std::string key() const;           // equal for equal plans
  std::vector<int> columns() const;  // flow columns that are read
  bool by_direction() const;
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

  // Index of the first interval in which flows of this file count, or are counted late; of the interval behind the last if
  // none does. Those before it are settled once no other file is left.
  std::uint32_t first_interval(const task::File& file) const;
  // Flows that follow are of this file.
  bool start_file(const task::File& file);
  // exhausted: more groups than `most_slots`.
  Result<Route> route(const FlowView& flows);

  // States are numbered in order of first appearance; never forgotten.
  const std::vector<Slot>& slots() const { return slots_; }
  Group group_of(std::uint32_t slot) const;

  static constexpr std::uint32_t most_slots = 64'000'000;

 private:
  // What becomes of a flow by its time alone.
  struct Fate {
    enum Kind { counts, elsewhere, late } kind = elsewhere;
    std::uint32_t interval = 0;
  };
  bool reads(const task::File& file) const;
  Fate fate_of(Micros t) const;
  bool one_state(const Micros* times, std::uint32_t rows, Route& out);
  void load_codes(const FlowView& flows);
  void load_keys(const FlowView& flows);
  void route_direct(const Micros* times, const std::uint8_t* keep, std::uint32_t rows);
  void route_hashed(const Micros* times, const std::uint8_t* keep, std::uint32_t rows);
  std::uint32_t slot_of_code(std::uint32_t interval, std::uint32_t code);
  std::uint32_t slot_of_row(std::uint32_t interval, std::uint32_t row);
  std::uint32_t find_or_add(const std::uint64_t* key);
  void grow();

  RoutingPlan plan_;
  IntervalGrid grid_;
  FilterEvaluator filter_;
  DirectionEvaluator direction_;
  std::size_t words_ = 1;                   // of a key: the interval, one per dimension (two per address)
  std::vector<std::string> routers_;        // the router's number in keys -> name
  std::uint64_t router_ = 0;                // of the current file
  Micros counts_from_ = 0, counts_to_ = 0;  // starts within [from, to) count, others are late; of the current file
  Micros open_from_ = 0, open_to_ = 0;      // the part of it that lies in the grid; whole intervals
  Micros file_from_ = 0;

  std::vector<Slot> slots_;
  std::vector<std::uint64_t> keys_;   // words_ per slot
  std::vector<std::uint32_t> table_;  // open addressing over slots
  // Closed dimensions alone: a flow's group is a small number (its code), and its slot stands in a table of this file's router.
  bool direct_ = false;
  std::uint32_t codes_ = 1;                  // groups of one router
  std::vector<std::uint32_t> slot_of_cell_;  // interval x code
  std::vector<std::uint8_t> code_of_row_;    // of the current batch, if there is more than one code
  // Otherwise groups are found by hash.
  std::vector<std::uint64_t> row_keys_;  // words_ per row of the current batch
  std::vector<std::uint32_t> state_of_row_;
  bool full_ = false;
};

}  // namespace mole::runtime
