// Passes RowTables to DuckDB as a table function and reads query results as RowTables.
#pragma once

#include "runtime/rows/row_table.hpp"
#include "runtime/rows/rows_format.hpp"

#include <mole/result.hpp>

#include <duckdb.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace mole::runtime {

// Owns a query result.
class QueryResult {
 public:
  QueryResult() = default;
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
  ~QueryResult() { duckdb_destroy_result(&result_); }
  duckdb_result* get() { return &result_; }

 private:
  duckdb_result result_{};
};

// The rows that a table function returns. DuckDB calls the function on the thread that runs the query.
struct RowSource {
  using NextTable = std::function<Result<std::optional<RowTable>>()>;

  const RowTable* table = nullptr;  // the table being read; initially one that defines the columns
  std::size_t at = 0;               // the next row
  const NextTable* next = nullptr;  // returns further tables; null: there are none
  std::optional<RowTable> pulled;   // the last table from `next`
  std::uint64_t rows = 0;           // number of rows returned
  std::optional<Error> failure;     // of `next`
};

// Registers a table function without parameters that returns the rows of `source`. `name` must be unique in the database,
// because functions are not local to a connection.
bool register_rows(duckdb_connection connection, const std::string& name, RowSource* source);

// invalid: DuckDB cannot represent the table as Parquet, or a string is not UTF-8.
Result<> check_writable(const RowTable& table);

// Fetches all rows. `name`: the start of error messages. corrupt: a column has an unsupported type. exhausted:
// beyond a limit.
Result<RowTable> fetch_rows(duckdb_result* result, const std::string& name, const RowLimits& limits);

}  // namespace mole::runtime
