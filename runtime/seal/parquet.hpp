// Result tables as Parquet files, written and read by DuckDB's C library. The only place that knows DuckDB; used by the
// sealing process and by `mole results`, never by a process that loads plugins.
//
//   auto parquet = Parquet::open(A / "scratch");
//   parquet->write(rows, path, {"traffic", "1.0.0", {"router"}});
//   auto again = parquet->read(path);
//
// Equal tables and notes give equal bytes on every machine: one thread, fixed row groups, rows in the order given, and
// nothing of the run inside. Types: time -> TIMESTAMP WITH TIME ZONE (microseconds UTC), u64 -> UBIGINT, i64 -> BIGINT,
// f64 -> DOUBLE, bool -> BOOLEAN, text -> VARCHAR. Units and docs of the columns stand in the file's key-value
// metadata.
#pragma once

#include "runtime/rows/row_table.hpp"
#include "runtime/rows/rows_format.hpp"
#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mole::runtime {

// What a file says about itself beside its columns.
struct ParquetNote {
  std::string metric;           // plugin's name
  std::string version;          // plugin's version
  std::vector<std::string> by;  // the columns rows are grouped by
};

// What to read of a file.
struct ParquetSelection {
  std::vector<std::string> columns;  // in this order; empty: all, in the file's order
  TimeRange range;                   // rows whose interval_start lies in it; empty: all
};

// An open DuckDB. Opening takes some 15 ms, so one is used for many files. One thread.
class Parquet {
 public:
  struct Options {
    std::filesystem::path scratch;                  // where large tables may spill; created only then
    std::uint64_t memory = std::uint64_t{1} << 30;  // bytes DuckDB may take beside the tables
  };
  // internal: the library does not start.
  static Result<Parquet> open(const Options& options);
  // Another one that shares its DuckDB, scratch and memory, for another thread. Any of them may go first.
  Result<Parquet> beside() const;
  Parquet(Parquet&&) noexcept;
  ~Parquet();

  // Writes `path` afresh, not durably. exhausted: disk or memory; invalid: text that is not UTF-8.
  Result<> write(const RowTable& table, const std::filesystem::path& path, const ParquetNote& note);
  // The same from many tables, of which each has the columns of `shape`; the bytes do not depend on how the rows are cut
  // into tables. Gives the number of rows. An error of `next` is returned.
  using NextTable = std::function<Result<std::optional<RowTable>>()>;  // nullopt after the last
  Result<std::uint64_t> write(const RowTable& shape, const NextTable& next, const std::filesystem::path& path,
                              const ParquetNote& note);
  // What the file says about itself; empty fields if it was not written by `write`.
  Result<ParquetNote> note(const std::filesystem::path& path);
  // missing: no such file; corrupt: not Parquet, damaged, a column of a type results do not have; invalid: a selected
  // column is not there; exhausted: past a limit.
  Result<RowTable> read(const std::filesystem::path& path, const ParquetSelection& selection = {}, const RowLimits& limits = {});

 private:
  struct Engine;
  explicit Parquet(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace mole::runtime
