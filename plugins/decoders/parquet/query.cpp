#include "query.hpp"

#include <algorithm>

namespace mole::plugins::parquet {
namespace {

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    out += c;
    if (c == quote) out += c;
  }
  return out + quote;
}

// How a column of this type is read. Numbers that are out of range are read as the largest one, which is never valid; so are
// those with a fraction, which a cast would round.
void set_reading(FileColumn& column, duckdb_type type) {
  const auto name = quoted(column.name, '"');
  const std::string out_of_range = "18446744073709551615";
  switch (type) {
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_UUID:
      column.reading = Reading::text;
      column.expression = "CAST(" + name + " AS VARCHAR)";
      return;
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
      column.reading = Reading::number;
      column.expression = "CAST(" + name + " AS UBIGINT)";
      return;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
      column.reading = Reading::signed_number;
      column.expression =
          "CASE WHEN " + name + " IS NOT NULL THEN coalesce(TRY_CAST(" + name + " AS UBIGINT), " + out_of_range + ") END";
      return;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
      // As text, so that fractions of seconds are read and other fractions refused.
      column.reading = Reading::text;
      column.expression = "CASE WHEN " + name + " = trunc(" + name + ") THEN coalesce(CAST(TRY_CAST(" + name +
                          " AS HUGEINT) AS VARCHAR), CAST(" + name + " AS VARCHAR)) ELSE CAST(" + name + " AS VARCHAR) END";
      return;
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      column.reading = Reading::time;
      column.expression = "epoch_us(" + name + ")";
      return;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
      column.reading = Reading::local_time;
      column.expression = "epoch_us(" + name + ")";
      return;
    case DUCKDB_TYPE_BLOB:
      column.reading = Reading::blob;
      column.expression = name;
      return;
    default:
      return;  // nested, intervals, dates
  }
}

// The same for a column of lists. A number that is out of range is null.
void set_reading_of_list(FileColumn& column, duckdb_type type) {
  set_reading(column, type);
  const auto cast = [&](const char* to) { return "TRY_CAST(" + quoted(column.name, '"') + " AS " + to + "[])"; };
  switch (column.reading) {
    case Reading::none:
      return;
    case Reading::text:
      column.expression = cast("VARCHAR");
      break;
    case Reading::number:
    case Reading::signed_number:
      // As text: an element of a signed type can be negative.
      column.reading = Reading::text;
      column.expression = cast("VARCHAR");
      break;
    case Reading::time:
      column.expression = cast("TIMESTAMP WITH TIME ZONE");
      break;
    case Reading::local_time:
      column.expression = cast("TIMESTAMP");
      break;
    case Reading::blob:
      break;
  }
  column.is_list = true;
}

}  // namespace

Result<std::unique_ptr<Query>> Query::open(const std::string& path) {
  MOLE_TRY(const DuckDb* api, load_duckdb());
  std::unique_ptr<Query> query(new Query(*api));
  query->file_ = "read_parquet(" + quoted(path, '\'') + ")";
  duckdb_config config = nullptr;
  if (api->create_config(&config) != DuckDBSuccess) return internal("DuckDB cannot create a configuration");
  constexpr std::pair<const char*, const char*> settings[] = {{"threads", "1"},
                                                              {"memory_limit", "512MB"},
                                                              {"autoinstall_known_extensions", "false"},
                                                              {"temp_directory", ""},
                                                              {"autoload_known_extensions", "false"},
                                                              {"enable_external_file_cache", "false"},
                                                              {"preserve_insertion_order", "true"}};
  for (const auto& [name, value] : settings) api->set_config(config, name, value);
  char* error = nullptr;
  const auto opened = api->open_ext(nullptr, &query->database_, config, &error);
  api->destroy_config(&config);
  if (opened != DuckDBSuccess) {
    const std::string why = error ? error : "unknown";
    api->free(error);
    return internal("DuckDB cannot be started: " + why);
  }
  if (api->connect(query->database_, &query->connection_) != DuckDBSuccess) return internal("DuckDB cannot be connected to");
  return query;
}

