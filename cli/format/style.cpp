#include "cli/format/style.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

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

}  // namespace mole::cli
