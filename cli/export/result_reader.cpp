#include "cli/export/result_reader.hpp"

#include "cli/export/cell.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace mole::cli {
namespace {

using runtime::Column;
using runtime::RowTable;

constexpr std::string_view hidden_in_tables[] = {"interval_end", "flows_late", "files_expected", "files_present"};

constexpr std::size_t max_seen = 24;

// Removes all rows, but keeps the type.
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

}  // namespace

ResultReader::ResultReader(runtime::Parquet parquet, const ExportRequest& request)
    : parquet_(std::move(parquet)),
      files_(request.files),
      range_(request.range),
      globs_(request.columns),
      where_(request.where),
      rates_(request.rates.value_or(CountedOver{})),
      seen_(where_.size()) {}

Result<ResultReader> ResultReader::open(const ExportRequest& request, bool shorten) {
  if (request.files.empty()) return missing("no results in this range; compute them with mole run");
  auto parquet = runtime::Parquet::open({std::filesystem::temp_directory_path()});
  if (!parquet) return parquet.error();
  ResultReader reader(std::move(*parquet), request);
  auto note = reader.parquet_.note(reader.files_.front());
  if (!note) return note.error();
  reader.note_ = std::move(*note);
  auto first = reader.parquet_.read(reader.files_.front());
  if (!first) return first.error();
  if (auto done = reader.choose(*first, shorten); !done) return done.error();
  return reader;
}

Result<> ResultReader::choose(const RowTable& all, bool shorten) {
  std::vector<std::string> names;
  for (const auto& column : all.columns) names.push_back(column.name);
  const auto wanted = matching(globs_, names);
  if (!wanted) return wanted.error();
  for (const auto& filter : where_)
    if (std::find(names.begin(), names.end(), filter.column) == names.end())
      return invalid(no_such("column", filter.column, names));
  const auto kept = [&](const Column& column) {
    const auto& name = column.name;
    if (name == "interval_start" || std::find(note_.by.begin(), note_.by.end(), name) != note_.by.end()) return true;
    if (!globs_.empty() && (!shorten || name != "coverage"))  // a table always shows coverage: it explains empty rows
      return std::find(wanted->begin(), wanted->end(), name) != wanted->end();
    return !shorten || std::find(std::begin(hidden_in_tables), std::end(hidden_in_tables), name) == std::end(hidden_in_tables);
  };
  const auto filtered = [&](const Column& column) {
    return std::any_of(where_.begin(), where_.end(), [&](const auto& filter) { return filter.column == column.name; });
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

void ResultReader::make_rates(RowTable& rows) const {
  for (auto& column : rows.columns)
    if (const auto found = rates_.find(column.name); found != rates_.end()) make_rate(column, found->second);
}

Result<std::optional<RowTable>> ResultReader::next() {
  if (next_ == files_.size()) {
    if (!where_.empty() && !any_passed_) return no_matching_row();
    return std::optional<RowTable>{};
  }
  const auto& path = files_[next_++];
  auto rows = parquet_.read(path, {columns_, range_});
  if (!rows) return rows.error();
  filter(*rows);
  std::erase_if(rows->columns, [this](const Column& column) { return filter_only_.contains(column.name); });
  make_rates(*rows);
  if (!same_shape(*rows, shape_))
    return invalid(fmt::format("the columns of {} and {} differ; export one module of one revision at a time",
                               files_.front().string(), path.string()));
  return std::optional<RowTable>(std::move(*rows));
}

void ResultReader::filter(RowTable& rows) {
  if (where_.empty()) return;
  std::vector<std::size_t> kept;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    bool passes = true;
    for (std::size_t i = 0; i < where_.size(); ++i) {
      const auto& allowed = where_[i].values;
      const auto* column = rows.find(where_[i].column);
      const auto value = column ? value_text(*column, row) : "";  // next() rejects a missing column afterwards
      passes &= std::find(allowed.begin(), allowed.end(), value) != allowed.end();
      if (!any_passed_ && seen_[i].size() < max_seen) seen_[i].insert(value);
    }
    if (passes) kept.push_back(row);
  }
  any_passed_ |= !kept.empty();
  for (auto& column : rows.columns) keep(column, kept);
}

Error ResultReader::no_matching_row() const {
  for (std::size_t i = 0; i < where_.size(); ++i) {
    if (std::find(note_.by.begin(), note_.by.end(), where_[i].column) == note_.by.end()) continue;
    for (const auto& value : where_[i].values)
      if (!seen_[i].contains(value) && seen_[i].size() < max_seen)
        return invalid(no_such(where_[i].column, value, {seen_[i].begin(), seen_[i].end()}));
  }
  return invalid("no row matches every --where; remove some of them, or see all rows with mole results MODULE");
}

}  // namespace mole::cli
