// The document that the call `results` returns.
#pragma once

#include "coordinator/wire/documents/pipeline.hpp"
#include "coordinator/wire/documents/states.hpp"

namespace mole::coordinator {

struct ResultBlock {
  Micros from = 0, to = 0;
  Digest rows_blob;
  std::uint64_t rows = 0;
  double coverage = 0;
  JobState state = JobState::done;

  bool operator==(const ResultBlock&) const = default;
  static constexpr auto table = document(
      "ResultBlock", "The rows of one block.",  //
      time_field("from", &ResultBlock::from, "Start of the block"), time_field("to", &ResultBlock::to, "End of the block"),
      field("rows_blob", &ResultBlock::rows_blob, "Digest of the Parquet file, which `get_blob` returns"),
      field("rows", &ResultBlock::rows, "Number of rows"), field("coverage", &ResultBlock::coverage, "Mean coverage of the rows"),
      field("state", &ResultBlock::state, "`done` or `partial`"));
};

struct ModuleResults {
  std::string module;
  Micros interval = 0;
  std::optional<Micros> window;
  std::vector<std::string> totals, overrides;
  std::vector<ColumnDescription> columns;
  std::vector<ResultBlock> blocks;
  std::string what_if = {}, note = {};
  Scale scale = Scale::none;

  bool operator==(const ModuleResults&) const = default;
  static constexpr auto table = document(
      "ModuleResults", "The stored rows of a module.",  //
      field("module", &ModuleResults::module, "`PIPELINE/MODULE`"),
      duration_field("interval", &ModuleResults::interval, "Length of an interval"),
      duration_field("window", &ModuleResults::window, "Trailing window; null: none"),
      field("totals", &ModuleResults::totals, "Dimensions that have the member `all` as well"),
      field("overrides", &ModuleResults::overrides,
            "The `--set` options of the request `what_if`, if they change what this module measures; otherwise empty"),
      field("columns", &ModuleResults::columns, "Columns of the rows, in order"),
      field("blocks", &ModuleResults::blocks, "Blocks with rows that overlap the range, in order"),
      field("what_if", &ModuleResults::what_if, "Request whose results these are: `r17`; absent: those of the manifest")
          .optional(),
      field("note", &ModuleResults::note, "A request is computing, or failed to compute, newer results; absent: none").optional(),
      field("scale", &ModuleResults::scale, "Counters of the flows that it, or a module from which it is computed, reads")
          .optional());
};

}  // namespace mole::coordinator
