// A mergeable step that reads rows of upstream modules: one state per interval and group of those rows.
#pragma once

#include "runtime/metric/flow_step.hpp"
#include "runtime/metric/step_states.hpp"

#include <string>
#include <vector>

namespace mole::runtime {

// Returns the cells of the block, complete and sorted. Rows with coverage 0 (gaps) and nulls are not added to a state, but their
// cells exist. The coverage of a cell is that of the first rows input, with the lowest share of all inputs.
Result<std::vector<Cell>> run_rows(const OpenStep& step, const std::vector<std::string>& routers);

// Returns the coverage of intervals and dense groups according to the upstream rows of `step`; zero where there is no row.
CoverageOf upstream_coverage(const OpenStep& step);

// Returns the routers that occur in the upstream rows, sorted; empty if `by` has no router.
std::vector<std::string> upstream_routers(const OpenStep& step);

}  // namespace mole::runtime
