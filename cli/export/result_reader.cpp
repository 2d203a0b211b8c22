#include "cli/export/result_reader.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <set>

namespace mole::cli {
namespace {

using runtime::Column;
using runtime::RowTable;

constexpr std::string_view left_out[] = {"interval_end", "flows_late", "files_expected", "files_present"};

bool matches(const std::string& glob, const std::string& name) { return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0; }

// Storage of no rows for the type.
void clear(Column& column) {
  std::visit([](auto& values) { values.clear(); }, column.values);
  column.valid.clear();
}

bool same_shape(const RowTable& a, const RowTable& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const Column& x, const Column& y) { return x.name == y.name && x.type == y.type; });
}

}  // namespace

ResultReader::ResultReader(runtime::Parquet parquet, const ExportRequest& request)
    : parquet_(std::move(parquet)), files_(request.files), range_(request.range), globs_(request.columns) {}

Result<ResultReader> ResultReader::open(const ExportRequest& request, bool shorten) {
  if (request.files.empty()) return missing("there are no results in this range; compute them with mole run");
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
  for (const auto& glob : globs_) {
    const auto found =
        std::any_of(all.columns.begin(), all.columns.end(), [&](const Column& c) { return matches(glob, c.name); });
    if (found) continue;
    std::string names;
    for (const auto& column : all.columns) names += (names.empty() ? "" : ", ") + column.name;
    return invalid(fmt::format("no column is named '{}'; there are {}", glob, names));
  }
  const auto kept = [&](const Column& column) {
    const auto& name = column.name;
    if (name == "interval_start" || std::find(note_.by.begin(), note_.by.end(), name) != note_.by.end()) return true;
    if (!globs_.empty())
      return std::any_of(globs_.begin(), globs_.end(), [&](const std::string& glob) { return matches(glob, name); });
    return !shorten || std::find(std::begin(left_out), std::end(left_out), name) == std::end(left_out);
  };
  for (auto column : all.columns) {
    if (!kept(column)) continue;
    clear(column);
    columns_.push_back(column.name);
    shape_.columns.push_back(std::move(column));
  }
  return {};
}

Result<std::optional<RowTable>> ResultReader::next() {
  if (next_ == files_.size()) return std::optional<RowTable>{};
  const auto& path = files_[next_++];
  auto rows = parquet_.read(path, {columns_, range_});
  if (!rows) return rows.error();
  if (!same_shape(*rows, shape_))
    return invalid(fmt::format("{} has other columns than {}; export one module of one revision at a time",
                               path.string(), files_.front().string()));
  return std::optional<RowTable>(std::move(*rows));
}

}  // namespace mole::cli
