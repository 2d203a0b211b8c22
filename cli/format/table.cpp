#include "cli/format/table.hpp"

#include <algorithm>

namespace mole::cli {

void Table::row(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(const Style& style, std::string_view indent) const {
  std::vector<std::size_t> widths;
  for (const auto& heading : headings_) widths.push_back(display_width(heading.name));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));

  std::string out;
  const auto write_line = [&](const auto& cell_of, Paint paint) {
    std::string line(indent);
    for (std::size_t i = 0; i < headings_.size(); ++i) {
      const std::string& cell = cell_of(i);
      const std::string pad(widths[i] - display_width(cell), ' ');
      if (i) line += "  ";
      line += headings_[i].right_aligned ? pad + style.paint(paint, cell) : style.paint(paint, cell) + pad;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  write_line([&](std::size_t i) -> const std::string& { return headings_[i].name; }, Paint::bold);
  for (const auto& row : rows_) write_line([&](std::size_t i) -> const std::string& { return row[i]; }, Paint::plain);
  return out;
}

}  // namespace mole::cli
