// Builds the lines of a figure from result rows, finds their gaps and measures their coverage.
//
//   auto series = series_of(loaded.rows, loaded.by, {"bytes"});
//   auto low = series_of(rows, by, {"bytes_low"}), high = series_of(rows, by, {"bytes_high"});
//   add_band(*series, *low, *high);
#pragma once

#include "runtime/rows/row_table.hpp"
#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

struct Point {
  Micros from = 0, to = 0;      // the interval
  std::optional<double> value;  // nullopt: null
  double coverage = 1;
  std::optional<double> low = {}, high = {};  // edges of the band around the line
  std::uint32_t marks = 0;                    // bit i: PlotOptions::marks[i]
};

// One line.
struct Series {
  std::string column;                // "bytes"
  std::string unit;                  // "B"; "" or "1" if none
  std::string group;                 // "19991"; "" if there are no groups
  std::vector<Point> points;         // in time order
  std::optional<Micros> cycle = {};  // overlay: start of this day or week
  double pale_below = 1;             // points with less coverage are drawn lighter
  std::string band = {};             // name of the band in the legend
  bool scaled = false;               // multiplied by the sampling rate
  // The intervals of all rows (with `router`: of the same router) and their coverage. An interval in which the group has no row,
  // although others do, is not a gap: nothing of the group occurred. Null: not known.
  std::shared_ptr<const std::vector<Point>> intervals = {};
};

// Returns lines of these columns, one per group; a group is named by the values of `by`, "(none)" for an empty one. A bool
// becomes 0 or 1. invalid: a column does not exist or is not numeric, or there are more than 500 groups.
Result<std::vector<Series>> series_of(const runtime::RowTable& rows, const std::vector<std::string>& by,
                                      const std::vector<std::string>& columns);

// True if no two of the first `max_rows` rows share an interval and group. The rows must be ordered by interval.
bool one_row_per_group(const runtime::RowTable& rows, const std::vector<std::string>& by, std::size_t max_rows = SIZE_MAX);
// Returns a small set of text or integer columns that distinguish the rows of one interval and group, searched from the left:
// {"side", "rank"}. Empty: there is no such set, or it is not needed.
std::vector<std::string> distinguishing_columns(const runtime::RowTable& rows, const std::vector<std::string>& by);

// Adds a band to the lines of the first column that has the band's unit and no band yet, matched by group and interval.
// invalid: there is no such column.
Result<> add_band(std::vector<Series>& lines, const std::vector<Series>& low, const std::vector<Series>& high,
                  const std::string& name = "band");

// Sets bit `mark` of every point whose group and interval have a value in `flags` that is neither 0 nor null.
void add_marks(std::vector<Series>& lines, const std::vector<Series>& flags, unsigned mark);

// Describes counters of a module with "scale: sampling".
inline constexpr std::string_view scaled_text = "(multiplied by the sampling rate)";

enum class Cycle { none, day, week };
Micros cycle_length(Cycle cycle);
// Splits every line into days or weeks (from Monday) and shifts them all to cycle_range.
std::vector<Series> overlaid(const std::vector<Series>& lines, Cycle cycle);
// The common time range of the shifted cycles: the first day or week from 1970-01-05.
TimeRange cycle_range(Cycle cycle);

// False without a value or coverage, and for values beyond 1e300, which an axis cannot show.
bool has_value(const Point& point);

// Returns the times in `range` that were not measured: before, between and after the points, and at points without a value, but
// not intervals with coverage in which the group did not occur.
std::vector<TimeRange> gaps_of(const Series& series, TimeRange range);

// Returns the times covered by at least `min_lists` of the lists, each of which must be sorted and free of overlaps.
std::vector<TimeRange> covered_by(const std::vector<std::vector<TimeRange>>& lists, std::size_t min_lists);

// Returns the mean coverage in each of `columns` equal parts of `range`, from 0 (none at all) to 10 (complete).
std::vector<int> coverage_levels(const std::vector<const Series*>& series, std::size_t columns, TimeRange range);

}  // namespace mole::cli
