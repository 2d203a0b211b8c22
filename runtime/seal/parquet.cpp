#include "runtime/seal/parquet.hpp"

#include "sdk/model/utf8.hpp"

#include <duckdb.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <utility>

namespace mole::runtime {
namespace {

using nlohmann::json;

struct TypePair {
  std::string_view ours;
  duckdb_type theirs;
};
constexpr TypePair types[] = {{"time", DUCKDB_TYPE_TIMESTAMP_TZ}, {"u64", DUCKDB_TYPE_UBIGINT},  {"i64", DUCKDB_TYPE_BIGINT},
                              {"f64", DUCKDB_TYPE_DOUBLE},        {"bool", DUCKDB_TYPE_BOOLEAN}, {"text", DUCKDB_TYPE_VARCHAR}};

duckdb_type duckdb_type_of(std::string_view ours) {
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](const auto& t) { return t.ours == ours; });
  return found == std::end(types) ? DUCKDB_TYPE_INVALID : found->theirs;
}

std::string_view type_of(duckdb_type theirs) {
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](const auto& t) { return t.theirs == theirs; });
  return found == std::end(types) ? std::string_view{} : found->ours;
}

// ---- SQL text ------------------------------------------------------------------------------------------------------

std::string quoted(std::string_view text, char mark) {
  std::string out(1, mark);
  for (const char c : text) {
    out += c;
    if (c == mark) out += c;
  }
  return out + mark;
}
std::string literal(std::string_view text) { return quoted(text, '\''); }
std::string identifier(std::string_view text) { return quoted(text, '"'); }

// A path read_parquet takes for itself: absolute, and no part of it a pattern.
std::string pattern_of(const std::filesystem::path& path) {
  std::string out;
  for (const char c : std::filesystem::absolute(path).string()) {
    const bool special = c == '*' || c == '?' || c == '[';
    out += special ? std::string("[") + c + "]" : std::string(1, c);
  }
  return out;
}

// ---- DuckDB's values with an owner
// -----------------------------------------------------------------------------------

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

class Chunk {
 public:
  explicit Chunk(duckdb_data_chunk chunk) : chunk_(chunk) {}
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  ~Chunk() {
    if (chunk_) duckdb_destroy_data_chunk(&chunk_);
  }
  duckdb_data_chunk get() const { return chunk_; }

 private:
  duckdb_data_chunk chunk_;
};

Error query_failed(const std::string& doing, duckdb_result* result, Code otherwise) {
  const char* text = duckdb_result_error(result);
  const std::string why = text ? std::string(text).substr(0, 400) : "unknown";
  const auto type = duckdb_result_error_type(result);
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY || why.find("No space left") != std::string::npos)
    return exhausted(fmt::format("{}: {}; free memory or disk and try again", doing, why));
  return {otherwise, fmt::format("{}: {}", doing, why)};
}

// ---- from rows to chunks: the table function mole_rows()
// -------------------------------------------------------------

// What mole_rows() gives next. DuckDB calls it on the thread that runs the query.
struct Source {
  const RowTable* table = nullptr;           // whose rows come next; at first one that says the columns
  std::size_t at = 0;                        // of its rows
  const Parquet::NextTable* next = nullptr;  // null: there is no other table
  std::optional<RowTable> pulled;            // by `next`
  std::uint64_t rows = 0;                    // given
  std::optional<Error> failure;              // of `next`
};

void bind_rows(duckdb_bind_info info) {
  const auto* source = static_cast<const Source*>(duckdb_bind_get_extra_info(info));
  for (const auto& column : source->table->columns) {
    auto type = duckdb_create_logical_type(duckdb_type_of(column.type));
    duckdb_bind_add_result_column(info, column.name.c_str(), type);
    duckdb_destroy_logical_type(&type);
  }
  if (!source->next) duckdb_bind_set_cardinality(info, source->table->rows(), true);
}

void init_rows(duckdb_init_info info) { duckdb_init_set_max_threads(info, 1); }

