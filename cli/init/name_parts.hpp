// File names of the same shape, split into runs of digits, of letters and of other characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

struct Run {
  enum class Kind { digits, letters, other };
  Kind kind;
  std::string_view text;  // part of the name
};

// "19991_00040895.dat" has the runs 19991, _, 00040895, ., dat.
std::vector<Run> runs_of(std::string_view name);

// Names with the same kinds of runs in the same order, the same other characters, and the same ending if it is that of a format
// or compression. The names must outlive it.
class NameShape {
 public:
  NameShape() = default;
  // Returns the shapes of these names, the most frequent first.
  static std::vector<NameShape> of(const std::vector<std::string>& names);

  std::size_t names() const { return rows_.size(); }
  std::size_t columns() const { return rows_.front().size(); }
  Run::Kind kind(std::size_t column) const { return rows_.front()[column].kind; }
  std::string_view text(std::size_t name, std::size_t column) const { return rows_[name][column].text; }
  bool is_constant(std::size_t column) const { return constant_[column]; }
  // Whether every name has this many characters there.
  bool has_width(std::size_t column, std::size_t width) const;

 private:
  std::vector<std::vector<Run>> rows_;
  std::vector<bool> constant_;
};

}  // namespace mole::cli
