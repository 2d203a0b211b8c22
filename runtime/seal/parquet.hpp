// Writes and reads result tables as Parquet files with DuckDB's C library. Used by the sealing process and by `mole results`,
// never by a process that loads plugins.
//
//   auto parquet = Parquet::open(A / "scratch");
//   parquet->write(rows, path, {"traffic", "1.0.0", {"router"}});
//   auto again = parquet->read(path);
//
// Equal tables and notes give equal bytes on every machine: one thread, row groups of a fixed size, rows in the given order, and
// no data about the run. Types: time -> TIMESTAMP WITH TIME ZONE (microseconds UTC), u64 -> UBIGINT, i64 -> BIGINT, f64 ->
// DOUBLE, bool -> BOOLEAN, text -> VARCHAR; u8, u16, u32 -> UTINYINT, USMALLINT, UINTEGER; addr -> BLOB of 16 bytes, which is
// only written. Units, docs and IPFIX elements of the columns are in the key-value metadata.
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

// The metadata of a file, in addition to its columns.
struct ParquetNote {
  std::string metric;           // name of the plugin
  std::string version;          // version of the plugin
  std::vector<std::string> by;  // columns by which rows are grouped
};

// The part of a file to read.
struct ParquetSelection {
  std::vector<std::string> columns;  // in this order; empty: all, in the order of the file
  TimeRange range;                   // rows whose interval_start is in it; empty: all
};

// A connection to an in-memory DuckDB. Opening takes about 15 ms, so use one for many files. Not thread-safe.
class Parquet {
 public:
  struct Options {
    std::filesystem::path scratch;                  // for spilling large tables; created when needed
    std::uint64_t memory = std::uint64_t{1} << 30;  // for DuckDB, in addition to the tables
  };
  // internal: DuckDB cannot be started.
  static Result<Parquet> open(const Options& options);
  // Returns a further connection to the same database, for use by a second thread. Connections may be destroyed in any order.
  Result<Parquet> connect() const;
  Parquet(Parquet&&) noexcept;
  ~Parquet();

  // Creates or replaces `path`, not durably. exhausted: not enough disk or memory. invalid: a string is not UTF-8.
  Result<> write(const RowTable& table, const std::filesystem::path& path, const ParquetNote& note);
  // The same from several tables with the columns of `shape`. The bytes do not depend on how the rows are split into tables.
  // Returns the number of rows, or the error of `next`.
  using NextTable = std::function<Result<std::optional<RowTable>>()>;  // nullopt after the last
  Result<std::uint64_t> write(const RowTable& shape, const NextTable& next, const std::filesystem::path& path,
                              const ParquetNote& note);
  // Reads the metadata; the fields are empty if the file was not written by `write`.
  Result<ParquetNote> note(const std::filesystem::path& path);
  // missing: there is no such file. corrupt: not Parquet, damaged, or with a column of an unsupported type. invalid: a
  // selected column is missing. exhausted: beyond a limit.
  Result<RowTable> read(const std::filesystem::path& path, const ParquetSelection& selection = {}, const RowLimits& limits = {});

 private:
  struct Engine;
  explicit Parquet(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace mole::runtime
