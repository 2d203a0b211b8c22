// A query of DuckDB over one Parquet file, whose result is read in chunks.
#pragma once

#include "duckdb_api.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole::plugins::parquet {

// What a column of a result is read as.
// signed_number: a number; 2^64 - 1 if it is negative or larger.
enum class Reading : std::uint8_t { none, text, number, signed_number, time, local_time, blob };

struct FileColumn {
  std::string name;
  Reading reading = Reading::none;
  bool is_list = false;    // of values that are read so
  std::string expression;  // in SQL, of type VARCHAR, UBIGINT, BIGINT (microseconds) or BLOB, or of lists of them
};

// Values of DuckDB.
struct Vector {
  void* data = nullptr;
  const std::uint64_t* validity = nullptr;

  bool is_null(std::size_t at) const { return validity && (validity[at / 64] >> at % 64 & 1) == 0; }
  template <class T>
  T number(std::size_t at) const {
    return static_cast<const T*>(data)[at];
  }
};

// The values of one list among those of all lists of a column.
struct Items {
  std::size_t first = 0, count = 0;
};

// One thread. The memory of a query is limited.
class Query {
 public:
  static Result<std::unique_ptr<Query>> open(const std::string& path);
  ~Query();

  // The columns of the file. corrupt: it is not a whole Parquet file.
  Result<std::vector<FileColumn>> columns();
  // Selects these columns in the order of the file.
  Result<> select(const std::vector<const FileColumn*>& columns);
  // Fetches the next chunk: its rows; 0: the end. corrupt: the file is damaged there.
  Result<std::size_t> fetch();

  // The values of a column of the current chunk, by row, and those of all its lists. Valid until the next fetch().
  const Vector& vector(std::size_t column) const { return vectors_[column]; }
  const Vector& items_of(std::size_t column) const { return items_[column]; }
  bool is_null(std::size_t column, std::size_t row) const { return vectors_[column].is_null(row); }
  Items items(std::size_t column, std::size_t row) const;
  std::string_view text(const Vector& vector, std::size_t at) const;

 private:
  explicit Query(const DuckDb& api) : db_(api) {}
  Result<> start(const std::string& sql);
  void end();
  duckdb_type item_type(std::size_t column);

  const DuckDb& db_;
  std::string file_;  // as a literal of SQL
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
  duckdb_prepared_statement statement_ = nullptr;
  duckdb_pending_result pending_ = nullptr;
  duckdb_result result_{};
  bool has_result_ = false;
  duckdb_data_chunk chunk_ = nullptr;
  std::vector<bool> selected_lists_;
  std::vector<Vector> vectors_, items_;  // by column; items_: the values of all lists of the chunk
};

}  // namespace mole::plugins::parquet
