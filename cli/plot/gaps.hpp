// Finds gaps in series and measures their coverage.
#pragma once

#include "cli/plot/series.hpp"

#include <cstddef>
#include <vector>

namespace mole::cli {

// False without a value or coverage, and for values beyond 1e300, for which an axis has no round numbers.
bool has_value(const Point& point);

// Returns the times in `range` without a value: between points, before the first, after the last, and points without one.
std::vector<TimeRange> gaps_of(const Series& series, TimeRange range);

// Returns the times covered by at least `min_lists` of the lists, each of which must be sorted and free of overlaps.
std::vector<TimeRange> covered_by(const std::vector<std::vector<TimeRange>>& lists, std::size_t min_lists);

// Returns the mean coverage in each of `columns` equal parts of `range`, from 0 (none at all) to 10 (complete).
std::vector<int> coverage_levels(const std::vector<const Series*>& series, std::size_t columns, TimeRange range);

}  // namespace mole::cli
