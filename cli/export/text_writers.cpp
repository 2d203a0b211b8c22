// CSV and NDJSON.
#include "cli/export/column.hpp"
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

// Writes a cell that is not null; `quote` formats strings and times.
void put_value(std::string& out, const Column& column, std::size_t row, std::string (*quote)(const std::string&)) {
  const auto type = type_of(column);
  if (type == ColumnType::time)
    out += quote(format_time(std::get<1>(column.values)[row]));
  else if (type == ColumnType::text)
    out += quote(std::get<3>(column.values)[row]);
  else  // for a double, the shortest text that parses back to the same value
    out += value_text(column, row);
}

std::string quoted(const std::string& text) { return json(text).dump(-1, ' ', false, json::error_handler_t::replace); }

// Writes one line per row.
class TextWriter final : public RowWriter {
 public:
  TextWriter(Sink sink, bool as_json) : sink_(std::move(sink)), as_json_(as_json) {}

  Result<> begin(const RowTable& shape) override {
    std::string header;
    for (const auto& column : shape.columns) {
      const bool first = before_.empty();
      before_.push_back(as_json_ ? (first ? "{" : ",") + quoted(column.name) + ":" : first ? "" : ",");
      header += (first ? "" : ",") + csv_text(column.name);
    }
    return as_json_ ? Result<>() : sink_(header + "\n");
  }

  Result<> rows(const RowTable& table) override {
    std::string out;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        out += before_[i];
        put_cell(out, table.columns[i], row);
      }
      out += as_json_ ? "}\n" : "\n";
      if (out.size() < flush_at) continue;
      if (auto done = sink_(out); !done) return done;
      out.clear();
    }
    return sink_(out);
  }

  Result<> end() override { return {}; }

 private:
  void put_cell(std::string& out, const Column& column, std::size_t row) const {
    const auto* numbers = std::get_if<std::vector<double>>(&column.values);
    if (!column.is_null(row) && !(as_json_ && numbers && !std::isfinite((*numbers)[row])))
      put_value(out, column, row, as_json_ ? quoted : csv_text);
    else if (as_json_)
      out += "null";
  }

  Sink sink_;
  bool as_json_;
  std::vector<std::string> before_;  // the text before each value of a row
};

}  // namespace

std::unique_ptr<RowWriter> csv_writer(Sink sink) { return std::make_unique<TextWriter>(std::move(sink), false); }
std::unique_ptr<RowWriter> ndjson_writer(Sink sink) { return std::make_unique<TextWriter>(std::move(sink), true); }

}  // namespace mole::cli
