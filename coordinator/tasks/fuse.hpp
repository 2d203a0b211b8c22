// One task for one block: every job over it that can run now, in an order in which inputs come before their readers, so that
// a file is decoded once for all of them.
#pragma once

#include "coordinator/jobs/plan.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace mole::coordinator::tasks {

struct FusedStep {
  std::uint32_t module = 0;
  bool make_state = false, make_result = false;
};

// A block of one of the plan's grids.
struct BlockRef {
  std::uint32_t grid = 0;
  std::int64_t number = 0;
  auto operator<=>(const BlockRef&) const = default;
};

// The steps that can run now; empty: none. `available(module)` says no for a job that is leased, delayed or given up.
// At most `limit` steps.
std::vector<FusedStep> fuse(const jobs::Plan& plan, BlockRef block, std::size_t limit,
                            const std::function<bool(std::uint32_t module)>& available);

// The step makes (part of) what the plan still needs: whether it reads flows or rows, and not only states.
bool reads_inputs(const dag::Module& module, const FusedStep& step);

}  // namespace mole::coordinator::tasks
