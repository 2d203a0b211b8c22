#include "cli/export/export.hpp"

#include "cli/export/row_writer.hpp"
#include "cli/export/scratch_folder.hpp"
#include "cli/export/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <set>

namespace mole::cli {
namespace {

namespace fs = std::filesystem;
using runtime::Column;
using runtime::RowTable;

constexpr std::uint64_t max_rows_in_memory = 16'000'000;
constexpr std::string_view hidden_in_tables[] = {"interval_end", "files_expected", "files_present"};

constexpr std::size_t max_seen = 24;

// Removes all rows and keeps the type.
void clear(Column& column) {
  std::visit([](auto& values) { values.clear(); }, column.values);
  column.valid.clear();
}

void keep(Column& column, const std::vector<std::size_t>& rows) {
  std::visit(
      [&](auto& values) {
        std::decay_t<decltype(values)> kept;
        kept.reserve(rows.size());
        for (const auto row : rows) kept.push_back(std::move(values[row]));
        values = std::move(kept);
      },
      column.values);
  if (column.valid.empty()) return;
  std::vector<std::uint8_t> valid;
  valid.reserve(rows.size());
  for (const auto row : rows) valid.push_back(column.valid[row]);
  column.valid = std::move(valid);
}

bool same_shape(const RowTable& a, const RowTable& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const Column& x, const Column& y) { return x.name == y.name && x.type == y.type; });
}

// Reads the files of a request one after the other and selects its rows and columns. Memory is bounded by the largest file.
class ResultReader {
 public:
  // Opens the first file and selects the columns. `shorten`: hide secondary columns unless requested, for terminals.
  static Result<ResultReader> open(const ExportRequest& request, bool shorten) {
    if (request.files.empty()) return missing("no results in this range; compute them with mole run");
    MOLE_TRY(auto scratch, ScratchFolder::create());
    MOLE_TRY(auto parquet, runtime::Parquet::open({scratch.path()}));
    ResultReader reader(std::move(scratch), std::move(parquet), request);
    MOLE_TRY(auto note, reader.parquet_.note(request.files.front()));
    reader.note_ = std::move(note);
    MOLE_TRY(auto first, reader.parquet_.read(request.files.front()));
    if (auto done = reader.choose(first, shorten); !done) return done.error();
    return reader;
  }

  const runtime::ParquetNote& note() const { return note_; }
  // For each filter of `where`: some of the values of its column in the rows that have been read.
  const std::vector<std::set<std::string>>& seen() const { return seen_; }
  // The columns without rows: name, type, unit and doc. Rate columns have the rate's type and unit, but their original name.
  const RowTable& shape() const { return shape_; }

  // Reads the rows of the next file; nullopt after the last file. invalid after the last file: no row passed `where`.
  Result<std::optional<RowTable>> next() {
    if (next_ == request_.files.size()) {
      if (!request_.where.empty() && !any_passed_) return no_matching_row();
      return std::optional<RowTable>{};
    }
    const auto& path = request_.files[next_++];
    MOLE_TRY(auto rows, parquet_.read(path, {columns_, request_.range}));
    filter(rows);
    std::erase_if(rows.columns, [this](const Column& column) { return filter_only_.contains(column.name); });
    make_rates(rows);
    if (!same_shape(rows, shape_))
      return invalid(fmt::format("the columns of {} and {} differ; export one module of one revision at a time",
                                 request_.files.front().string(), path.string()));
    return std::optional<RowTable>(std::move(rows));
  }

 private:
  ResultReader(ScratchFolder scratch, runtime::Parquet parquet, const ExportRequest& request)
      : request_(request), scratch_(std::move(scratch)), parquet_(std::move(parquet)), seen_(request.where.size()) {}

  Result<> choose(const RowTable& all, bool shorten) {
    std::vector<std::string> names;
    for (const auto& column : all.columns) names.push_back(column.name);
    MOLE_TRY(const auto wanted, matching(request_.columns, names));
    for (const auto& filter : request_.where) {
      const auto* column = all.find(filter.column);
      if (!column) return invalid(no_such("column", filter.column, names));
      if (filter.compare != GroupFilter::Compare::equal && !is_numeric(*column))
        return invalid(fmt::format("the column {} has no numbers to compare; write {}=VALUE", filter.column, filter.column));
    }
    const auto kept = [&](const Column& column) {
      const auto& name = column.name;
      if (name == "interval_start" || std::find(note_.by.begin(), note_.by.end(), name) != note_.by.end()) return true;
      if (!request_.columns.empty() && (!shorten || name != "coverage"))  // a table always shows coverage: it explains empty rows
        return std::find(wanted.begin(), wanted.end(), name) != wanted.end();
      return !shorten || std::find(std::begin(hidden_in_tables), std::end(hidden_in_tables), name) == std::end(hidden_in_tables);
    };
    const auto filtered = [&](const Column& column) {
      return std::any_of(request_.where.begin(), request_.where.end(),
                         [&](const auto& filter) { return filter.column == column.name; });
    };
    for (auto column : all.columns) {
      const bool shown = kept(column);
      if (!shown && !filtered(column)) continue;
      columns_.push_back(column.name);
      if (!shown) {
        filter_only_.insert(column.name);
        continue;
      }
      clear(column);
      shape_.columns.push_back(std::move(column));
    }
    make_rates(shape_);
    return {};
  }

  void make_rates(RowTable& rows) const {
    if (!request_.rates) return;
    for (auto& column : rows.columns)
      if (const auto found = request_.rates->find(column.name); found != request_.rates->end()) make_rate(column, found->second);
  }

