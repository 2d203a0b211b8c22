// Aligned text tables.
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

  // One cell per heading; missing ones are empty. Cells may hold colour sequences.
  void row(std::vector<std::string> cells);
  std::size_t rows() const { return rows_.size(); }

  // Heading line and rows, two blanks between columns, nothing after the last; each line begins with `indent`.
  std::string text(const Style& style, std::string_view indent = "") const;

 private:
  std::vector<Heading> headings_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace mole::cli
