// A mergeable step fed by the rows of upstream modules: one state per interval and group of those rows.
#pragma once

#include "runtime/metric/flow_step.hpp"
#include "runtime/metric/step_states.hpp"

#include <string>
#include <vector>

namespace mole::runtime {

// The cells of the block, complete and sorted. A row of coverage 0 is a gap and a null is no value: neither is fed, but
// their cell stands. Evidence is that of the upstream rows: of the first rows input, with the least coverage of all.
Result<std::vector<Cell>> run_rows(const OpenStep& step, const std::vector<std::string>& routers);

// Evidence of intervals and dense groups as the upstream rows of `step` tell it; none where there is no row.
EvidenceOf upstream_evidence(const OpenStep& step);

// Routers that occur in the upstream rows, sorted; empty if `by` has no router.
std::vector<std::string> upstream_routers(const OpenStep& step);

}  // namespace mole::runtime
