#include "cli/export/export.hpp"

#include "cli/export/result_reader.hpp"
#include "cli/export/row_writer.hpp"
#include "cli/export/target.hpp"
#include "runtime/seal/parquet.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>

namespace mole::cli {
namespace {

namespace fs = std::filesystem;
using runtime::Column;
using runtime::RowTable;

constexpr std::uint64_t max_rows_in_memory = 16'000'000;

// Appends the rows of `from` to a column of the same type.
void append(Column& to, Column&& from) {
  const auto before = to.size();
  const auto count = from.size();
  if (!to.valid.empty() || !from.valid.empty()) {
    to.valid.resize(before, 1);
    if (from.valid.empty()) from.valid.resize(count, 1);
    to.valid.insert(to.valid.end(), from.valid.begin(), from.valid.end());
  }
  std::visit(
      [&](auto& values) {
        auto& more = std::get<std::decay_t<decltype(values)>>(from.values);
        values.insert(values.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
      },
      to.values);
}

Result<RowTable> load_all(ResultReader& reader) {
  RowTable all = reader.shape();
  for (;;) {
    auto rows = reader.next();
    if (!rows) return rows.error();
    if (!*rows) return all;
    for (std::size_t i = 0; i < all.columns.size(); ++i) append(all.columns[i], std::move((*rows)->columns[i]));
    if (all.rows() > max_rows_in_memory)
      return exhausted(fmt::format("more than {} rows in memory; choose a shorter range", max_rows_in_memory));
  }
}

// Writes through DuckDB, which needs a file name: the target's temporary file, or a scratch file that is copied to stdout.
Result<std::uint64_t> write_parquet(RowStream& rows, Target& target) {
  auto parquet = runtime::Parquet::open({fs::temp_directory_path()});
  if (!parquet) return parquet.error();
  if (!target.temporary_path().empty()) return parquet->write(rows.shape, rows.next, target.temporary_path(), rows.note);

  const auto scratch = fs::temp_directory_path() / fmt::format("mole-export-{}.parquet", ::getpid());
  struct Remove {
    const fs::path& path;
    ~Remove() { ::unlink(path.c_str()); }
  } const remove{scratch};
  auto count = parquet->write(rows.shape, rows.next, scratch, rows.note);
  if (!count) return count;
  std::ifstream file(scratch, std::ios::binary);
  std::string chunk(1 << 20, '\0');
  while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())), file.gcount() > 0)
    if (auto done = target.write(std::string_view(chunk).substr(0, static_cast<std::size_t>(file.gcount()))); !done)
      return done.error();
  return count;
}

Result<std::uint64_t> write_rows(RowStream& rows, RowWriter& writer) {
  if (auto done = writer.begin(rows.shape); !done) return done.error();
  std::uint64_t count = 0;
  for (;;) {
    auto more = rows.next();
    if (!more) return more.error();
    if (!*more) break;
    count += (*more)->rows();
    if (auto done = writer.rows(**more); !done) return done.error();
  }
  if (auto done = writer.end(); !done) return done.error();
  return count;
}

std::unique_ptr<RowWriter> writer_for(ExportFormat format, Sink sink, std::uint64_t table_rows, std::size_t table_width) {
  switch (format) {
    case ExportFormat::csv:
      return csv_writer(std::move(sink));
    case ExportFormat::ndjson:
      return ndjson_writer(std::move(sink));
    case ExportFormat::arrow:
      return arrow_writer(std::move(sink));
    default:
      return table_writer(std::move(sink), table_rows, table_width);
  }
}

}  // namespace

std::optional<ExportFormat> export_format(std::string_view name) {
  constexpr std::string_view names[] = {"csv", "ndjson", "parquet", "arrow", "table"};  // in the order of ExportFormat
  const auto* const found = std::find(std::begin(names), std::end(names), name);
  return found == std::end(names) ? std::nullopt : std::optional(static_cast<ExportFormat>(found - names));
}

Result<std::uint64_t> export_results(const ExportRequest& request, ExportFormat format, const std::optional<fs::path>& output) {
  auto reader = ResultReader::open(request, format == ExportFormat::table);
  if (!reader) return reader.error();
  const auto with_rate_names = [&](RowTable table) {
    for (auto& column : table.columns)
      if (request.rates && request.rates->contains(column.name)) column.name = rate_name(column.name, column.unit);
    return table;
  };
  RowStream rows{with_rate_names(reader->shape()), reader->note(), [&]() -> Result<std::optional<RowTable>> {
                   auto more = reader->next();
                   if (!more || !*more) return more;
                   return std::optional<RowTable>(with_rate_names(std::move(**more)));
                 }};
  if (request.rates && std::none_of(rows.shape.columns.begin(), rows.shape.columns.end(),
                                    [](const Column& column) { return is_rate(column.unit); }))
    return no_rate(*request.rates);
  return export_rows(rows, format, output, request.table_rows, request.table_width);
}

Result<std::uint64_t> export_rows(RowStream& rows, ExportFormat format, const std::optional<fs::path>& output,
                                  std::uint64_t table_rows, std::size_t table_width) {
  auto target = Target::open(output);
  if (!target) return target.error();
  auto sink = [&](std::string_view bytes) { return (*target)->write(bytes); };
  auto count = format == ExportFormat::parquet ? write_parquet(rows, **target)
                                               : write_rows(rows, *writer_for(format, sink, table_rows, table_width));
  if (!count) return count;
  if (auto done = (*target)->finish(); !done) return done.error();
  return count;
}

Result<LoadedResults> load_results(const ExportRequest& request) {
  auto reader = ResultReader::open(request, false);
  if (!reader) return reader.error();
  auto rows = load_all(*reader);
  if (!rows) return rows.error();
  return LoadedResults{std::move(*rows), reader->note().by, reader->note().metric, reader->seen()};
}

}  // namespace mole::cli
