// CSV and NDJSON.
#include "cli/export/cell.hpp"
#include "cli/export/row_writer.hpp"
#include "sdk/model/time.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace mole::cli {
namespace {

using nlohmann::json;
using runtime::Column;
using runtime::RowTable;

constexpr std::size_t flush_at = 1 << 18;

std::string csv_text(const std::string& text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    out += c;
    if (c == '"') out += c;
  }
  return out + '"';
}

// Writes the shortest text that reads back to the same value.
void put_number(std::string& out, double value) { fmt::format_to(std::back_inserter(out), "{}", value); }

// Writes a cell that is not null; `quote` formats texts and times.
void put_value(std::string& out, const Column& column, std::size_t row, std::string (*quote)(const std::string&)) {
  switch (type_of(column)) {
    case ColumnType::u64:
      out += std::to_string(std::get<0>(column.values)[row]);
      break;
    case ColumnType::i64:
      out += std::to_string(std::get<1>(column.values)[row]);
      break;
    case ColumnType::f64:
      put_number(out, std::get<2>(column.values)[row]);
      break;
    case ColumnType::boolean:
      out += std::get<1>(column.values)[row] ? "true" : "false";
      break;
    case ColumnType::time:
      out += quote(format_time(std::get<1>(column.values)[row]));
      break;
    case ColumnType::text:
      out += quote(std::get<3>(column.values)[row]);
      break;
  }
}

// Formats rows with `put_row(out, row)` and writes them in chunks.
template <class PutRow>
Result<> write_rows(const Sink& sink, std::size_t rows, PutRow put_row) {
  std::string out;
  for (std::size_t row = 0; row < rows; ++row) {
    put_row(out, row);
    if (out.size() < flush_at) continue;
    if (auto done = sink(out); !done) return done;
    out.clear();
  }
  return sink(out);
}

class CsvWriter final : public RowWriter {
 public:
  explicit CsvWriter(Sink sink) : sink_(std::move(sink)) {}

  Result<> begin(const RowTable& shape) override {
    std::string line;
    for (const auto& column : shape.columns) line += (line.empty() ? "" : ",") + csv_text(column.name);
    return sink_(line + "\n");
  }

  Result<> rows(const RowTable& table) override {
    return write_rows(sink_, table.rows(), [&](std::string& out, std::size_t row) {
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        if (i > 0) out += ',';
        put(out, table.columns[i], row);
      }
      out += '\n';
    });
  }

  Result<> end() override { return {}; }

 private:
  static void put(std::string& out, const Column& column, std::size_t row) {
    if (!column.is_null(row)) put_value(out, column, row, csv_text);
  }

  Sink sink_;
};

class NdjsonWriter final : public RowWriter {
 public:
  explicit NdjsonWriter(Sink sink) : sink_(std::move(sink)) {}

  Result<> begin(const RowTable& shape) override {
    for (const auto& column : shape.columns) keys_.push_back(quoted(column.name) + ":");
    return {};
  }

  Result<> rows(const RowTable& table) override {
    return write_rows(sink_, table.rows(), [&](std::string& out, std::size_t row) {
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        out += i > 0 ? ',' : '{';
        out += keys_[i];
        put(out, table.columns[i], row);
      }
      out += "}\n";
    });
  }

  Result<> end() override { return {}; }

 private:
  static std::string quoted(const std::string& text) { return json(text).dump(-1, ' ', false, json::error_handler_t::replace); }

  static void put(std::string& out, const Column& column, std::size_t row) {
    const auto* numbers = std::get_if<std::vector<double>>(&column.values);
    if (column.is_null(row) || (numbers && !std::isfinite((*numbers)[row])))
      out += "null";
    else
      put_value(out, column, row, quoted);
  }

  Sink sink_;
  std::vector<std::string> keys_;
};

}  // namespace

std::unique_ptr<RowWriter> csv_writer(Sink sink) { return std::make_unique<CsvWriter>(std::move(sink)); }
std::unique_ptr<RowWriter> ndjson_writer(Sink sink) { return std::make_unique<NdjsonWriter>(std::move(sink)); }

}  // namespace mole::cli
