// Exports result rows from Parquet files to a terminal, a file or a pipe.
//
//   ExportRequest request;
//   request.files = blobs;                       // in time order
//   request.columns = {"bytes", "entropy_*"};
//   auto rows = export_results(request, ExportFormat::csv, "traffic.csv");
#pragma once

#include "cli/export/column.hpp"
#include "cli/export/output_format.hpp"
#include "cli/export/selection.hpp"
#include "runtime/rows/row_table.hpp"
#include "runtime/seal/parquet.hpp"
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

struct ExportRequest {
  std::vector<std::filesystem::path> files;  // Parquet files of one module, in time order
  TimeRange range;                           // selects rows by interval_start; empty: all
  // Globs over column names; interval_start and the group columns are always included. Empty: all (table: all but
  // interval_end, files_expected and files_present).
  std::vector<std::string> columns;
  std::uint64_t table_rows = 0;  // table: rows shown before "... N more rows"; 0: all
  // table: maximum line width in characters; a wider table is transposed, one line per column. 0: unlimited.
  std::size_t table_width = 0;
  std::vector<GroupFilter> where = {};       // selects rows by stored values; empty: all
  std::optional<CountDurations> rates = {};  // columns to convert to rates; nullopt: none
  std::string caption = {};                  // table: its first line; empty: none
};

// Writes to `output` through a temporary file beside it, or to stdout. Returns the number of rows, including rows that a table
// does not show. Rate columns are renamed (rate_name). missing: a file does not exist; invalid: a glob matches no column, a
// filter names an unknown column or excludes every row, no selected column can be a rate, or the files differ in shape;
// exhausted: disk full, or too many rows for one Parquet file; cancelled: the reader of stdout closed the pipe.
Result<std::uint64_t> export_results(const ExportRequest& request, ExportFormat format,
                                     const std::optional<std::filesystem::path>& output);

// How a table is laid out for people.
struct TableLayout {
  std::uint64_t rows = 0;    // rows shown before "... N more rows"; 0: all
  std::size_t width = 0;     // maximum line width in characters; a wider table is transposed, one line per column. 0: unlimited
  std::size_t cell = 0;      // maximum width of a value, of which the end is then cut off; 0: unlimited
  std::string caption = {};  // the first line; empty: none
};

// A source of rows, one table at a time; the shape is a table without rows.
struct RowStream {
  runtime::RowTable shape;
  runtime::ParquetNote note = {};
  std::function<Result<std::optional<runtime::RowTable>>()> next;  // nullopt after the last
};
// Writes a stream of rows, like export_results. Memory is bounded by two tables (parquet: plus a row group).
Result<std::uint64_t> export_rows(RowStream& rows, ExportFormat format, const std::optional<std::filesystem::path>& output,
                                  const TableLayout& layout = {});

// Result rows loaded into memory, for `mole plot`.
struct LoadedResults {
  runtime::RowTable rows;
  std::vector<std::string> by;              // group columns
  std::string metric;                       // name of the plugin
  std::vector<std::set<std::string>> seen;  // for each filter of `where`: up to 24 values of its column
};
Result<LoadedResults> load_results(const ExportRequest& request);

}  // namespace mole::cli
