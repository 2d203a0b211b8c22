// Assigns tasks to nodes and evaluates the nodes' reports. Time and randomness are arguments; no I/O, threads or clocks are used.
// The service writes the results to the store. Not thread-safe.
//
// Correctness never depends on a lease: the completion of a granted task is accepted if its keys are still wanted.
// Leases only keep two nodes from doing the same work.
#pragma once

#include "coordinator/leases/breakers.hpp"
#include "coordinator/leases/grant_log.hpp"
#include "coordinator/leases/node_health.hpp"
#include "coordinator/leases/node_load.hpp"
#include "coordinator/leases/staging.hpp"
#include "coordinator/leases/task_times.hpp"
#include "coordinator/leases/work.hpp"
#include "coordinator/wire/documents/request.hpp"
#include "coordinator/wire/node_api.hpp"

#include <utility>

namespace mole::coordinator::leases {

// The effects of one completion.
struct Effects {
  Verdict verdict = Verdict::stale;
  bool live = false;  // the task was still leased to this node
  std::vector<SettledStep> accepted, duplicates;
  std::vector<std::pair<JobKey, FailureRecord>> failures;  // rows to write
  std::optional<ArchiveTask> archive_task;                 // the index or verify task that ended
  std::optional<TimedTask> time;                           // of a live task, if others can be estimated by it
  std::uint64_t request = 0;                               // of the lease
};

struct NodeView {
  NodeInfo info;
  Micros heard = 0;
  bool draining = false;
  std::size_t leases = 0;
  bool full = false, quarantined = false;
  std::string reason = {};  // why it takes no tasks
};

struct LeaseView {
  std::vector<std::uint64_t> requests;  // that need its task
  std::string node;
  TaskProgress progress;    // as last reported by the node
  std::string medium = {};  // fetch
};

// Why a lease ended before its task was completed.
enum class LeaseEnd : std::uint8_t { expired, released, restarted, cancelled };

struct EndedLease {
  std::string task, node;
  LeaseEnd why = LeaseEnd::expired;
};

class Scheduler {
 public:
  Scheduler(Settings settings, std::uint64_t epoch) : settings_(settings), epoch_(epoch) {}

  // ---- work
  // Sets or replaces the plan; leases on keys that are no longer wanted are cancelled.
  void set_plan(std::uint64_t request, std::int32_t priority, jobs::Plan plan);
  void add_archive_task(std::uint64_t request, std::int32_t priority, ArchiveTask task);
  void remove_archive_tasks(std::uint64_t request, const std::string& archive);
  void drop(std::uint64_t request);  // removes the request; leases that no other request needs are cancelled
  const jobs::Plan* plan(std::uint64_t request) const;
  std::optional<ArchiveTask> archive_task(std::uint64_t request, std::uint64_t id) const;
  bool has_archive_tasks(std::uint64_t request) const;
  bool exhausted(std::uint64_t request) const;  // whether every job is done, failed, blocked or waiting
  JobCounts counts(std::uint64_t request) const;
  std::string node_of(const JobKey& job) const;  // that holds its task; empty: none
  std::set<JobKey> running_jobs() const;
  void remember(const JobKey& job, FailureRecord failure) { failures_.restore(job, std::move(failure)); }
  void forget(const JobKey& job) { failures_.forget(job); }
  // Returns the media with files that blocks of the request wait for, those of most blocks first.
  std::vector<MediumWait> media(std::uint64_t request, Micros now) const;
  // Returns the unfinished blocks of a request that read files from media, the first ones.
  Stager::Wanted wanted(std::uint64_t request, std::size_t limit) const { return staging_.stager.wanted(request, limit); }
  // Returns the files that caches of nodes hold, as far as is known, with the names of the nodes.
  std::vector<std::pair<std::string, Digest>> held_files() const { return staging_.stager.held(); }
  const FailureRecord* failure(const JobKey& job) const { return failures_.find(job); }

