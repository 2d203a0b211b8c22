// What the rows of a step must look like, from its descriptor and bindings; and whether rows do. The sealing process
// believes nothing else.
//
//   auto schema = result_schema(step);
//   auto good = check_rows(table, *schema, step, spec.block);
#pragma once

#include "runtime/rows/row_table.hpp"
#include "sdk/descriptor/descriptor.hpp"
#include "sdk/model/task.hpp"

#include <mole/result.hpp>

#include <string>
#include <vector>

namespace mole::runtime {

struct SchemaColumn {
  std::string name;
  std::string type;  // "" for a `by` column: "u64" or "text"
  std::string unit;
  std::string doc;
  bool nullable = false;
};

// The metric's descriptor from the step's sidecar. invalid: the sidecar does not have it.
Result<Descriptor> descriptor_of(const task::Step& step);

// The columns of the step's result in their order: interval_start, interval_end, by, outputs, coverage, flows_lost,
// flows_late, files_expected, files_present. invalid: sidecar or bindings do not fit.
Result<std::vector<SchemaColumn>> result_schema(const task::Step& step);

// corrupt, naming column and row, unless the rows have exactly these columns and types, nulls only where they may be,
// finite numbers, UTF-8 text, intervals of the step's length on its grid inside `block`, coverage within 0..1, and
// stand in order of (interval_start, by). On success units and docs of the table are those of the schema.
Result<> check_rows(RowTable& table, const std::vector<SchemaColumn>& schema, const task::Step& step, TimeRange block);

}  // namespace mole::runtime