// Puts `count` values from `from` on at place `to`.
void fill(duckdb_vector vector, std::size_t to, const Column& column, std::size_t from, std::size_t count) {
  void* data = duckdb_vector_get_data(vector);
  if (column.type == "bool") {
    const auto& values = std::get<1>(column.values);
    std::transform(values.begin() + static_cast<std::ptrdiff_t>(from), values.begin() + static_cast<std::ptrdiff_t>(from + count),
                   static_cast<bool*>(data) + to, [](std::int64_t value) { return value != 0; });
  } else if (column.type == "text") {
    const auto& values = std::get<3>(column.values);
    for (std::size_t i = 0; i < count; ++i)
      duckdb_vector_assign_string_element_len(vector, to + i, values[from + i].data(), values[from + i].size());
  } else {
    std::visit(
        [&](const auto& values) {
          using T = typename std::decay_t<decltype(values)>::value_type;
          if constexpr (std::is_arithmetic_v<T>) std::copy_n(values.data() + from, count, static_cast<T*>(data) + to);
        },
        column.values);
  }
  if (column.valid.empty()) return;
  duckdb_vector_ensure_validity_writable(vector);
  auto* validity = duckdb_vector_get_validity(vector);
  for (std::size_t i = 0; i < count; ++i)
    if (!column.valid[from + i]) duckdb_validity_set_row_invalid(validity, to + i);
}

Result<> check_writable(const RowTable& table);

bool same_columns(const RowTable& a, const RowTable& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const Column& x, const Column& y) { return x.name == y.name && x.type == y.type; });
}

// The next table with rows; false: there is none.
Result<bool> pull(Source& source) {
  while (source.next) {
    auto table = (*source.next)();
    if (!table) return table.error();
    if (!*table) {
      source.next = nullptr;  // it is not asked again
      return false;
    }
    if (auto good = check_writable(**table); !good) return good.error();
    if (!same_columns(**table, *source.table)) return invalid("the tables of one file have other columns");
    source.pulled = std::move(*table);
    source.table = &*source.pulled;
    source.at = 0;
    if (source.table->rows() > 0) return true;
  }
  return false;
}

// Fills every chunk but the last, however the tables are cut.
void give_rows(duckdb_function_info info, duckdb_data_chunk output) {
  auto& source = *static_cast<Source*>(duckdb_function_get_extra_info(info));
  std::size_t given = 0;
  while (given < duckdb_vector_size()) {
    if (source.at == source.table->rows()) {
      const auto more = pull(source);
      if (!more) {
        source.failure = more.error();
        duckdb_function_set_error(info, more.error().message.c_str());
        return;
      }
      if (!*more) break;
    }
    const auto& table = *source.table;
    const auto count = std::min<std::size_t>(duckdb_vector_size() - given, table.rows() - source.at);
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      fill(duckdb_data_chunk_get_vector(output, i), given, table.columns[i], source.at, count);
    given += count;
    source.at += count;
  }
  duckdb_data_chunk_set_size(output, given);
  source.rows += given;
}

// Under a name of its own: functions are the database's, not the connection's.
bool register_rows(duckdb_connection connection, const std::string& name, Source* source) {
  auto function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, name.c_str());
  duckdb_table_function_set_extra_info(function, source, nullptr);
  duckdb_table_function_set_bind(function, bind_rows);
  duckdb_table_function_set_init(function, init_rows);
  duckdb_table_function_set_function(function, give_rows);
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
      return invalid(fmt::format("column {} has another number of rows than the first", column.name));
    if (column.type != "text") continue;
    const auto& values = std::get<3>(column.values);
    for (std::size_t row = 0; row < values.size(); ++row)
      if (!is_utf8(values[row]))
        return invalid(fmt::format("column {} has a text in row {} that is not UTF-8", column.name, row));
  }
  return {};
}

std::string text_of(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string metadata(const RowTable& table, const ParquetNote& note) {
  auto columns = json::array();
  for (const auto& c : table.columns) columns.push_back({{"name", c.name}, {"type", c.type}, {"unit", c.unit}, {"doc", c.doc}});
  return fmt::format("{{\"mole.metric\": {}, \"mole.version\": {}, \"mole.by\": {}, \"mole.columns\": {}}}", literal(note.metric),
                     literal(note.version), literal(text_of(note.by)), literal(text_of(columns)));
}

// ---- from chunks to rows
// ---------------------------------------------------------------------------------------------

// DuckDB's string is inlined up to 12 bytes.
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
    std::visit(
        [&](auto& values) {
          using T = typename std::decay_t<decltype(values)>::value_type;
          if constexpr (std::is_arithmetic_v<T>) {
            const auto* typed = static_cast<const T*>(data);
            for (std::size_t i = 0; i < count; ++i) values.push_back(is_valid(i) ? typed[i] : T{});
          }
        },
        column.values);
  }
}

void give_storage(Column& column) {
  if (column.type == "u64") column.values.emplace<0>();
  if (column.type == "i64" || column.type == "bool" || column.type == "time") column.values.emplace<1>();
  if (column.type == "f64") column.values.emplace<2>();
  if (column.type == "text") column.values.emplace<3>();
}

