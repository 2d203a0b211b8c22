#include "cli/format/style.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace mole::cli {
namespace {

// Escape sequences in the order of Paint.
constexpr std::string_view codes[] = {"", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[34m", "\033[36m"};

}  // namespace

std::string Style::paint(Paint paint, std::string_view text) const {
  if (!color || paint == Paint::plain || text.empty()) return std::string(text);
  return std::string(codes[static_cast<std::size_t>(paint)]).append(text).append("\033[0m");
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

Style style_of(int fd) {
  Style style;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  style.color = is_terminal(fd) && !dumb && (no_color == nullptr || *no_color == '\0');
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  return style;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++width;
    }
  }
  return width;
}

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
