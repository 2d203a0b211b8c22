// Colours for terminals that support them.
#pragma once

#include <string>
#include <string_view>

namespace mole::cli {

enum class Paint { plain, bold, dim, red, green, yellow, blue, cyan };

struct Style {
  bool color = false;
  unsigned width = 80;  // of the terminal, in columns

  std::string paint(Paint paint, std::string_view text) const;  // `text` itself without colour
};

// Returns the style for file descriptor `fd`: colour only on a terminal that is not "dumb", and never if NO_COLOR is set.
Style style_of(int fd);
bool is_terminal(int fd);

// Returns the number of columns of a text on the terminal: UTF-8 characters, without colour sequences.
std::size_t display_width(std::string_view text);

}  // namespace mole::cli
