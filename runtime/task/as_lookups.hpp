// Looks up src_as and dst_as for the steps of a pass. Steps with the same routing tables and time column share one lookup per
// batch.
//
//   AsLookup* as = lookups.add(step, wanted);        // null: the step uses the AS numbers of the records
//   lookups.look_up(flows);                          // once per batch
//   const FlowBatch& seen = as ? as->view : flows;   // unless as->error
#pragma once

#include "runtime/decode/flow_batch.hpp"
#include "runtime/routes/as_columns.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace mole::runtime {

struct AsLookup {
  const task::Step* step;  // the first that uses it
  AsColumns columns;
  int time_column;  // selects the table for a flow: the time at which the flow counts
  bool reads_src = false, reads_dst = false;
  FlowBatch view;              // the current batch with the AS numbers looked up
  std::optional<Error> error;  // a table could not be used; every step that reads it fails
};

// One thread.
class AsLookups {
 public:
  explicit AsLookups(LoadedTables& tables) : tables_(tables) {}

  // `wanted`: the columns that `step`, its filter and its groups read; replaced by those that must be decoded.
  AsLookup* add(const task::Step& step, ColumnSet& wanted);
  void look_up(const FlowBatch& flows);

 private:
  LoadedTables& tables_;
  std::vector<std::unique_ptr<AsLookup>> lookups_;
};

}  // namespace mole::runtime
