// From states to the rows of a result: finish, standard columns, order.
#pragma once

#include "runtime/metric/step_states.hpp"
#include "runtime/rows/row_table.hpp"

#include <span>
#include <vector>

namespace mole::runtime {

// A state to be finished and what stands beside its rows. `group` is borrowed for the call.
struct Finishing {
  Micros interval_start = 0;
  const Group* group = nullptr;
  RowEvidence evidence;
  mole_state* state = nullptr;
  bool keep = true;  // false: finished (a sequential state must be, to close its interval), but its rows are dropped
};

class RowBuilder {
 public:
  // `step` must outlive the builder.
  explicit RowBuilder(const OpenStep& step);

  // Finishes the states and keeps their rows. Any order.
  Result<> add(std::span<const Finishing> states);
  // Gives every row the evidence of its interval and group; flows_late stays what it was. For rows that were finished before
  // their evidence was known.
  void settle(const EvidenceOf& evidence);
  // The table, sorted by (interval_start, by...). The builder is empty afterwards.
  RowTable build();

 private:
  struct Key {
    Micros interval_start;
    Group group;
    RowEvidence evidence;
    std::size_t row;  // in columns_
  };

  const OpenStep& step_;
  std::vector<Key> keys_;        // one per row
  std::vector<Column> columns_;  // the module's outputs
};

}  // namespace mole::runtime
