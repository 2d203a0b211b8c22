// Reads the Parquet files of one module one after the other and selects what an ExportRequest asks for.
#pragma once

#include "cli/export/export.hpp"
#include "runtime/seal/parquet.hpp"

#include <set>

namespace mole::cli {

// One thread. Memory is bounded by the largest file.
class ResultReader {
 public:
  // Opens the first file and selects the columns. `shorten`: hide secondary columns unless requested, for terminals.
  static Result<ResultReader> open(const ExportRequest& request, bool shorten);

  const runtime::ParquetNote& note() const { return note_; }
  // For each filter of `where`: some of the values its column has in the rows read so far.
  const std::vector<std::set<std::string>>& seen() const { return seen_; }
  // The columns without rows: name, type, unit and doc. Rate columns have the rate's type and unit, but their old name.
  const runtime::RowTable& shape() const { return shape_; }
  // Reads the rows of the next file; nullopt after the last file. invalid after the last file: no row passed `where`.
  Result<std::optional<runtime::RowTable>> next();

 private:
  ResultReader(runtime::Parquet parquet, const ExportRequest& request);
  Result<> choose(const runtime::RowTable& all, bool shorten);
  void filter(runtime::RowTable& rows);
  void make_rates(runtime::RowTable& rows) const;
  Error no_matching_row() const;

  runtime::Parquet parquet_;
  std::vector<std::filesystem::path> files_;
  TimeRange range_;
  std::vector<std::string> globs_, columns_;
  std::set<std::string> filter_only_;  // the part of columns_ read only for `where`
  runtime::ParquetNote note_;
  runtime::RowTable shape_;
  std::size_t next_ = 0;
  std::vector<GroupFilter> where_;
  CountedOver rates_;
  std::vector<std::set<std::string>> seen_;  // some values of each filtered column, for error messages
  bool any_passed_ = false;                  // a row passed `where`
};

}  // namespace mole::cli