  void filter(RowTable& rows) {
    if (request_.where.empty()) return;
    std::vector<std::size_t> kept;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      bool passes = true;
      for (std::size_t i = 0; i < request_.where.size(); ++i) {
        const auto& filter = request_.where[i];
        const auto* column = rows.find(filter.column);
        if (filter.compare != GroupFilter::Compare::equal) {
          const auto number = column ? number_at(*column, row) : std::nullopt;
          passes &= number && filter.accepts(*number);
          continue;
        }
        const auto value = column ? value_text(*column, row) : "";  // next() rejects a missing column afterwards
        passes &= filter.accepts(value);
        if (!any_passed_ && seen_[i].size() < max_seen) seen_[i].insert(value);
      }
      if (passes) kept.push_back(row);
    }
    any_passed_ |= !kept.empty();
    for (auto& column : rows.columns) keep(column, kept);
  }

  Error no_matching_row() const {
    for (std::size_t i = 0; i < request_.where.size(); ++i) {
      if (std::find(note_.by.begin(), note_.by.end(), request_.where[i].column) == note_.by.end()) continue;
      for (const auto& value : request_.where[i].values)
        if (!seen_[i].contains(value) && seen_[i].size() < max_seen)
          return invalid(no_such(request_.where[i].column, value, {seen_[i].begin(), seen_[i].end()}));
    }
    return invalid("no row matches every --where; remove some of them, or see all rows with mole results MODULE");
  }

  const ExportRequest& request_;
  ScratchFolder scratch_;
  runtime::Parquet parquet_;
  std::vector<std::string> columns_;
  std::set<std::string> filter_only_;  // members of columns_ read only for `where`
  runtime::ParquetNote note_;
  RowTable shape_;
  std::size_t next_ = 0;
  std::vector<std::set<std::string>> seen_;  // some values of each filtered column, for error messages
  bool any_passed_ = false;                  // a row passed `where`
};

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
    MOLE_TRY(auto rows, reader.next());
    if (!rows) return all;
    for (std::size_t i = 0; i < all.columns.size(); ++i) append(all.columns[i], std::move(rows->columns[i]));
    if (all.rows() > max_rows_in_memory)
      return exhausted(fmt::format("more than {} rows in memory; choose a shorter range", max_rows_in_memory));
  }
}

// Writes through DuckDB, which needs a file name: the target's temporary file, or a scratch file that is copied to stdout.
Result<std::uint64_t> write_parquet(RowStream& rows, Target& target) {
  MOLE_TRY(const auto folder, ScratchFolder::create());
  MOLE_TRY(auto parquet, runtime::Parquet::open({folder.path()}));
  if (!target.temporary_path().empty()) return parquet.write(rows.shape, rows.next, target.temporary_path(), rows.note);

  const auto scratch = folder.path() / "rows.parquet";
  auto count = parquet.write(rows.shape, rows.next, scratch, rows.note);
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
    MOLE_TRY(auto more, rows.next());
    if (!more) break;
    count += more->rows();
    if (auto done = writer.rows(*more); !done) return done.error();
  }
  if (auto done = writer.end(); !done) return done.error();
  return count;
}

std::unique_ptr<RowWriter> writer_for(ExportFormat format, Sink sink, const TableLayout& layout) {
  if (format == ExportFormat::table) return table_writer(std::move(sink), layout);
  if (format == ExportFormat::arrow) return arrow_writer(std::move(sink));
  return text_writer(std::move(sink), format);
}

}  // namespace

Result<std::uint64_t> export_results(const ExportRequest& request, ExportFormat format, const std::optional<fs::path>& output) {
  MOLE_TRY(auto reader, ResultReader::open(request, format == ExportFormat::table));
  const auto with_rate_names = [&](RowTable table) {
    for (auto& column : table.columns)
      if (request.rates && request.rates->contains(column.name)) column.name = rate_name(column.name, column.unit);
    return table;
  };
  RowStream rows{with_rate_names(reader.shape()), reader.note(), [&]() -> Result<std::optional<RowTable>> {
                   auto more = reader.next();
                   if (!more || !*more) return more;
                   return std::optional<RowTable>(with_rate_names(std::move(**more)));
                 }};
  if (request.rates && std::none_of(rows.shape.columns.begin(), rows.shape.columns.end(),
                                    [](const Column& column) { return is_rate(column.unit); }))
    return no_rate(*request.rates);
  return export_rows(rows, format, output,
                     {.rows = request.table_rows, .width = request.table_width, .caption = request.caption});
}

Result<std::uint64_t> export_rows(RowStream& rows, ExportFormat format, const std::optional<fs::path>& output,
                                  const TableLayout& layout) {
  MOLE_TRY(auto target, Target::open(output));
  auto sink = [&](std::string_view bytes) { return target->write(bytes); };
  auto count =
      format == ExportFormat::parquet ? write_parquet(rows, *target) : write_rows(rows, *writer_for(format, sink, layout));
  if (!count) return count;
  if (auto done = target->finish(); !done) return done.error();
  return count;
}

Result<LoadedResults> load_results(const ExportRequest& request) {
  MOLE_TRY(auto reader, ResultReader::open(request, false));
  MOLE_TRY(auto rows, load_all(reader));
  return LoadedResults{std::move(rows), reader.note().by, reader.note().metric, reader.seen()};
}

}  // namespace mole::cli
