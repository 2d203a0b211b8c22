// Colours for terminals that support them, and aligned tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

enum class Paint { plain, bold, dim, red, green, yellow, blue, cyan };

struct Style {
  bool color = false;
  unsigned width = 80;  // of the terminal, in columns

  std::string paint(Paint paint, std::string_view text) const;  // returns `text` unchanged if colour is off
};

// Returns the style for file descriptor `fd`: colour only on a terminal that is not "dumb", and never if NO_COLOR is set.
Style style_of(int fd);
bool is_terminal(int fd);

// Returns the width of text on the terminal, in columns: UTF-8 characters, without colour sequences.
std::size_t display_width(std::string_view text);

struct Heading {
  Heading(std::string text, bool right = false) : name(std::move(text)), right_aligned(right) {}  // NOLINT: implicit by design
  Heading(const char* text) : Heading(std::string(text)) {}                                       // NOLINT
  std::string name;
  bool right_aligned;
};
inline Heading right(const char* name) { return {name, true}; }

// An aligned text table:
//
//   Table table({"file", right("size")});
//   table.row({"a.dat.bz2", "1.2 MiB"});
//   out << table.text(style);
class Table {
 public:
  explicit Table(std::vector<Heading> headings) : headings_(std::move(headings)) {}

  // Adds a row with one cell per heading; missing cells are empty. Cells may contain colour sequences.
  void row(std::vector<std::string> cells);
  std::size_t rows() const { return rows_.size(); }

  // Returns the heading line and the rows, with two spaces between columns; each line starts with `indent`.
  std::string text(const Style& style, std::string_view indent = "") const;

 private:
  std::vector<Heading> headings_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace mole::cli
