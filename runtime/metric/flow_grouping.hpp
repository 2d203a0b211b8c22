// Assigns each flow of a batch to a state by filter, interval, group and lateness, once per batch for all steps whose plans
// are equal.
//
//   FlowGrouping grouping(plan, grid);               // plan: filter, by, time column, routers, lateness
//   if (grouping.start_file(file))                   // false: the plan does not read files of this router
//     for (batch) {
//       auto assignment = grouping.assign(batch);    // assignment->empty, or ->slot, or ->slot_of_row
//     }
//   grouping.slots();                                // slot -> interval; group_of(slot) -> group
#pragma once

#include "runtime/decode/flow_batch.hpp"
#include "runtime/metric/dimension.hpp"
#include "runtime/metric/filter_eval.hpp"
#include "runtime/metric/group_table.hpp"
#include "runtime/metric/interval_grid.hpp"
#include "runtime/metric/text_numbers.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mole::runtime {

// The settings that decide the assignment. Steps with equal plans share one FlowGrouping.
struct GroupingPlan {
  Filter filter;
  std::vector<Dimension> by;
  HomeFilters home;                     // used only if `by` contains the direction
  int time_column = MOLE_COLUMN_START;  // the time that determines the interval of a flow: start or end
  std::vector<std::string> routers;     // files of other routers are not read; empty: all files are read
  TimeRange range;                      // the block, extended by the warm-up of a sequential step
  Micros interval = 0;
  Micros lateness = 0;

  std::vector<int> columns() const;  // flow columns that are read
  bool by_direction() const;
  bool operator==(const GroupingPlan& other) const;
};

// Not thread-safe.
class FlowGrouping {
 public:
  struct Slot {
    std::uint32_t interval = 0;  // index in grid()
    std::uint64_t late = 0;      // number of late flows of this slot
  };
  struct Assignment {
    bool empty = true;                           // no row of the batch is counted
    std::uint32_t slot = 0;                      // of all rows, if slot_of_row is null
    const std::uint32_t* slot_of_row = nullptr;  // MOLE_NO_STATE: not counted; valid until the next assign()
  };

  FlowGrouping(GroupingPlan plan, IntervalGrid grid);

  const GroupingPlan& plan() const { return plan_; }
  const IntervalGrid& grid() const { return grid_; }

  // Returns the index of the first interval that accepts flows of this file or counts its late flows; grid().size() if none does.
  std::uint32_t first_interval(const task::File& file) const;
  // Starts a file: the following batches contain its flows. False: the plan does not read it.
  bool start_file(const task::File& file);
  // exhausted: more groups than max_slots.
  Result<Assignment> assign(const FlowBatch& flows);

  // Of all files so far.
  std::uint64_t flows_counted() const { return counted_; }
  std::uint64_t flows_late() const { return late_; }

  // A slot is an interval and a group, numbered in order of first appearance; slots are never removed.
  const std::vector<Slot>& slots() const { return slots_; }
  Group group_of(std::uint32_t slot) const;

  static constexpr std::uint32_t max_slots = 64'000'000;

 private:
  // Whether and in which interval a flow is counted, according to its time.
  struct TimeClass {
    enum Kind { in_time, late, elsewhere } kind = elsewhere;
    std::uint32_t interval = 0;
  };
  bool reads(const task::File& file) const;
  TimeClass classify(Micros t) const;
  bool assign_whole(const Micros* times, std::uint32_t rows, Assignment& out);
  void load_codes(const FlowBatch& flows);
  void load_keys(const FlowBatch& flows);
  void spread_element(const FlowBatch& flows, int column, std::uint64_t* out);
  void assign_by_code(const Micros* times, const std::uint8_t* passes, std::uint32_t rows);
  void assign_by_hash(const Micros* times, const std::uint8_t* passes, std::uint32_t rows);
  std::uint32_t slot_of_code(std::uint32_t interval, std::uint32_t code);
  std::uint32_t slot_of_row(std::uint32_t interval, std::uint32_t row);
  std::uint32_t find_or_add(const std::uint64_t* key);

  GroupingPlan plan_;
  IntervalGrid grid_;
  FilterEvaluator filter_;
  DirectionEvaluator direction_;
  std::size_t words_;                       // of a key: the interval, one per dimension (two per address)
  std::vector<std::string> routers_;        // number of a router in keys -> name
  std::uint64_t router_ = 0;                // of the current file
  Micros counts_from_ = 0, counts_to_ = 0;  // flows of the current file in [from, to) are in time, others are late
  Micros grid_from_ = 0, grid_to_ = 0;      // the part of that range within the grid; whole intervals
  Micros file_from_ = 0;
  std::uint64_t counted_ = 0, late_ = 0;

  std::vector<Slot> slots_;
  GroupTable table_;
  TextNumbers texts_{std::size_t{1} << 30};  // of dimensions that are elements
  bool full_ = false;
  // With dense dimensions only, the group of a flow is a small number (its code), and an array maps interval and code to the
  // slot. The array is for the router of the current file.
  bool by_code_ = false;
  std::uint32_t codes_ = 1;                  // groups of one router
  std::vector<std::uint32_t> slot_of_cell_;  // interval x code
  std::vector<std::uint8_t> code_of_row_;    // of the current batch, if there is more than one code
  // With an open dimension, groups are found by hash.
  std::vector<std::uint64_t> row_keys_;  // words_ per row of the current batch
  std::vector<std::uint32_t> slot_of_row_;
};

}  // namespace mole::runtime
