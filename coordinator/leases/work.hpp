// The unfinished work of one request: its plan, the blocks in which jobs may be ready, and its archive tasks.
#pragma once

#include "coordinator/leases/failures.hpp"
#include "coordinator/wire/documents/request.hpp"

#include <set>

namespace mole::coordinator::leases {

using tasks::BlockRef;
using tasks::Grant;

// Work without jobs: listing an archive or reading its files.
struct ArchiveTask {
  std::uint64_t id = 0;
  task::Kind kind = task::Kind::index;    // index or verify
  std::string archive;                    // "pipeline/archive"
  TimeRange block;                        // verify: the files to read
  std::vector<SandboxPart> sandbox = {};  // that its node must have
};

struct PendingArchiveTask {
  ArchiveTask task;
  bool leased = false;
  Micros not_before = 0;
  std::uint32_t failures = 0;
};

struct SettledStep {
  std::size_t step = 0;  // index into the report's steps
  JobKey job;
  bool state = false, result = false;  // the parts that were made
  bool had_failures = false;           // its row of "failures" must be erased
};

// One step of a completed task.
struct StepResult {
  const task::Step& step;
  const task::StepReport& report;
  TimeRange block;
  const std::string& node;
};

bool is_live(std::uint8_t flags);                       // whether a planned job is needed and can still be done
void count_job(std::uint8_t flags, JobCounts& counts);  // adds a planned job to the counts, except to `running`

// Sets the flags of abandoned jobs and of those that they block. `visit_abandoned(fingerprint, visit)` calls visit(block start)
// for each abandoned job of a module.
void mark_failures(jobs::Plan& plan,
                   const std::function<void(const Digest&, const std::function<void(Micros)>&)>& visit_abandoned);

class Work {
 public:
  std::int32_t priority = 0;
  std::uint64_t last_turn = 0;  // when it last got a task: requests of equal priority take turns
  std::vector<PendingArchiveTask> archive_tasks;

  void set_plan(jobs::Plan plan);  // sets or replaces the plan. Call refresh afterwards.
  // Derives failed and blocked jobs, the number of live jobs and the candidates.
  void refresh(const FailureLog& failures);
  const jobs::Plan* plan() const { return plan_ ? &*plan_ : nullptr; }
  // Whether every job is done, failed, blocked or waiting.
  bool exhausted() const { return plan_ && live_ == 0 && archive_tasks.empty(); }
  // Whether the plan still needs something that the task computes, under the same keys.
  bool wants(const Grant& grant) const;
  bool is_live(const JobKey& job) const;  // whether the job is needed and can still be done
  // Calls visit(job) for each job of the module that is needed and can still be done.
  void visit_live(const Digest& fingerprint, const std::function<void(const JobKey&)>& visit) const;
  JobCounts counts() const;  // `running` is left 0

  // Marks the step's state and result as present. Sets in `fresh` which were needed, and in `known` which were present already.
  void accept(const StepResult& result, const FailureLog& failures, SettledStep& fresh, SettledStep& known);
  void fail(const JobKey& job, bool given_up, Micros until);  // delays the job until `until`, or abandons it
  void reopen(const JobKey& job);                             // makes the job's block a candidate again
  void reopen(BlockRef ref) { add_candidates(ref); }
  // After a crash without a known culprit: limits the number of steps in a task over this block.
  void limit_steps(BlockRef ref, std::size_t limit) { limits_[ref] = limit; }
  std::size_t max_steps(BlockRef ref) const;

  void wake(Micros now);  // makes blocks whose delay is over candidates again
  // Returns the candidate the node should work on next. `max_compared`: the number of oldest candidates to choose from.
  // `is_running(block)`: some job over the block is leased. `skip(block)`: only other nodes may take it; null: none is.
  std::optional<BlockRef> next_block(const std::string& node, std::size_t max_compared,
                                     const std::function<bool(BlockRef)>& is_running,
                                     const std::function<bool(BlockRef)>& skip = nullptr) const;
  void set_node(BlockRef ref, const std::string& node) { last_node_[ref] = node; }
  // Removes a candidate, and those after it for which `idle` returns true.
  void remove_candidates(BlockRef ref, const std::function<bool(BlockRef)>& idle);

 private:
  struct Location {
    std::size_t module;
    std::int64_t block;
  };
  std::optional<Location> locate(const JobKey& job) const;
  void add_candidates(BlockRef ref);
  std::pair<Micros, BlockRef> entry(BlockRef ref) const { return {plan_->grids[ref.grid].start(ref.number), ref}; }
  std::vector<BlockRef> oldest_candidates(std::size_t limit, const std::function<bool(BlockRef)>& skip) const;

  std::optional<jobs::Plan> plan_;
  std::map<Digest, std::size_t> modules_;             // by fingerprint
  std::set<std::pair<Micros, BlockRef>> candidates_;  // blocks in which jobs may be ready, oldest first
  std::multimap<Micros, BlockRef> delayed_;           // become candidates at this time
  std::map<BlockRef, std::size_t> limits_;            // see limit_steps
  std::map<BlockRef, std::string> last_node_;         // node that last leased or completed a block; "" after a failure
  std::int64_t live_ = 0;                             // jobs that can still be done
  std::int64_t reach_ = 0;                            // number of later blocks that may depend on one
};

}  // namespace mole::coordinator::leases
