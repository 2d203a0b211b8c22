// The AS columns of a pass: steps that use the same routing tables over the same time share one lookup a batch.
//
//   AsLookup* as = lookups.add(step, wanted);        // null: the step sees what the records say
//   lookups.look_up(flows);                          // once a batch
//   const FlowBatch& seen = as ? as->view : flows;    // unless as->failed
#pragma once

#include "runtime/decode/flow_batch.hpp"
#include "runtime/routes/as_columns.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace mole::runtime {

struct AsLookup {
  AsColumns columns;
  int time = MOLE_COLUMN_START;  // the column that chooses the table: the one by which flows are counted
  bool reads_src = false, reads_dst = false;
  FlowBatch view;               // of the current batch, with src_as and dst_as looked up
  std::optional<Error> failed;  // a table could not be used: so no reader can go on
};

// One thread.
class AsLookups {
 public:
  explicit AsLookups(LoadedTables& tables) : tables_(tables) {}

  // Equal for steps that share a lookup; empty for a step that sees what the records say.
  static std::string key(const task::Step& step);
  // `wanted`: the columns `step` and its filter and groups read; on return those that must be decoded.
  AsLookup* add(const task::Step& step, ColumnSet& wanted);
  void look_up(const FlowBatch& flows);

 private:
  LoadedTables& tables_;
  std::map<std::string, std::unique_ptr<AsLookup>> lookups_;
};

}  // namespace mole::runtime
