// Trailing windows over the states of intervals (DESIGN: windows are made by merging). Row i merges the intervals whose
// ends lie in (end_i - window, end_i].
//
// Exact metrics (deterministic, no context input) are merged by chunks of rows: what all windows of a chunk share is merged
// once, so a row costs a few merges and not one per interval of its window. Others are merged in time order, every row
// afresh from its own begin(), because neither order nor an earlier begin() may show.
#pragma once

#include "runtime/metric/step_states.hpp"

#include <functional>
#include <vector>

namespace mole::runtime {

// `cells`: this block's (sorted, complete) and those of the blocks in reach, any order. Calls `row` for every interval of
// the block and every group that has a state in its window, group by group and in no order of intervals, with the merged state.
// States saved in cells are loaded on the way and may be dropped again. `routers`: members of the router dimension.
Result<> merge_windows(std::vector<Cell>& cells, const OpenStep& step, const std::vector<std::string>& routers,
                       const std::function<Result<>(Cell)>& row);

}  // namespace mole::runtime
