// Which digits of the names of a shape can be a time.
#pragma once

#include "cli/init/name_parts.hpp"

#include "sdk/model/time.hpp"

namespace mole::cli {

// The meaning of each run of a name's digits: letters of strftime ("Ymd", "s"), empty: not part of a time.
struct TimeLayout {
  std::vector<std::string> pieces;  // by column
  std::size_t second_time = 0;      // the first column of a second time, which is the end of the file's range; 0: none

  bool is_time(std::size_t column) const { return !pieces[column].empty(); }
  bool has(char piece) const;
  std::size_t count() const;  // of different pieces
  // Prefers four digits of a year to two, finer times to coarser ones, and dates that are repeated, such as in folders. Digits
  // that are the same in every name are hardly an hour, and behind a letter hardly a year, month or day: "v05".
  int weight(const NameShape& shape) const;
};

// Returns the layouts in which each piece has a possible value in every name and the date is complete. Files of the future are
// not expected.
std::vector<TimeLayout> time_layouts(const NameShape& shape, Micros now);

}  // namespace mole::cli
