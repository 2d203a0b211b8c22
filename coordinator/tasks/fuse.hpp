// Combines all jobs over one block that can run now into one task, inputs before their readers, so that each file is decoded
// once. A task that was leased to a node is a Grant, which contains only keys; spec_builder builds its task::Spec.
#pragma once

#include "coordinator/jobs/plan.hpp"

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

// One block of one module, whichever requests need it.
struct JobKey {
  Digest fingerprint;
  Micros from = 0;
  auto operator<=>(const JobKey&) const = default;
};

struct GrantedStep {
  FusedStep step;
  JobKey job;
  Digest state_key, result_key;
};

struct Grant {
  std::string id;  // "<epoch>-<seq>"
  std::uint64_t epoch = 0, seq = 0;
  task::Kind kind = task::Kind::compute;
  std::uint64_t request = 0;
  std::uint64_t archive_task = 0;  // index, verify
  std::uint64_t batch = 0;         // fetch: the stager's number
  std::string library, medium;     // fetch
  std::vector<Digest> files;       // fetch: keys, in the order of their positions
  bool mounts = false;             // fetch: its medium is not among those used last
  BlockRef ref;                    // compute, merge
  TimeRange block;
  std::vector<GrantedStep> steps;
};

// Returns at most `limit` steps that can run now. `available(module)` is false for a job that is leased, delayed or abandoned.
std::vector<FusedStep> fuse(const jobs::Plan& plan, BlockRef block, std::size_t limit,
                            const std::function<bool(std::uint32_t module)>& available);

// Whether the step reads flows or rows, and not only states.
bool reads_inputs(const dag::Module& module, const FusedStep& step);

}  // namespace mole::coordinator::tasks
