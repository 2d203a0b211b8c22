// Formats of output files, chosen by --format or by the ending of the file's name. A name that ends in .gz is compressed
// (Target).
#pragma once

#include "sdk/model/name_table.hpp"

#include <mole/result.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace mole::cli {

// csv: header line, RFC 4180 quoting, null as an empty field and empty text as ""; tsv: the same with tabs. ndjson: one object
// per line; json: a list of objects. Times are RFC 3339, doubles have the shortest text that parses back to the same value.
// parquet: one file. arrow: an IPC stream, one batch per input file. table: aligned text. A name is also the ending of a file.
enum class ExportFormat { csv, tsv, ndjson, json, parquet, arrow, table };

// Formats of figures.
enum class PlotFormat { svg, png, pdf };

}  // namespace mole::cli

namespace mole {

template <>
inline constexpr auto name_table<cli::ExportFormat> = [] {
  using enum cli::ExportFormat;
  return names<cli::ExportFormat>(
      "ExportFormat", "a format",
      {{csv, "csv"}, {tsv, "tsv"}, {ndjson, "ndjson"}, {json, "json"}, {parquet, "parquet"}, {arrow, "arrow"}, {table, "table"}});
}();

template <>
inline constexpr auto name_table<cli::PlotFormat> = [] {
  using enum cli::PlotFormat;
  return names<cli::PlotFormat>("PlotFormat", "a format of figures", {{svg, "svg"}, {png, "png"}, {pdf, "pdf"}});
}();

namespace cli {

// True for formats that are not text.
constexpr bool is_binary(ExportFormat format) { return format == ExportFormat::parquet || format == ExportFormat::arrow; }

// Returns the format that `name` (of --format; empty: none) or the ending of `file` (empty: stdout) says, or `otherwise` if
// neither says one. .txt means table, .jsonl ndjson. invalid: the ending is unknown, contradicts `name`, or promises a
// compression that is not available for the format.
Result<ExportFormat> export_format(std::string_view name, const std::filesystem::path& file, ExportFormat otherwise);

// Returns the format of a figure; svg for stdout and for a name without an ending. invalid: the ending is unknown.
Result<PlotFormat> plot_format(const std::filesystem::path& file);

// Returns the error (invalid) about a binary format whose destination is a terminal.
Error no_terminal(ExportFormat format);

// True if the file is compressed with gzip: its name ends in .gz.
bool is_compressed(const std::filesystem::path& file);

}  // namespace cli
}  // namespace mole
