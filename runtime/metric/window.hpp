// Trailing windows, made by merging the states of intervals. Row i merges the intervals whose ends are in
// (end_i - window, end_i].
//
// Exact metrics (deterministic, no context input) are merged by chunks of rows: the intervals shared by all windows of a chunk
// are merged once, so a row costs a few merges instead of one per interval of its window. Other metrics are merged in time
// order, with one begin() per row, because the result may depend on the order and on begin().
#pragma once

#include "runtime/metric/step_states.hpp"

#include <functional>
#include <vector>

namespace mole::runtime {

// Calls `row` with the merged state for every interval of the block and every group that has a state in its window, group by
// group, the intervals of a group in no particular order. `cells`: the cells of this block (complete) and of the earlier
// blocks that the windows cover. Saved states of cells are loaded as needed and may be dropped afterwards. `routers`: members of
// the router dimension.
Result<> merge_windows(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers,
                       const std::function<Result<>(Cell)>& row);

}  // namespace mole::runtime