Query::~Query() {
  end();
  db_.disconnect(&connection_);
  db_.close(&database_);
}

void Query::end() {
  if (chunk_) db_.destroy_data_chunk(&chunk_);
  if (has_result_) db_.destroy_result(&result_);
  if (pending_) db_.destroy_pending(&pending_);
  if (statement_) db_.destroy_prepare(&statement_);
  chunk_ = nullptr;
  pending_ = nullptr;
  statement_ = nullptr;
  has_result_ = false;
}

Result<> Query::start(const std::string& sql) {
  end();
  const auto failed = [](const char* why) {
    const std::string text = why ? why : "unknown error";
    return corrupt(text.substr(0, text.find('\n')));
  };
  if (db_.prepare(connection_, sql.c_str(), &statement_) != DuckDBSuccess) return failed(db_.prepare_error(statement_));
  if (db_.pending_prepared_streaming(statement_, &pending_) != DuckDBSuccess) return failed(db_.pending_error(pending_));
  has_result_ = true;
  if (db_.execute_pending(pending_, &result_) != DuckDBSuccess) return failed(db_.result_error(&result_));
  return {};
}

// The type of the values in the lists of a column.
duckdb_type Query::item_type(std::size_t column) {
  auto list = db_.column_logical_type(&result_, column);
  auto item = db_.list_type_child_type(list);
  const auto type = db_.get_type_id(item);
  db_.destroy_logical_type(&item);
  db_.destroy_logical_type(&list);
  return type;
}

Result<std::vector<FileColumn>> Query::columns() {
  if (auto started = start("SELECT * FROM " + file_ + " LIMIT 0"); !started) return started.error();
  std::vector<FileColumn> out;
  for (idx_t i = 0; i < db_.column_count(&result_); ++i) {
    FileColumn column{db_.column_name(&result_, i), Reading::none, false, {}};
    const auto type = db_.column_type(&result_, i);
    if (type == DUCKDB_TYPE_LIST)
      set_reading_of_list(column, item_type(i));
    else
      set_reading(column, type);
    out.push_back(std::move(column));
  }
  return out;
}

Result<> Query::select(const std::vector<const FileColumn*>& columns) {
  std::string list;
  selected_lists_.clear();
  for (const auto* column : columns) selected_lists_.push_back(column->is_list);
  for (const auto* column : columns) list += (list.empty() ? "" : ", ") + column->expression;
  return start("SELECT " + list + " FROM " + file_);
}

Result<std::size_t> Query::fetch() {
  if (chunk_) db_.destroy_data_chunk(&chunk_);
  chunk_ = db_.fetch_chunk(result_);
  if (!chunk_) {
    const char* why = db_.result_error(&result_);
    if (why && *why) return corrupt(why);
    return std::size_t{0};
  }
  vectors_.clear();
  items_.assign(selected_lists_.size(), {});
  for (idx_t i = 0; i < db_.column_count(&result_); ++i) {
    auto* vector = db_.data_chunk_get_vector(chunk_, i);
    vectors_.push_back({db_.vector_get_data(vector), db_.vector_get_validity(vector)});
    if (!selected_lists_[i]) continue;
    auto* items = db_.list_vector_get_child(vector);
    items_[i] = {db_.vector_get_data(items), db_.vector_get_validity(items)};
  }
  return static_cast<std::size_t>(db_.data_chunk_get_size(chunk_));
}

Items Query::items(std::size_t column, std::size_t row) const {
  const auto entry = vectors_[column].number<duckdb_list_entry>(row);
  return {entry.offset, entry.length};
}

std::string_view Query::text(const Vector& vector, std::size_t at) const {
  auto* string = static_cast<duckdb_string_t*>(vector.data) + at;
  return {db_.string_t_data(string), db_.string_t_length(*string)};
}

}  // namespace mole::plugins::parquet
