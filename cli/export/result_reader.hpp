// Reads the Parquet files of one module one after the other, as an ExportRequest asks.
#pragma once

#include "cli/export/export.hpp"
#include "runtime/seal/parquet.hpp"

#include <set>

namespace mole::cli {

// One thread. Memory is bounded by the largest file.
class ResultReader {
 public:
  // Opens and looks at the first file. `shorten`: leave out what a terminal has no room for, unless it is asked for.
  static Result<ResultReader> open(const ExportRequest& request, bool shorten);

  const runtime::ParquetNote& note() const { return note_; }
  // Of each filter of `where`: values its column has in the rows read so far, a few.
  const std::vector<std::set<std::string>>& seen() const { return seen_; }
  // The rows' columns, without rows: name, type, unit and doc; rates have theirs, but the column's name.
  const runtime::RowTable& shape() const { return shape_; }
  // Rows of the next file, nullopt after the last. invalid after the last: `where` let no row pass.
  Result<std::optional<runtime::RowTable>> next();

 private:
  ResultReader(runtime::Parquet parquet, const ExportRequest& request);
  Result<> choose(const runtime::RowTable& all, bool shorten);
  void filter(runtime::RowTable& rows);
  void make_rates(runtime::RowTable& rows) const;
  Error nothing_passed() const;

  runtime::Parquet parquet_;
  std::vector<std::filesystem::path> files_;
  TimeRange range_;
  std::vector<std::string> globs_, columns_;
  std::set<std::string> unshown_;  // of columns_: only `where` needs them
  runtime::ParquetNote note_;
  runtime::RowTable shape_;
  std::size_t next_ = 0;
  std::vector<GroupFilter> where_;
  CountedOver rates_;
  std::vector<std::set<std::string>> seen_;  // values of each filtered column, a few, for who chose none of them
  bool passed_ = false;                      // a row
};

}  // namespace mole::cli
