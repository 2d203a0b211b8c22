// Runs one SQL statement in DuckDB and prints the rows as CSV without a header.
#include <duckdb.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: mole-test-query SQL\n", stderr), 2;
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  duckdb_result result;
  if (duckdb_open(nullptr, &database) != DuckDBSuccess || duckdb_connect(database, &connection) != DuckDBSuccess) return 1;
  if (duckdb_query(connection, argv[1], &result) != DuckDBSuccess)
    return std::fprintf(stderr, "%s\n", duckdb_result_error(&result)), 1;
  for (idx_t row = 0; row < duckdb_row_count(&result); ++row) {
    for (idx_t column = 0; column < duckdb_column_count(&result); ++column) {
      char* text = duckdb_value_varchar(&result, column, row);
      std::printf("%s%s", column ? "," : "", text ? text : "");
      duckdb_free(text);
    }
    std::putchar('\n');
  }
  duckdb_destroy_result(&result);
  duckdb_disconnect(&connection);
  duckdb_close(&database);
}
