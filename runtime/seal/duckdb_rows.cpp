#include "runtime/seal/duckdb_rows.hpp"

#include "sdk/model/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace mole::runtime {
namespace {

constexpr std::pair<std::string_view, duckdb_type> types[] = {
    {"time", DUCKDB_TYPE_TIMESTAMP_TZ}, {"u64", DUCKDB_TYPE_UBIGINT},   {"i64", DUCKDB_TYPE_BIGINT},
    {"f64", DUCKDB_TYPE_DOUBLE},        {"bool", DUCKDB_TYPE_BOOLEAN},  {"text", DUCKDB_TYPE_VARCHAR},
    {"u8", DUCKDB_TYPE_UTINYINT},       {"u16", DUCKDB_TYPE_USMALLINT}, {"u32", DUCKDB_TYPE_UINTEGER},
    {"addr", DUCKDB_TYPE_BLOB},         {"bytes", DUCKDB_TYPE_BLOB}};

duckdb_type duckdb_type_of(std::string_view name) {
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](const auto& t) { return t.first == name; });
  return found == std::end(types) ? DUCKDB_TYPE_INVALID : found->second;
}

// Empty for a type that is not read: the size of a blob is not known to be that of an address.
std::string_view type_of(duckdb_type type) {
  if (type == DUCKDB_TYPE_BLOB) return {};
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](const auto& t) { return t.second == type; });
  return found == std::end(types) ? std::string_view{} : found->first;
}

struct DestroyChunk {
  void operator()(duckdb_data_chunk chunk) const { duckdb_destroy_data_chunk(&chunk); }
};

// ---- writing

void bind_rows(duckdb_bind_info info) {
  const auto* source = static_cast<const RowSource*>(duckdb_bind_get_extra_info(info));
  for (const auto& column : source->table->columns) {
    auto type = duckdb_create_logical_type(duckdb_type_of(column.type));
    if (column.list) {
      auto value = std::exchange(type, duckdb_create_list_type(type));
      duckdb_destroy_logical_type(&value);
    }
    duckdb_bind_add_result_column(info, column.name.c_str(), type);
    duckdb_destroy_logical_type(&type);
  }
  if (!source->next) duckdb_bind_set_cardinality(info, source->table->rows(), true);
}

void init_rows(duckdb_init_info info) { duckdb_init_set_max_threads(info, 1); }

// Copies `count` values, starting at value `from` of the column and at `to` in the vector.
void copy_values(duckdb_vector vector, std::size_t to, const Column& column, std::size_t from, std::size_t count) {
  void* data = duckdb_vector_get_data(vector);
  if (column.type == "bool") {
    const auto& values = std::get<1>(column.values);
    std::transform(values.begin() + static_cast<std::ptrdiff_t>(from), values.begin() + static_cast<std::ptrdiff_t>(from + count),
                   static_cast<bool*>(data) + to, [](std::int64_t value) { return value != 0; });
  } else if (is_string(column.type)) {
    const auto& values = std::get<3>(column.values);
    for (std::size_t i = 0; i < count; ++i)
      duckdb_vector_assign_string_element_len(vector, to + i, values[from + i].data(), values[from + i].size());
  } else if (const auto* addresses = std::get_if<std::vector<Addr>>(&column.values)) {
    for (std::size_t i = 0; i < count; ++i)
      duckdb_vector_assign_string_element_len(vector, to + i, reinterpret_cast<const char*>((*addresses)[from + i].bytes.data()),
                                              sizeof(Addr));
  } else {
    visit_fixed_size(column, [&]<class T>(const std::vector<T>& values) {
      std::copy_n(values.data() + from, count, static_cast<T*>(data) + to);
    });
  }
}

// Copies the lists of `count` rows; the vector of their values continues after those of the rows before `to`.
void copy_lists(duckdb_vector vector, std::size_t to, const Column& column, std::size_t from, std::size_t count) {
  const auto before = to == 0 ? 0 : duckdb_list_vector_get_size(vector);
  const auto values = column.begin_of(from + count) - column.begin_of(from);
  duckdb_list_vector_reserve(vector, before + values);
  duckdb_list_vector_set_size(vector, before + values);
  copy_values(duckdb_list_vector_get_child(vector), before, column, column.begin_of(from), values);
  auto* lists = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(vector));
  for (std::size_t row = from; row < from + count; ++row)
    lists[to + row - from] = {before + column.begin_of(row) - column.begin_of(from),
                              column.begin_of(row + 1) - column.begin_of(row)};
}

// Copies `count` rows, starting at row `from` of the column and at row `to` of the vector.
void copy_rows(duckdb_vector vector, std::size_t to, const Column& column, std::size_t from, std::size_t count) {
  (column.list ? copy_lists : copy_values)(vector, to, column, from, count);
  if (column.valid.empty()) return;
  duckdb_vector_ensure_validity_writable(vector);
  auto* validity = duckdb_vector_get_validity(vector);
  for (std::size_t i = 0; i < count; ++i)
    if (!column.valid[from + i]) duckdb_validity_set_row_invalid(validity, to + i);
}

bool same_columns(const RowTable& a, const RowTable& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const Column& x, const Column& y) { return x.name == y.name && x.type == y.type && x.list == y.list; });
}

// Fetches the next table that has rows. False: there is none.
Result<bool> pull_table(RowSource& source) {
  while (source.next) {
    MOLE_TRY(auto table, (*source.next)());
    if (!table) {
      source.next = nullptr;
      return false;
    }
    if (auto good = check_writable(*table); !good) return good.error();
    if (!same_columns(*table, *source.table)) return invalid("the tables of one file have different columns");
    source.pulled = std::move(table);
    source.table = &*source.pulled;
    source.at = 0;
    if (source.table->rows() > 0) return true;
  }
  return false;
}

