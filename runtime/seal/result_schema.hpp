// The schema of a step's rows, from its descriptor and bindings, and the check of rows against it in the sealing process.
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

// Returns the descriptor of the metric from the sidecar of the step. invalid: the sidecar does not contain it.
Result<Descriptor> descriptor_of(const task::Step& step);

// Returns the columns of the step's result in order: interval_start, interval_end, by, outputs, coverage, flows_lost, flows_late,
// files_expected, files_present. invalid: the sidecar or the bindings do not match.
Result<std::vector<SchemaColumn>> result_schema(const task::Step& step);

// Checks that the rows have exactly these columns and types, nulls only in nullable columns, finite numbers, UTF-8 text,
// intervals of the step's length on its grid within `block`, a coverage within 0..1, and the order of (interval_start, by). Sets
// units and docs of the table from the schema. corrupt: the message names column and row.
Result<> check_rows(RowTable& table, const std::vector<SchemaColumn>& schema, const task::Step& step, TimeRange block);

// Returns the parts of the block in which a row of the checked table has a coverage below 1, at most task::max_coverage_ranges:
// in a block with more intervals than that, neighbouring intervals count as one.
std::vector<task::CoverageRange> incomplete_ranges(const RowTable& table, Micros interval, TimeRange block);

}  // namespace mole::runtime
