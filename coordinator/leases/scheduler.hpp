// Who gets which task, and what follows from what nodes report. A pure machine: time and randomness are arguments, there is
// no IO, no thread, no clock; the service around it turns what it answers into store writes. One caller at a time.
//
// Correctness never depends on a lease (reliability.md 0.1): what counts is that a completion carries the keys that are wanted
// now. Leases only keep two nodes from doing the same work.
#pragma once

#include "coordinator/jobs/plan.hpp"
#include "coordinator/tasks/grant.hpp"
#include "coordinator/wire/node_api.hpp"

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace mole::coordinator::leases {

using Random = std::mt19937_64;
using tasks::Grant;
using tasks::GrantedStep;
using tasks::JobKey;

struct Settings {
  Micros lease = 60 * second_us;
  Micros heartbeat = 10 * second_us;
  Micros infra_delay = 5 * second_us, infra_delay_cap = 15 * minute_us;
  Micros plugin_delay = 2 * second_us, plugin_delay_cap = hour_us;
  std::uint32_t plugin_attempts = 3;  // then the job is given up
  std::uint32_t infra_attempts = 20;
  std::uint32_t exhausted_attempts = 3;  // that end "exhausted" with the same message
  Micros lost_after = 10 * minute_us;    // after its leases ended, a silent node's states count as gone
  std::size_t max_grants = 100;          // in one answer
};

// Work without jobs: listing an archive, reading its files.
struct ArchiveTask {
  std::uint64_t id = 0;
  std::string kind;     // "index" or "verify"
  std::string archive;  // "pipeline/archive"
  TimeRange block;      // verify: the files to read
};

// What is remembered of a job that did not go well. Durable as a row of table "failures".
struct FailureRecord {
  std::uint32_t plugin_failures = 0, infra_failures = 0;
  std::uint32_t repeats = 0;  // how often in a row the same was exhausted; not stored
  bool given_up = false;
  std::string code, message, log_tail;
};

struct SettledStep {
  std::size_t step = 0;  // index into the report's steps
  JobKey job;
  bool state = false, result = false;  // what was new
  bool had_failures = false;           // there is a row of "failures" to forget
};

// What follows from one completion.
struct Settled {
  std::string verdict;  // Api::complete
  bool live = false;    // the report came under a current lease
  std::vector<SettledStep> accepted, duplicates;
  std::vector<std::pair<JobKey, FailureRecord>> failures;  // rows to write
  std::optional<ArchiveTask> archive_task;                 // the index or verify task that ended
  std::uint64_t request = 0;                               // of the lease
};

struct JobCounts {
  std::uint64_t total = 0, done = 0, failed = 0, running = 0, waiting = 0, blocked = 0;
};

struct NodeView {
  NodeInfo info;
  Micros heard = 0;
  bool draining = false;
  std::size_t leases = 0;
};

class Scheduler {
 public:
  Scheduler(Settings settings, std::uint64_t epoch) : settings_(settings), epoch_(epoch) {}

  // ---- work
  void set_plan(std::uint64_t request, std::int32_t priority,
                jobs::Plan plan);  // also replaces; leases on other keys are cancelled
  void add_archive_task(std::uint64_t request, std::int32_t priority, ArchiveTask archive_task);
  void remove_archive_tasks(std::uint64_t request, const std::string& archive);  // someone else did them
  void drop(std::uint64_t request);  // its leases are cancelled unless another request wants them
  const jobs::Plan* plan(std::uint64_t request) const;
  std::optional<ArchiveTask> archive_task(std::uint64_t request, std::uint64_t id) const;
  bool has_archive_tasks(std::uint64_t request) const;
  // Nothing left that can be done: every job is there, failed, blocked or waiting.
  bool exhausted(std::uint64_t request) const;
  JobCounts counts(std::uint64_t request) const;
  bool running(const JobKey& job) const { return inflight_.contains(job); }
  void remember(const JobKey& job, FailureRecord failure) { failures_[job] = std::move(failure); }  // from the store, at start
  void forget(const JobKey& job) {
    failures_.erase(job);
    not_before_.erase(job);
  }
  const FailureRecord* failure(const JobKey& job) const;

  // ---- nodes
  Registration register_node(const NodeInfo& node, Micros now);
  // transient: unknown incarnation, register first.
  Result<std::vector<Grant>> lease(const LeaseRequest& ask, Micros now, Random& random);
  // A lease of the coordinator's earlier life, as it was stored: the node gets a full lease to be heard again. False: nobody
  // wants what it computes. Call after the plans are set.
  bool adopt(Grant grant, const std::string& node, const std::string& incarnation, Micros now);
  HeartbeatReply heartbeat(const Heartbeat& beat, Micros now);
  void release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks, Micros now);
  Settled complete(const Completion& completion, Micros now, Random& random);
  void drain(const std::string& node, bool on);
  // Ends overdue leases. Returns nodes that have been silent for so long that their states count as gone, each once, whichever
  // call noticed.
  std::vector<std::string> tick(Micros now);

  std::vector<NodeView> nodes() const;
  std::size_t lease_count() const { return leases_.size(); }
  std::vector<std::pair<Grant, TaskProgress>> leases_of(std::uint64_t request) const;
  const Grant* grant(const std::string& id) const;  // null: not leased
  bool leased(const std::string& id) const { return leases_.contains(id); }

 private:
  struct Node {
    NodeInfo info;
    Micros heard = 0;
    bool draining = false, told_to_drain = false, lost = false;
    std::vector<std::string> cancel;
  };
  struct Lease {
    Grant grant;
    std::string node, incarnation;
    Micros deadline = 0;
    TaskProgress progress;
  };
  struct PendingArchiveTask {
    ArchiveTask task;
    bool leased = false;
    Micros not_before = 0;
    std::uint32_t failures = 0;
  };
  struct Work {
    std::int32_t priority = 0;
    std::optional<jobs::Plan> plan;
    std::map<Digest, std::uint32_t> module_of;                // fingerprint -> module
    std::set<std::pair<Micros, tasks::BlockRef>> candidates;  // blocks something may be ready in, oldest first
    std::multimap<Micros, tasks::BlockRef> delayed;           // become candidates again
    std::map<tasks::BlockRef, std::size_t> bisect;            // after a crash without culprit: at most so many steps
    std::map<tasks::BlockRef, std::string> worked_by;         // node that took or did a block last; "": it failed there
    std::vector<PendingArchiveTask> archive_tasks;
    std::int64_t live = 0;   // jobs that can still be done
    std::int64_t reach = 0;  // how many later blocks a completion may set free
  };

  void advance(Micros now);
  Work& work_of(std::uint64_t request, std::int32_t priority);
  void refresh(Work& work);
  void add_candidates(Work& work, tasks::BlockRef ref);
  void delay(Work& work, tasks::BlockRef ref, Micros until) { work.delayed.emplace(until, ref); }
  std::optional<Grant> next_grant(const std::string& node, Micros now);
  std::optional<Grant> next_archive_task(std::uint64_t request, Work& work, Micros now);
  std::optional<Grant> next_task(std::uint64_t request, Work& work, const std::string& node, Micros now);
  std::size_t blocks_compared() const;
  std::optional<tasks::BlockRef> next_block(const Work& work, const std::string& node) const;
  std::vector<tasks::BlockRef> oldest_blocks(const Work& work) const;
  bool comes_next(const Work& work, tasks::BlockRef ref) const;
  Grant grant_of(std::uint64_t request, const Work& work, tasks::BlockRef ref, const std::vector<tasks::FusedStep>& steps);
  std::vector<tasks::FusedStep> choose_steps(const Work& work, tasks::BlockRef ref, Micros now) const;
  Grant make_grant(std::uint64_t request);
  void end_lease(const std::string& id, bool cancel_at_node);
  void reopen(const Grant& grant, Micros not_before);
  bool wanted_elsewhere(const Grant& grant) const;
  bool accept(const Completion& completion, std::size_t i, Settled& settled);
  void note_failure(const Grant& grant, const task::StepReport& step, bool infra, const Completion& completion, Micros now,
                    Random& random, Settled& settled);
  void note_task_failure(const Grant& grant, const Completion& completion, Micros now, Random& random, Settled& settled);
  void settle_archive_task(const Grant& grant, const Completion& completion, Micros now, Random& random, Settled& settled);
  void record_failure(const JobKey& job, const FailureRecord& failure, Micros until);
  Micros backoff(Micros base, Micros cap, std::uint32_t failures, Random& random) const;
  static bool given_up_at_once(const Completion& completion, const task::StepReport& step);

  Settings settings_;
  std::uint64_t epoch_;
  std::uint64_t seq_ = 0;
  Micros last_tick_ = 0, healthy_since_ = 0;
  bool ticked_ = false;
  std::vector<std::string> lost_;  // not told yet
  std::map<std::string, Node> nodes_;
  std::map<std::string, Lease> leases_;
  std::map<std::uint64_t, Work> works_;
  std::map<JobKey, std::string> inflight_;  // -> lease
  std::map<JobKey, FailureRecord> failures_;
  std::map<JobKey, Micros> not_before_;  // of jobs that wait after a failure
};

}  // namespace mole::coordinator::leases
