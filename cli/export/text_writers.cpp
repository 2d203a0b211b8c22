// CSV, TSV, NDJSON and JSON.
#include "cli/export/column.hpp"
#include "cli/export/row_writer.hpp"
#include "sdk/model/time.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <utility>

namespace mole::cli {
namespace {

using nlohmann::json;
using runtime::Column;
using runtime::RowTable;

constexpr std::size_t flush_at = 1 << 18;

std::string csv_text(const std::string& text) {
  if (!text.empty() && text.find_first_of(",\t\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    out += c;
    if (c == '"') out += c;
  }
  return out + '"';
}

// Writes a value; `quote` formats strings and times.
void put_value(std::string& out, const Column& column, std::size_t row, std::string (*quote)(const std::string&)) {
  const auto type = type_of(column);
  if (type == ColumnType::time)
    out += quote(format_time(std::get<1>(column.values)[row]));
  else if (type == ColumnType::text)
    out += quote(std::get<3>(column.values)[row]);
  else if (type == ColumnType::addr || type == ColumnType::bytes)
    out += quote(value_at(column, row));
  else  // for a double, the shortest text that parses back to the same value
    out += value_at(column, row);
}

std::string quoted(const std::string& text) { return json(text).dump(-1, ' ', false, json::error_handler_t::replace); }

void put_json_value(std::string& out, const Column& column, std::size_t i) {
  const auto* numbers = std::get_if<std::vector<double>>(&column.values);
  if (numbers && !std::isfinite((*numbers)[i]))
    out += "null";
  else
    put_value(out, column, i, quoted);
}

void put_json_list(std::string& out, const Column& column, std::size_t row) {
  out += '[';
  for (auto i = column.begin_of(row); i < column.ends[row]; ++i) {
    if (i > column.begin_of(row)) out += ',';
    put_json_value(out, column, i);
  }
  out += ']';
}

// Writes one line per row.
class TextWriter final : public RowWriter {
 public:
  TextWriter(Sink sink, ExportFormat format)
      : sink_(std::move(sink)),
        objects_(format == ExportFormat::ndjson || format == ExportFormat::json),
        list_(format == ExportFormat::json),
        separator_(format == ExportFormat::tsv ? "\t" : ",") {}

  Result<> begin(const RowTable& shape) override {
    std::string header;
    for (const auto& column : shape.columns) {
      const bool first = before_.empty();
      before_.push_back(objects_ ? (first ? "{" : ",") + quoted(column.name) + ":" : first ? "" : separator_);
      header += (first ? "" : separator_) + csv_text(column.name);
    }
    if (list_) return sink_("[");
    return objects_ ? Result<>() : sink_(header + "\n");
  }

  Result<> rows(const RowTable& table) override {
    std::string out;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (list_) out += std::exchange(any_, true) ? ",\n" : "\n";
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        out += before_[i];
        put_cell(out, table.columns[i], row);
      }
      if (objects_) out += '}';
      if (!list_) out += '\n';
      if (out.size() < flush_at) continue;
      if (auto done = sink_(out); !done) return done;
      out.clear();
    }
    return sink_(out);
  }

  Result<> end() override { return list_ ? sink_(any_ ? "\n]\n" : "]\n") : Result<>(); }

 private:
  void put_cell(std::string& out, const Column& column, std::size_t row) const {
    if (column.is_null(row))
      out += objects_ ? "null" : "";
    else if (column.list && objects_)
      put_json_list(out, column, row);
    else if (column.list)
      out += csv_text(list_text(column, row));
    else if (objects_)
      put_json_value(out, column, row);
    else
      put_value(out, column, row, csv_text);
  }

  Sink sink_;
  bool objects_, list_, any_ = false;  // JSON objects; in a list; a row has been written
  std::string separator_;              // of csv and tsv
  std::vector<std::string> before_;    // the text before each value of a row
};

}  // namespace

std::unique_ptr<RowWriter> text_writer(Sink sink, ExportFormat format) {
  return std::make_unique<TextWriter>(std::move(sink), format);
}

}  // namespace mole::cli
