// Formats aligned text tables.
//
//   Table table({{"file"}, {"size", Align::right}});
//   table.row({"a.dat.bz2", "1.2 MiB"});
//   out << table.text(style);
#pragma once

#include "cli/format/style.hpp"

#include <string>
#include <vector>

namespace mole::cli {

enum class Align { left, right };

struct Heading {
  std::string name;
  Align align = Align::left;
};

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
