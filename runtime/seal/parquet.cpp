#include "runtime/seal/parquet.hpp"

#include "runtime/seal/duckdb_rows.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <utility>

namespace mole::runtime {
namespace {

using nlohmann::json;

// ---- SQL text

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

// Returns a pattern that read_parquet matches with this path only: absolute, with special characters escaped.
std::string pattern_of(const std::filesystem::path& path) {
  std::string out;
  for (const char c : std::filesystem::absolute(path).string()) {
    const bool special = c == '*' || c == '?' || c == '[';
    out += special ? std::string("[") + c + "]" : std::string(1, c);
  }
  return out;
}

Error query_failed(const std::string& doing, duckdb_result* result, Code otherwise) {
  const char* text = duckdb_result_error(result);
  const std::string why = text ? std::string(text).substr(0, 400) : "unknown";
  const auto type = duckdb_result_error_type(result);
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY || why.find("No space left") != std::string::npos)
    return exhausted(fmt::format("{}: {}; free memory or disk space and try again", doing, why));
  return {otherwise, fmt::format("{}: {}", doing, why)};
}

std::string text_of(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string metadata(const RowTable& table, const ParquetNote& note) {
  auto columns = json::array();
  for (const auto& c : table.columns) {
    columns.push_back({{"name", c.name}, {"type", c.type}, {"unit", c.unit}, {"doc", c.doc}});
    if (!c.element.empty()) columns.back()["ipfix_element"] = c.element;
    if (c.list) columns.back()["list"] = true;
  }
  return fmt::format("{{\"mole.metric\": {}, \"mole.version\": {}, \"mole.by\": {}, \"mole.columns\": {}}}", literal(note.metric),
                     literal(note.version), literal(text_of(note.by)), literal(text_of(columns)));
}

// Sets units and docs from the metadata, if present.
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
        column.element = text("ipfix_element");
      }
  }
}

struct Database {
  duckdb_database handle = nullptr;
  std::atomic<unsigned> connections{0};
  ~Database() {
    if (handle) duckdb_close(&handle);
  }
};

}  // namespace

struct Parquet::Engine {
  std::shared_ptr<Database> database;
  duckdb_connection connection = nullptr;
  std::string rows_function;
  RowSource source;

  explicit Engine(std::shared_ptr<Database> shared) : database(std::move(shared)) {}
  ~Engine() {
    if (connection) duckdb_disconnect(&connection);
  }

  Result<> connect() {
    if (duckdb_connect(database->handle, &connection) != DuckDBSuccess) return internal("DuckDB cannot open a connection");
    rows_function = fmt::format("mole_rows_{}", database->connections++);
    if (!register_rows(connection, rows_function, &source)) return internal("DuckDB cannot register a table function");
    return {};
  }

  Result<> run(const std::string& sql, const std::string& doing, Code otherwise) {
    QueryResult result;
    if (duckdb_query(connection, sql.c_str(), result.get()) == DuckDBSuccess) return {};
    return query_failed(doing, result.get(), otherwise);
  }

  // Writes the rows of `source` to the file and returns their number.
  Result<std::uint64_t> write(const RowTable& shape, const std::filesystem::path& path, const ParquetNote& note) {
    if (auto good = check_writable(shape); !good) return good.error();
    const auto sql = fmt::format(
        "COPY (FROM {}()) TO {} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 122880, "
        "PARQUET_VERSION v1, WRITE_BLOOM_FILTER false, USE_TMP_FILE false, KV_METADATA {})",
        rows_function, literal(std::filesystem::absolute(path).string()), metadata(shape, note));
    const auto done = run(sql, "writing " + path.string(), Code::internal);
    const auto finished = std::exchange(source, {});
    if (finished.failure) return *finished.failure;
    if (!done) return done.error();
    return finished.rows;
  }

  // Reads the key-value metadata of the file.
  Result<std::map<std::string, std::string>> metadata_of(const std::filesystem::path& path) {
    if (!std::filesystem::is_regular_file(path)) return missing("there is no result file " + path.string());
    const auto sql = fmt::format("SELECT decode(key), decode(value) FROM parquet_kv_metadata({})", literal(pattern_of(path)));
    QueryResult result;
    if (duckdb_query(connection, sql.c_str(), result.get()) != DuckDBSuccess)
      return query_failed("reading " + path.string(), result.get(), Code::corrupt);
    MOLE_TRY(auto rows, fetch_rows(result.get(), "reading " + path.string(), {}));
    std::map<std::string, std::string> notes;
    for (std::size_t row = 0; row < rows.rows(); ++row)
      notes[std::get<3>(rows.columns[0].values)[row]] = std::get<3>(rows.columns[1].values)[row];
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
  if (duckdb_create_config(&config) != DuckDBSuccess) return internal("DuckDB cannot create a configuration");
  for (const auto& [name, value] : settings)
    if (duckdb_set_config(config, name, value.c_str()) != DuckDBSuccess) {
      duckdb_destroy_config(&config);
      return internal(fmt::format("DuckDB {} does not support the setting {}; install the pinned library with ./dev setup",
                                  duckdb_library_version(), name));
    }
  auto database = std::make_shared<Database>();
  char* error = nullptr;
  const auto opened = duckdb_open_ext(nullptr, &database->handle, config, &error);
  duckdb_destroy_config(&config);
  if (opened != DuckDBSuccess) {
    const std::string why = error ? error : "unknown";
    duckdb_free(error);
    return internal("DuckDB cannot be started: " + why);
  }
  auto engine = std::make_unique<Engine>(std::move(database));
  if (auto connected = engine->connect(); !connected) return connected.error();
  if (auto good = engine->run("SET lock_configuration = true", "DuckDB", Code::internal); !good) return good.error();
  return Parquet(std::move(engine));
}

Result<Parquet> Parquet::connect() const {
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
  if (shape.rows() != 0) return internal("the table that defines the columns must have no rows");
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
  auto table = fetch_rows(rows.get(), doing, limits);
  if (!table) return table;

  MOLE_TRY(auto notes, engine_->metadata_of(path));
  describe(*table, notes["mole.columns"]);
  return table;
}

Result<ParquetNote> Parquet::note(const std::filesystem::path& path) {
  MOLE_TRY(auto notes, engine_->metadata_of(path));
  ParquetNote note{notes["mole.metric"], notes["mole.version"], {}};
  const auto by = json::parse(notes["mole.by"], nullptr, false);
  for (const auto& name : by)
    if (name.is_string()) note.by.push_back(name);
  return note;
}

}  // namespace mole::runtime
