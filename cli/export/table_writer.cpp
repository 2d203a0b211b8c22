// Aligned text for a terminal.
#include "cli/export/row_writer.hpp"
#include "sdk/descriptor/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mole::cli {
namespace {

using runtime::Column;
using runtime::RowTable;

// Characters a terminal shows, which for UTF-8 is one for each byte that continues none.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// Text from an archive or plugin may hold what a terminal obeys.
std::string harmless(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c < 0x20 || c == 0x7f || c1)
      out += '?';
    else
      out += text[i];
    if (c1) ++i;
  }
  return out;
}

std::string number(double value) {
  const double size = std::fabs(value);
  if (value == std::trunc(value) && size < 1e15) return fmt::format("{:.0f}", value);
  if (size >= 1e15 || size < 1e-4) return fmt::format("{:.6e}", value);
  return fmt::format("{:.{}f}", value, std::clamp(5 - static_cast<int>(std::floor(std::log10(size))), 1, 9));
}

std::string coverage(double value) {
  if (value <= 0) return "0 !";
  return value < 1 ? fmt::format("{:.3f} *", std::min(value, 0.999)) : "1  ";
}

std::string cell(const Column& column, std::size_t row) {
  if (is_null(column, row)) return "-";
  if (column.type == "u64") return std::to_string(std::get<0>(column.values)[row]);
  if (column.type == "time") return format_time(std::get<1>(column.values)[row]);
  if (column.type == "bool") return std::get<1>(column.values)[row] ? "yes" : "no";
  if (column.type == "i64") return std::to_string(std::get<1>(column.values)[row]);
  if (column.type == "text") return harmless(std::get<3>(column.values)[row]);
  const double value = std::get<2>(column.values)[row];
  return column.name == "coverage" ? coverage(value) : number(value);
}

// Units of evidence columns say nothing a reader does not know.
std::string unit_of(const Column& column) {
  if (column.unit.empty() || column.unit == "1") return "";
  return "[" + harmless(column.unit) + "]";
}

class TableWriter final : public RowWriter {
 public:
  TableWriter(Sink sink, std::uint64_t limit) : sink_(std::move(sink)), limit_(limit) {}

  Result<> begin(const RowTable& shape) override {
    std::vector<std::string> names, units;
    for (const auto& column : shape.columns) {
      names.push_back(harmless(column.name));
      units.push_back(unit_of(column));
      left_.push_back(column.type == "text" || column.type == "time");
    }
    const bool any_unit = std::any_of(units.begin(), units.end(), [](const auto& unit) { return !unit.empty(); });
    lines_.push_back(std::move(names));
    if (any_unit) lines_.push_back(std::move(units));
    headers_ = lines_.size();
    return {};
  }

  Result<> rows(const RowTable& table) override {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (limit_ != 0 && shown_ == limit_) {
        hidden_ += table.rows() - row;
        break;
      }
      std::vector<std::string> line;
      for (const auto& column : table.columns) line.push_back(cell(column, row));
      lines_.push_back(std::move(line));
      ++shown_;
      note_coverage(table, row);
      if (lines_.size() < page) continue;
      if (auto done = flush(); !done) return done;
    }
    return {};
  }

  Result<> end() override {
    if (auto done = flush(); !done) return done;
    std::string out;
    if (hidden_ > 0) out += fmt::format("... {} more rows\n", hidden_);
    if (partial_ || none_)
      out += fmt::format("coverage:{}{}\n", partial_ ? " * part of the input" : "", none_ ? " ! the interval's own files are missing; what is counted came in later ones" : "");
    return sink_(out);
  }

 private:
  static constexpr std::size_t page = 10'000;  // rows aligned with each other

  void note_coverage(const RowTable& table, std::size_t row) {
    const auto* column = table.find("coverage");
    if (!column || column->type != "f64") return;
    const double value = std::get<2>(column->values)[row];
    none_ |= value <= 0;
    partial_ |= value > 0 && value < 1;
  }

  Result<> flush() {
    widths_.resize(left_.size(), 0);
    for (const auto& line : lines_)
      for (std::size_t i = 0; i < line.size(); ++i) widths_[i] = std::max(widths_[i], width_of(line[i]));
    std::string out;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      put_line(out, lines_[i]);
      if (headers_ > 0 && i + 1 == headers_) put_rule(out);
    }
    headers_ = 0;
    lines_.clear();
    return sink_(out);
  }

  void put_line(std::string& out, const std::vector<std::string>& line) const {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string space(widths_[i] - width_of(line[i]), ' ');
      text += (i > 0 ? "  " : "") + (left_[i] ? line[i] + space : space + line[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  }

  void put_rule(std::string& out) const {
    for (std::size_t i = 0; i < widths_.size(); ++i) out += (i > 0 ? "  " : "") + std::string(widths_[i], '-');
    out += '\n';
  }

  Sink sink_;
  std::uint64_t limit_, shown_ = 0, hidden_ = 0;
  bool partial_ = false, none_ = false;
  std::vector<bool> left_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> lines_;
  std::size_t headers_ = 0;
};

}  // namespace

std::unique_ptr<RowWriter> table_writer(Sink sink, std::uint64_t limit) {
  return std::make_unique<TableWriter>(std::move(sink), limit);
}

}  // namespace mole::cli
