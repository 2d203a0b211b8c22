// Combines all jobs over one block that can run now into one task, inputs before their readers, so that each file is decoded
// once.
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

// Returns at most `limit` steps that can run now. `available(module)` is false for a job that is leased, delayed or given up.
std::vector<FusedStep> fuse(const jobs::Plan& plan, BlockRef block, std::size_t limit,
                            const std::function<bool(std::uint32_t module)>& available);

// Whether the step reads flows or rows, and not only states.
bool reads_inputs(const dag::Module& module, const FusedStep& step);

}  // namespace mole::coordinator::tasks
