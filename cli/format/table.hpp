// Formats aligned text tables.
//
//   Table table({"file", right("size")});
//   table.row({"a.dat.bz2", "1.2 MiB"});
//   out << table.text(style);
#pragma once

#include "cli/format/style.hpp"

#include <string>
#include <vector>

namespace mole::cli {

struct Heading {
  Heading(std::string text, bool right = false) : name(std::move(text)), right_aligned(right) {}  // NOLINT: implicit by design
  Heading(const char* text) : Heading(std::string(text)) {}                                       // NOLINT
  std::string name;
  bool right_aligned;
};
inline Heading right(const char* name) { return {name, true}; }

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
