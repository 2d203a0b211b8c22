// The functions of DuckDB's C library, which is loaded when the first Parquet file is read: it takes 15 ms, and a plugin whose
// content selects it is loaded for every archive.
#pragma once

#include <mole/result.hpp>

#include <duckdb.h>

namespace mole::plugins::parquet {

#define MOLE_DUCKDB_FUNCTIONS(F) \
  F(create_config)               \
  F(set_config)                  \
  F(destroy_config)              \
  F(open_ext)                    \
  F(close)                       \
  F(connect)                     \
  F(disconnect)                  \
  F(free)                        \
  F(query)                       \
  F(prepare)                     \
  F(prepare_error)               \
  F(destroy_prepare)             \
  F(pending_prepared_streaming)  \
  F(pending_error)               \
  F(execute_pending)             \
  F(destroy_pending)             \
  F(result_error)                \
  F(destroy_result)              \
  F(column_count)                \
  F(column_name)                 \
  F(column_type)                 \
  F(fetch_chunk)                 \
  F(destroy_data_chunk)          \
  F(data_chunk_get_size)         \
  F(data_chunk_get_vector)       \
  F(vector_get_data)             \
  F(vector_get_validity)         \
  F(column_logical_type)         \
  F(list_type_child_type)        \
  F(get_type_id)                 \
  F(destroy_logical_type)        \
  F(list_vector_get_child)       \
  F(string_t_data)               \
  F(string_t_length)

struct DuckDb {
#define MOLE_DUCKDB_MEMBER(name) decltype(&::duckdb_##name) name = nullptr;
  MOLE_DUCKDB_FUNCTIONS(MOLE_DUCKDB_MEMBER)
#undef MOLE_DUCKDB_MEMBER
};

// Loads the library once in this process. unsupported: it is not installed.
Result<const DuckDb*> load_duckdb();

}  // namespace mole::plugins::parquet
