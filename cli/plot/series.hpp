// Lines out of rows: what a figure draws.
//
//   auto series = series_of(loaded.rows, loaded.by, {"bytes"});
//   auto low = series_of(rows, by, {"bytes_low"}), high = series_of(rows, by, {"bytes_high"});
//   add_band(*series, *low, *high);
#pragma once

#include "runtime/rows/row_table.hpp"
#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <optional>
#include <string>
#include <vector>

namespace mole::cli {

struct Point {
  Micros from = 0, to = 0;      // the interval
  std::optional<double> value;  // nullopt: null
  double coverage = 1;
  std::optional<double> low = {}, high = {};  // of the band around the line
  std::uint32_t marks = 0;                    // bit i: of PlotOptions::marks[i]
};

// One line.
struct Series {
  std::string column;                // "bytes"
  std::string unit;                  // "B"; "" or "1" if none
  std::string group;                 // "19991"; "" if there are no groups
  std::vector<Point> points;         // by time
  std::optional<Micros> cycle = {};  // of an overlay: when this day or week began
  double pale_below = 1;             // coverage; points with less are drawn lighter
  std::string band = {};             // what the band is called in the legend
};

// Lines of these columns, one per group; a group is named by the values of `by`. A bool is 0 or 1. invalid: a column that
// is not there or holds no numbers; more than 500 groups.
Result<std::vector<Series>> series_of(const runtime::RowTable& rows, const std::vector<std::string>& by,
                                      const std::vector<std::string>& columns);

// Every row has its own interval and group. The rows are in the order of their intervals.
bool one_row_each(const runtime::RowTable& rows, const std::vector<std::string>& by);
// The columns of names or whole numbers that tell apart the rows of one interval and group, as few as found from the left:
// {"side", "rank"}. Empty: nothing does, or there is nothing to tell apart.
std::vector<std::string> telling_apart(const runtime::RowTable& rows, const std::vector<std::string>& by);
// The value as --where names it.
std::string value_text(const runtime::RowTable& rows, const std::string& column, std::size_t row);

// Puts a band around the lines of the first column that has the band's unit and no band yet, group by group and interval
// by interval. invalid: there is no such column.
Result<> add_band(std::vector<Series>& lines, const std::vector<Series>& low, const std::vector<Series>& high,
                  const std::string& name = "band");

// Sets bit `mark` of every point in whose group and interval `flags` holds a value that is neither 0 nor null.
void add_marks(std::vector<Series>& lines, const std::vector<Series>& flags, unsigned mark);

enum class Cycle { none, day, week };
Micros cycle_length(Cycle cycle);
// Every line cut into days or weeks (from Monday), all moved over the first one after the epoch's start.
std::vector<Series> overlaid(const std::vector<Series>& lines, Cycle cycle);
// The time all cycles are moved to.
TimeRange cycle_range(Cycle cycle);

}  // namespace mole::cli
