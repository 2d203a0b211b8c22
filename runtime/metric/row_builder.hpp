// Makes the rows of a result from states: finish, standard columns, order.
#pragma once

#include "runtime/metric/step_states.hpp"
#include "runtime/rows/row_table.hpp"

#include <span>
#include <vector>

namespace mole::runtime {

// A state to finish, with the standard columns of its rows. `group` is borrowed for the call.
struct StateToFinish {
  Micros interval_start = 0;
  const Group* group = nullptr;
  RowCoverage coverage;
  mole_state* state = nullptr;
  bool keep = true;  // false: the rows are dropped (a sequential state must be finished to close its interval)
};

class RowBuilder {
 public:
  // `step` must outlive the builder.
  explicit RowBuilder(const OpenStep& step);

  // Finishes the states and adds their rows, in any order.
  Result<> add(std::span<const StateToFinish> states);
  // Sets the coverage of every row, except flows_late. For rows that were added before their coverage was known.
  void set_coverage(const CoverageOf& coverage);
  // Returns the table, sorted by (interval_start, by...). Call once, last.
  RowTable build();

 private:
  struct Key {
    Micros interval_start;
    Group group;
    RowCoverage coverage;
    std::size_t row;  // in columns_
  };

  const OpenStep& step_;
  std::vector<Key> keys_;        // one per row
  std::vector<Column> columns_;  // the module's outputs
};

}  // namespace mole::runtime