  // ---- nodes
  // denied: an earlier incarnation of the node comes back, so two daemons use its name.
  Result<Registration> register_node(const NodeInfo& node, Micros now);
  void forget_node(const std::string& name);  // one that holds no lease
  // The number of drives of a library (library_of) that may be used now. Call before lease.
  void set_drives(const std::string& library, std::uint32_t drives, Micros now);
  // Whether there are nodes, but the workers of none have all these parts of a sandbox.
  bool lacks_sandbox(const std::vector<SandboxPart>& required) const;
  // What blocks wait for. Looks at the files that blocks wait for until it knows.
  MediaWait media_wait(Micros now) const { return staging_.stager.media_wait(now); }
  // Whether jobs wait for files on media.
  bool stages_files() const { return !staging_.stager.empty(); }
  // Null: no job wants the file any more.
  const MediumFile* medium_file(const Digest& key) const { return staging_.stager.find_file(key); }
  // The keys of the files of a compute task that other tasks of the node wait to read.
  std::set<Digest> shared_files(const std::string& node, const Grant& grant);
  // The keys of the files of a compute task that are in the cache of the node.
  std::set<Digest> staged_files(const std::string& node, const Grant& grant) const;
  // For a node that copies files from others: the address from which it copies each file of a compute task.
  std::map<Digest, std::string> peer_files(const std::string& node, const Grant& grant) const;
  bool needs_whole(const Digest& file) const { return staging_.stager.needs_whole(file); }  // its columns are not enough
  // Returns the files of an archive that the node kept for tasks that were withdrawn.
  std::vector<MediumFile> take_released(const std::string& node, const std::string& cache_name) {
    return staging_.stager.take_released(node, cache_name);
  }
  // transient: this incarnation is not registered.
  Result<std::vector<Grant>> lease(const LeaseRequest& request, Micros now);
  // Takes over a stored lease after a restart and gives the node a full lease to report. Returns false if no request needs the
  // task. Call after the plans are set.
  bool adopt(const Grant& grant, const std::string& node, const std::string& incarnation, Micros now);
  HeartbeatReply heartbeat(const Heartbeat& message, Micros now);
  void release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks, Micros now);
  // Whether the task was granted to the node that reports it. What other reports say must not change anything.
  bool was_granted(const Completion& completion) const { return grants_.has(completion); }
  // Call for granted tasks only.
  Effects complete(const Completion& completion, Micros now, Random& random);
  // Ends overdue leases. Returns the nodes lost since the last call: silent for so long that their states count as gone.
  std::vector<std::string> tick(Micros now);

  // Returns the quarantines of nodes that began or ended since the last call.
  std::vector<QuarantineChange> take_quarantines() { return health_.take_changes(); }

  // Returns the nodes that stopped taking tasks since the last call, and why, or began again (empty).
  std::vector<std::pair<std::string, std::string>> take_full() { return std::exchange(full_, {}); }

  std::vector<NodeView> nodes(Micros now) const;
  std::vector<LeaseView> leases() const;
  const Grant* grant(const std::string& id) const;  // null: not leased
  // Returns the leases that ended since the last call without a completion.
  std::vector<EndedLease> take_ended() { return std::exchange(ended_, {}); }
  // Returns the jobs that were abandoned since the last call because their node ended each time.
  std::vector<std::pair<JobKey, FailureRecord>> take_abandoned() { return std::exchange(abandoned_, {}); }

 private:
  struct Node {
    NodeInfo info;
    Micros heard = 0;
    bool draining = false, lost = false;
    std::string no_work = {};  // why it takes no tasks for the moment
    std::vector<std::string> cancel;
    std::deque<std::string> replaced = {};  // its last incarnations before this one
  };
  struct Lease {
    Grant grant;
    std::string node, incarnation;
    Micros deadline = 0, granted = 0;
    TaskProgress progress;
    bool alone = false;  // the node runs nothing else meanwhile, because earlier nodes ended with this job
  };

  void advance(Micros now);
  const Work* find_work(std::uint64_t request) const;
  bool is_wanted(const Grant& grant) const;
  void cancel_unwanted();
  void add_lease(const Grant& grant, const std::string& node, const std::string& incarnation, Micros now);
  void end_lease(const std::string& id, std::optional<LeaseEnd> why = {});  // no reason: completed
  void reopen_leases(const std::vector<std::string>& ids, LeaseEnd why, Micros now);
  void reopen(const Grant& grant, Micros not_before);

  void lose(const Lease& lease, Micros now);
  void count_ends(const std::vector<Lease>& lost, Micros now);
  void set_no_work(Node& node, const std::string& why);
  bool takes_tasks(const std::string& name, const Node& node, Micros now) const;
  std::vector<std::string> others_that_take_tasks(const std::string& node, Micros now) const;
  bool in_quarantine(const std::string& node, Micros now) const;
  bool is_idle(const std::string& node) const;
  bool runs_alone(const std::string& node) const;
  bool makes_room(const std::string& node, Micros now) const;
  void note_waiting(std::uint64_t request, const jobs::Plan& plan, BlockRef ref);
  void reopen_waiting();

