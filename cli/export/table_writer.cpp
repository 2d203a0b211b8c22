// Aligned text for a terminal.
#include "cli/export/column.hpp"
#include "cli/export/export.hpp"
#include "cli/export/row_writer.hpp"
#include "sdk/model/time.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mole::cli {
namespace {

using runtime::Column;
using runtime::RowTable;

// Returns the number of UTF-8 characters: the bytes that are not continuation bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// Replaces control characters: text from an archive or plugin may contain terminal escape sequences.
std::string sanitized(std::string_view text) {
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

std::string coverage(double value) { return coverage_text(value) + (value <= 0 ? " !" : value < 1 ? " *" : "  "); }

std::string cell(const Column& column, std::size_t row) {
  if (column.is_null(row)) return "-";
  if (column.list) return sanitized(list_text(column, row));
  const auto type = type_of(column);
  if (type == ColumnType::time) return format_time(std::get<1>(column.values)[row]);
  if (type == ColumnType::boolean) return std::get<1>(column.values)[row] ? "yes" : "no";
  if (type == ColumnType::text) return sanitized(std::get<3>(column.values)[row]);
  if (type != ColumnType::f64) return value_text(column, row);
  const double value = std::get<2>(column.values)[row];
  return column.name == "coverage" ? coverage(value) : number_text(value);
}

// Returns "[B]"; "" for dimensionless columns.
std::string unit_of(const Column& column) {
  if (column.unit.empty() || column.unit == "1") return "";
  return "[" + sanitized(column.unit) + "]";
}

// Replaces the end of a longer text by "…". 0: no limit.
std::string shortened(std::string text, std::size_t max_width) {
  if (max_width == 0 || text.size() <= max_width || width_of(text) <= max_width) return text;
  std::size_t at = 0;
  for (std::size_t width = 0; at < text.size(); ++at)
    if ((text[at] & 0xc0) != 0x80 && width++ == max_width - 1) break;
  return text.substr(0, at) + "…";
}

using Line = std::vector<std::string>;

class TableWriter final : public RowWriter {
 public:
  TableWriter(Sink sink, const TableLayout& layout)
      : sink_(std::move(sink)), limit_(layout.rows), max_width_(layout.width), max_cell_(layout.cell), caption_(layout.caption) {}

  Result<> begin(const RowTable& shape) override {
    for (const auto& column : shape.columns) {
      names_.push_back(sanitized(column.name));
      units_.push_back(unit_of(column));
      const auto type = type_of(column);
      left_aligned_.push_back(column.list || type == ColumnType::text || type == ColumnType::time || type == ColumnType::bytes);
    }
    return caption_.empty() ? Result<>() : sink_(caption_ + "\n");
  }

  Result<> rows(const RowTable& table) override {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (limit_ != 0 && shown_ == limit_) {
        hidden_ += table.rows() - row;
        break;
      }
      Line line;
      for (const auto& column : table.columns) line.push_back(shortened(cell(column, row), max_cell_));
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
    if (hidden_ > 0) out += fmt::format("... {} more row{}\n", hidden_, hidden_ == 1 ? "" : "s");
    if (partial_ || uncovered_)
      out +=
          fmt::format("coverage: {}{}{}\n", partial_ ? "*: part of the input is missing" : "", partial_ && uncovered_ ? "; " : "",
                      uncovered_ ? "!: less than 1 % of the flows could be used, so the row measures nothing" : "");
    return sink_(out);
  }

 private:
  static constexpr std::size_t page = 10'000;  // rows that are aligned together

  void note_coverage(const RowTable& table, std::size_t row) {
    const auto* column = table.find("coverage");
    if (!column || type_of(*column) != ColumnType::f64) return;
    const double value = std::get<2>(column->values)[row];
    uncovered_ |= value <= 0;
    partial_ |= value > 0 && value < 1;
  }

  Result<> flush() {
    const bool any_unit = std::any_of(units_.begin(), units_.end(), [](const auto& unit) { return !unit.empty(); });
    widths_.resize(names_.size(), 0);
    const auto widen = [&](const Line& line) {
      for (std::size_t i = 0; i < line.size(); ++i) widths_[i] = std::max(widths_[i], width_of(line[i]));
    };
    widen(names_);
    widen(units_);
    for (const auto& line : lines_) widen(line);
    if (first_) {
      auto total = 2 * (widths_.empty() ? 0 : widths_.size() - 1);
      for (const auto width : widths_) total += width;
      transposed_ = max_width_ != 0 && total > max_width_;
    }
    std::string out;
    if (transposed_) {
      put_transposed(out);
    } else {
      if (first_) {
        put_line(out, names_);
        if (any_unit) put_line(out, units_);
        Line rule;
        for (const auto width : widths_) rule.emplace_back(width, '-');
        put_line(out, rule);
      }
      for (const auto& line : lines_) put_line(out, line);
    }
    first_ = false;
    lines_.clear();
    return sink_(out);
  }

  void put_line(std::string& out, const Line& line) const {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string space(widths_[i] - width_of(line[i]), ' ');
      text += (i > 0 ? "  " : "") + (left_aligned_[i] ? line[i] + space : space + line[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  }

  static std::size_t max_width(const Line& cells) {
    std::size_t width = 0;
    for (const auto& cell : cells) width = std::max(width, width_of(cell));
    return width;
  }

  // Writes one line per column, with as many rows side by side as fit, at least one.
  void put_transposed(std::string& out) const {
    const auto name_width = max_width(names_), unit_width = max_width(units_);
    for (std::size_t begin = 0; begin < lines_.size();) {
      std::vector<std::size_t> widths;
      auto used = name_width + (unit_width > 0 ? 1 + unit_width : 0);
      for (auto row = begin; row < lines_.size(); ++row) {
        const auto width = max_width(lines_[row]);
        if (row > begin && used + 2 + width > max_width_) break;
        used += 2 + width;
        widths.push_back(width);
      }
      if (!first_ || begin > 0) out += '\n';
      for (std::size_t i = 0; i < names_.size(); ++i) {
        std::string text = names_[i] + std::string(name_width - width_of(names_[i]), ' ');
        if (unit_width > 0) text += ' ' + units_[i] + std::string(unit_width - width_of(units_[i]), ' ');
        for (std::size_t k = 0; k < widths.size(); ++k) {
          const auto& cell = lines_[begin + k][i];
          text += "  " + std::string(widths[k] - width_of(cell), ' ') + cell;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + '\n';
      }
      begin += widths.size();
    }
  }

  Sink sink_;
  std::uint64_t limit_, shown_ = 0, hidden_ = 0;
  std::size_t max_width_, max_cell_;  // of a line and of a value; 0: unlimited
  std::string caption_;
  bool partial_ = false, uncovered_ = false, first_ = true, transposed_ = false;
  Line names_, units_;
  std::vector<bool> left_aligned_;
  std::vector<std::size_t> widths_;
  std::vector<Line> lines_;  // rows not written yet
};

}  // namespace

std::unique_ptr<RowWriter> table_writer(Sink sink, const TableLayout& layout) {
  return std::make_unique<TableWriter>(std::move(sink), layout);
}

}  // namespace mole::cli
