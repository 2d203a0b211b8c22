// Results out of Parquet files: to a terminal, a file or a program.
//
//   ExportRequest ask;
//   ask.files = blobs;                       // in time order
//   ask.columns = {"bytes", "entropy_*"};
//   auto rows = export_results(ask, ExportFormat::csv, "traffic.csv");
#pragma once

#include "cli/export/rate.hpp"
#include "cli/export/selection.hpp"
#include "runtime/seal/parquet.hpp"
#include "runtime/rows/row_table.hpp"
#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

// csv: header, RFC 4180 quoting, null is empty and an empty text "". ndjson: one object a line. Times are RFC 3339,
// doubles the shortest text that reads back the same. parquet: one file. arrow: an IPC stream, one batch a file. table:
// for eyes.
enum class ExportFormat { csv, ndjson, parquet, arrow, table };

// invalid, listing the formats, for another name.
Result<ExportFormat> export_format(std::string_view name);

struct ExportRequest {
  std::vector<std::filesystem::path> files;  // Parquet files of one module, in time order
  TimeRange range;                           // rows with interval_start in it; empty: all
  // Globs over column names; interval_start and the group columns are always kept. Empty: all (table: without
  // interval_end, flows_late, files_expected and files_present).
  std::vector<std::string> columns;
  std::uint64_t table_rows = 0;  // table: rows shown before "... N more rows"; 0: all
  // table: characters of a line; a table that is wider is laid on its side, a column a line. 0: as wide as it is.
  std::size_t table_width = 0;
  std::vector<GroupFilter> where = {};    // rows with these values, as they are stored; empty: all
  std::optional<CountedOver> rates = {};  // these columns as rates; nullopt: all as they are
};

// Writes to `output`, by way of a temporary file beside it, or to stdout. Gives the number of rows (also of those a
// table did not show). A rate has a name of its own (rate_name). missing: a file is not there; invalid: a glob that names no
// column, a filter on a column that is not there or that no row passes, rates of no column, files of several shapes; exhausted:
// disk full, or more rows than one Parquet file may take; cancelled: the reader of stdout has gone.
Result<std::uint64_t> export_results(const ExportRequest& request, ExportFormat format,
                                     const std::optional<std::filesystem::path>& output);

// Rows from anywhere, a table at a time; the shape is a table without rows.
struct RowStream {
  runtime::RowTable shape;
  runtime::ParquetNote note = {};
  std::function<Result<std::optional<runtime::RowTable>>()> next;  // nullopt after the last
};
// Writes them as above. Memory is bounded by two tables (parquet: and a row group).
Result<std::uint64_t> export_rows(RowStream& rows, ExportFormat format, const std::optional<std::filesystem::path>& output,
                                  std::uint64_t table_rows = 0, std::size_t table_width = 0);

// The same rows in memory, for `mole plot`.
struct LoadedResults {
  runtime::RowTable rows;
  std::vector<std::string> by;              // group columns
  std::string metric;                       // plugin's name
  std::vector<std::set<std::string>> seen;  // of each filter of `where`: values its column has, at most 24 of the first file
};
Result<LoadedResults> load_results(const ExportRequest& request);

}  // namespace mole::cli