  std::vector<std::string> idle_sources() const;
  bool serves(const Node& node) const;
  bool copies(const std::string& node) const;
  bool any_reaches_archives() const;
  bool leaves_block(const std::string& node, std::uint64_t request, const jobs::Plan& plan, BlockRef ref,
                    const std::vector<std::string>& idle) const;
  bool lacks_access(const Completion& completion) const;
  std::optional<Grant> next_fetch(const std::string& node, Micros now, bool idle);
  void add_ready(const std::string& node, const Grant& grant, const std::vector<std::uint32_t>& files);
  void settle_fetch(const std::optional<Grant>& grant, const Completion& completion, Micros now, Random& random);
  void fail_file(const Digest& key, task::FailureCode code, Micros now, Random& random);
  void fail_batch(const Grant& grant, const task::Report& report, const std::vector<Digest>& files, Micros now, Random& random);
  bool lose_files(const Completion& completion);
  void refresh_blocks(const Completion& completion, const Effects& effects);
  void reopen_staged();
  std::optional<Grant> next_grant(const std::string& node, Micros now);
  std::optional<Grant> next_archive_task(std::uint64_t request, Work& work, const Node& node, Micros now);
  std::optional<Grant> next_task(std::uint64_t request, Work& work, const std::string& node, Micros now);
  std::size_t max_compared() const;
  bool may_take(const std::string& node, const jobs::Plan& plan) const;
  bool is_running(const jobs::Plan& plan, BlockRef ref) const;
  std::vector<tasks::FusedStep> choose_steps(std::uint64_t request, const Work& work, BlockRef ref, const std::string& node,
                                             Micros now) const;
  Grant make_grant(std::uint64_t request);
  Grant make_grant(std::uint64_t request, const jobs::Plan& plan, BlockRef ref, const std::vector<tasks::FusedStep>& steps);

  bool accept(const Completion& completion, std::size_t i, Effects& effects);
  void fail_steps(const Grant& grant, const Completion& completion, Micros now, Random& random, Effects& effects);
  void fail_task(const Grant& grant, const Completion& completion, Micros now, Random& random, Effects& effects);
  void fail_job(const JobKey& job, const Failure& failure, Micros now, Random& random, Effects& effects);
  void give_up_module(const Digest& fingerprint, Micros now, Effects& effects);
  void settle_archive_task(const Grant& grant, const Completion& completion, Micros now, Random& random, Effects& effects);

  Settings settings_;
  std::uint64_t epoch_;
  std::uint64_t seq_ = 0;
  Micros last_tick_ = 0, healthy_since_ = 0;
  bool ticked_ = false;
  std::vector<std::string> lost_;                               // not yet returned by tick
  std::vector<std::pair<std::string, std::string>> full_;       // not yet returned by take_full
  std::vector<EndedLease> ended_;                               // not yet returned by take_ended
  std::vector<std::pair<JobKey, FailureRecord>> abandoned_;     // not yet returned by take_abandoned
  std::set<std::pair<std::uint64_t, BlockRef>> waiting_alone_;  // blocks with a job that waits for an idle node
  std::uint64_t turn_ = 0;                                      // counts grants of tasks, see Work::last_turn
  GrantLog grants_;
  std::map<std::string, Node> nodes_;
  std::map<std::string, Lease> leases_;
  std::map<std::uint64_t, Work> work_;      // by request
  std::map<JobKey, std::string> inflight_;  // -> lease
  FailureLog failures_;
  NodeHealth health_;
  Staging staging_;
  Breakers breakers_;
};

}  // namespace mole::coordinator::leases

namespace mole {

template <>
inline constexpr auto name_table<coordinator::leases::LeaseEnd> = [] {
  using enum coordinator::leases::LeaseEnd;
  return names<coordinator::leases::LeaseEnd>("LeaseEnd", "the end of a lease",
                                              {{expired, "lease expired", "no heartbeat named it in time"},
                                               {released, "released", "the node returned it"},
                                               {restarted, "node restarted", "its worker ended with the node"},
                                               {cancelled, "cancelled", "no request needs it"}});
}();

}  // namespace mole