// Fills every chunk except the last completely, so that the output does not depend on how the rows are split into tables.
void produce_rows(duckdb_function_info info, duckdb_data_chunk output) {
  auto& source = *static_cast<RowSource*>(duckdb_function_get_extra_info(info));
  std::size_t filled = 0;
  while (filled < duckdb_vector_size()) {
    if (source.at == source.table->rows()) {
      const auto more = pull_table(source);
      if (!more) {
        source.failure = more.error();
        duckdb_function_set_error(info, more.error().message.c_str());
        return;
      }
      if (!*more) break;
    }
    const auto& table = *source.table;
    const auto count = std::min<std::size_t>(duckdb_vector_size() - filled, table.rows() - source.at);
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      copy_rows(duckdb_data_chunk_get_vector(output, i), filled, table.columns[i], source.at, count);
    filled += count;
    source.at += count;
  }
  duckdb_data_chunk_set_size(output, filled);
  source.rows += filled;
}

// ---- reading

// DuckDB inlines strings of up to 12 bytes.
std::string_view text_at(duckdb_vector vector, std::size_t i) {
  auto* strings = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  return {duckdb_string_t_data(&strings[i]), duckdb_string_t_length(strings[i])};
}

void append(Column& column, duckdb_vector vector, std::size_t count) {
  const auto* validity = duckdb_vector_get_validity(vector);
  const auto is_valid = [&](std::size_t i) { return !validity || (validity[i / 64] >> (i % 64) & 1) != 0; };
  const auto before = column.size();
  bool nulls = !column.valid.empty();
  for (std::size_t i = 0; i < count && !nulls; ++i) nulls = !is_valid(i);
  if (nulls) {
    column.valid.resize(before, 1);
    for (std::size_t i = 0; i < count; ++i) column.valid.push_back(is_valid(i));
  }
  const void* data = duckdb_vector_get_data(vector);
  if (column.type == "text") {
    auto& values = std::get<3>(column.values);
    for (std::size_t i = 0; i < count; ++i) values.emplace_back(is_valid(i) ? text_at(vector, i) : std::string_view{});
  } else if (column.type == "bool") {
    auto& values = std::get<1>(column.values);
    for (std::size_t i = 0; i < count; ++i) values.push_back(is_valid(i) && static_cast<const bool*>(data)[i]);
  } else {
    visit_fixed_size(column, [&]<class T>(std::vector<T>& values) {
      for (std::size_t i = 0; i < count; ++i) values.push_back(is_valid(i) ? static_cast<const T*>(data)[i] : T{});
    });
  }
}

std::uint64_t text_bytes(const RowTable& table, std::size_t from) {
  std::uint64_t bytes = 0;
  for (const auto& column : table.columns)
    if (const auto* strings = std::get_if<3>(&column.values))
      for (std::size_t row = from; row < strings->size(); ++row) bytes += (*strings)[row].size();
  return bytes;
}

}  // namespace

bool register_rows(duckdb_connection connection, const std::string& name, RowSource* source) {
  auto function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, name.c_str());
  duckdb_table_function_set_extra_info(function, source, nullptr);
  duckdb_table_function_set_bind(function, bind_rows);
  duckdb_table_function_set_init(function, init_rows);
  duckdb_table_function_set_function(function, produce_rows);
  const bool good = duckdb_register_table_function(connection, function) == DuckDBSuccess;
  duckdb_destroy_table_function(&function);
  return good;
}

Result<> check_writable(const RowTable& table) {
  if (table.columns.empty()) return invalid("a table without columns cannot be written as Parquet");
  for (const auto& column : table.columns) {
    if (duckdb_type_of(column.type) == DUCKDB_TYPE_INVALID)
      return invalid(fmt::format("column {} has the unknown type {}", column.name, column.type));
    if (column.size() != table.rows() || (!column.valid.empty() && column.valid.size() != table.rows()))
      return invalid(fmt::format("column {} has a different number of rows than the first", column.name));
    if (column.type != "text") continue;
    const auto& values = std::get<3>(column.values);
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!is_utf8(values[i])) return invalid(fmt::format("column {} has a string that is not UTF-8, value {}", column.name, i));
  }
  return {};
}

Result<RowTable> fetch_rows(duckdb_result* result, const std::string& name, const RowLimits& limits) {
  RowTable table;
  for (idx_t i = 0; i < duckdb_column_count(result); ++i) {
    Column column;
    column.name = duckdb_column_name(result, i);
    column.type = type_of(duckdb_column_type(result, i));
    if (column.type.empty()) return corrupt(fmt::format("{}: column {} has an unsupported type", name, column.name));
    column.values = *empty_values(column.type);
    table.columns.push_back(std::move(column));
  }
  std::uint64_t string_bytes = 0;
  for (;;) {
    const std::unique_ptr<std::remove_pointer_t<duckdb_data_chunk>, DestroyChunk> chunk(duckdb_fetch_chunk(*result));
    if (!chunk) break;
    const auto before = table.rows();
    const auto count = duckdb_data_chunk_get_size(chunk.get());
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      append(table.columns[i], duckdb_data_chunk_get_vector(chunk.get(), i), count);
    string_bytes += text_bytes(table, before);
    if (table.rows() > limits.rows || string_bytes + table.rows() * table.columns.size() * 9 > limits.bytes)
      return exhausted(fmt::format("{}: more than {} rows or {} bytes; select fewer rows", name, limits.rows, limits.bytes));
  }
  if (const char* text = duckdb_result_error(result)) return corrupt(fmt::format("{}: {}", name, text));
  return table;
}

}  // namespace mole::runtime