std::uint64_t text_bytes(const RowTable& table, std::size_t from) {
  std::uint64_t bytes = 0;
  for (const auto& column : table.columns)
    if (const auto* texts = std::get_if<3>(&column.values))
      for (std::size_t row = from; row < texts->size(); ++row) bytes += (*texts)[row].size();
  return bytes;
}

Result<RowTable> collect(duckdb_result* result, const std::string& name, const RowLimits& limits) {
  RowTable table;
  for (idx_t i = 0; i < duckdb_column_count(result); ++i) {
    Column column;
    column.name = duckdb_column_name(result, i);
    column.type = type_of(duckdb_column_type(result, i));
    if (column.type.empty()) return corrupt(fmt::format("{}: column {} has a type results do not have", name, column.name));
    give_storage(column);
    table.columns.push_back(std::move(column));
  }
  std::uint64_t texts = 0;
  for (;;) {
    const Chunk chunk(duckdb_fetch_chunk(*result));
    if (!chunk.get()) break;
    const auto before = table.rows();
    const auto count = duckdb_data_chunk_get_size(chunk.get());
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      append(table.columns[i], duckdb_data_chunk_get_vector(chunk.get(), i), count);
    texts += text_bytes(table, before);
    if (table.rows() > limits.rows || texts + table.rows() * table.columns.size() * 9 > limits.bytes)
      return exhausted(fmt::format("{}: more than the limit of {} rows or {} bytes", name, limits.rows, limits.bytes));
  }
  if (const char* text = duckdb_result_error(result)) return corrupt(fmt::format("{}: {}", name, text));
  return table;
}

// Units and docs, as far as the file has them.
void describe(RowTable& table, std::string_view columns_json) {
  const auto described = json::parse(columns_json, nullptr, false);
  if (!described.is_array()) return;
  for (const auto& d : described) {
    if (!d.is_object()) continue;
    const auto text = [&](const char* key) {
      const auto found = d.find(key);
      return found != d.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const auto name = text("name");
    for (auto& column : table.columns)
      if (column.name == name) {
        column.unit = text("unit");
        column.doc = text("doc");
      }
  }
}

struct Database {
  duckdb_database handle = nullptr;
  std::atomic<unsigned> connections{0};
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    if (handle) duckdb_close(&handle);
  }
};

}  // namespace

struct Parquet::Engine {
  std::shared_ptr<Database> database;
  duckdb_connection connection = nullptr;
  std::string rows_function;
  Source source;

  explicit Engine(std::shared_ptr<Database> of) : database(std::move(of)) {}
  ~Engine() {
    if (connection) duckdb_disconnect(&connection);
  }

  Result<> connect() {
    if (duckdb_connect(database->handle, &connection) != DuckDBSuccess) return internal("DuckDB gives no connection");
    rows_function = fmt::format("mole_rows_{}", database->connections++);
    if (!register_rows(connection, rows_function, &source)) return internal("DuckDB takes no table function");
    return {};
  }

  Result<> run(const std::string& sql, const std::string& doing, Code otherwise) {
    QueryResult result;
    if (duckdb_query(connection, sql.c_str(), result.get()) == DuckDBSuccess) return {};
    return query_failed(doing, result.get(), otherwise);
  }

  // Copies what `source` gives to the file; gives the number of rows.
  Result<std::uint64_t> write(const RowTable& shape, const std::filesystem::path& path, const ParquetNote& note) {
    if (auto good = check_writable(shape); !good) return good.error();
    const auto sql = fmt::format(
        "COPY (FROM {}()) TO {} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 122880, "
        "PARQUET_VERSION v1, WRITE_BLOOM_FILTER false, USE_TMP_FILE false, KV_METADATA {})",
        rows_function, literal(std::filesystem::absolute(path).string()), metadata(shape, note));
    const auto done = run(sql, "writing " + path.string(), Code::internal);
    const auto told = std::exchange(source, {});
    if (told.failure) return *told.failure;
    if (!done) return done.error();
    return told.rows;
  }

  // The file's key-value metadata.
  Result<std::map<std::string, std::string>> notes(const std::filesystem::path& path) {
    if (!std::filesystem::is_regular_file(path)) return missing("there is no result file " + path.string());
    const auto sql = fmt::format("SELECT decode(key), decode(value) FROM parquet_kv_metadata({})", literal(pattern_of(path)));
    QueryResult result;
    if (duckdb_query(connection, sql.c_str(), result.get()) != DuckDBSuccess)
      return query_failed("reading " + path.string(), result.get(), Code::corrupt);
    auto rows = collect(result.get(), "reading " + path.string(), {});
    if (!rows) return rows.error();
    std::map<std::string, std::string> notes;
    for (std::size_t row = 0; row < rows->rows(); ++row)
      notes[std::get<3>(rows->columns[0].values)[row]] = std::get<3>(rows->columns[1].values)[row];
    return notes;
  }
};

Parquet::Parquet(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Parquet::Parquet(Parquet&&) noexcept = default;
Parquet::~Parquet() = default;

Result<Parquet> Parquet::open(const Options& options) {
  const auto scratch = std::filesystem::absolute(options.scratch).string();
  const std::pair<const char*, std::string> settings[] = {
      {"threads", "1"},
      {"memory_limit", fmt::format("{}B", options.memory)},
      {"temp_directory", scratch},
      {"extension_directory", scratch},
      {"secret_directory", scratch},
      {"allow_persistent_secrets", "false"},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"preserve_insertion_order", "true"},
      {"allocator_background_threads", "false"},
      {"enable_external_file_cache", "false"},
  };
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) != DuckDBSuccess) return internal("DuckDB gives no configuration");
  for (const auto& [name, value] : settings)
    if (duckdb_set_config(config, name, value.c_str()) != DuckDBSuccess) {
      duckdb_destroy_config(&config);
      return internal(fmt::format("DuckDB {} does not know the setting {}; install the pinned library with ./dev setup",
                                  duckdb_library_version(), name));
    }
  auto database = std::make_shared<Database>();
  char* error = nullptr;
  const auto opened = duckdb_open_ext(nullptr, &database->handle, config, &error);
  duckdb_destroy_config(&config);
  if (opened != DuckDBSuccess) {
    const std::string why = error ? error : "unknown";
    duckdb_free(error);
    return internal("DuckDB does not start: " + why);
  }
  auto engine = std::make_unique<Engine>(std::move(database));
  if (auto connected = engine->connect(); !connected) return connected.error();
  if (auto good = engine->run("SET lock_configuration = true", "DuckDB", Code::internal); !good) return good.error();
  return Parquet(std::move(engine));
}

Result<Parquet> Parquet::beside() const {
  auto engine = std::make_unique<Engine>(engine_->database);
  if (auto connected = engine->connect(); !connected) return connected.error();
  return Parquet(std::move(engine));
}

Result<> Parquet::write(const RowTable& table, const std::filesystem::path& path, const ParquetNote& note) {
  engine_->source = {&table, 0, nullptr, {}, 0, {}};
  const auto rows = engine_->write(table, path, note);
  return rows ? Result<>() : rows.error();
}

Result<std::uint64_t> Parquet::write(const RowTable& shape, const NextTable& next, const std::filesystem::path& path,
                                     const ParquetNote& note) {
  if (shape.rows() != 0) return internal("the shape of a Parquet file has rows");
  engine_->source = {&shape, 0, &next, {}, 0, {}};
  return engine_->write(shape, path, note);
}

Result<RowTable> Parquet::read(const std::filesystem::path& path, const ParquetSelection& selection, const RowLimits& limits) {
  if (!std::filesystem::is_regular_file(path)) return missing("there is no result file " + path.string());
  std::string columns = selection.columns.empty() ? "*" : "";
  for (const auto& column : selection.columns) columns += (columns.empty() ? "" : ", ") + identifier(column);
  auto sql = fmt::format("SELECT {} FROM read_parquet({}, hive_partitioning = false)", columns, literal(pattern_of(path)));
  if (!selection.range.empty())
    sql += fmt::format(" WHERE interval_start >= make_timestamptz({}) AND interval_start < make_timestamptz({})",
                       selection.range.from, selection.range.to);
  QueryResult rows;
  const auto doing = "reading " + path.string();
  if (duckdb_query(engine_->connection, sql.c_str(), rows.get()) != DuckDBSuccess) {
    const bool binder = duckdb_result_error_type(rows.get()) == DUCKDB_ERROR_BINDER;
    return query_failed(doing, rows.get(), binder ? Code::invalid : Code::corrupt);
  }
  auto table = collect(rows.get(), doing, limits);
  if (!table) return table;

  auto notes = engine_->notes(path);
  if (!notes) return notes.error();
  describe(*table, (*notes)["mole.columns"]);
  return table;
}

Result<ParquetNote> Parquet::note(const std::filesystem::path& path) {
  auto notes = engine_->notes(path);
  if (!notes) return notes.error();
  ParquetNote note{(*notes)["mole.metric"], (*notes)["mole.version"], {}};
  const auto by = json::parse((*notes)["mole.by"], nullptr, false);
  for (const auto& name : by)
    if (name.is_string()) note.by.push_back(name);
  return note;
}

}  // namespace mole::runtime
