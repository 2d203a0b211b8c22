// Failures of unfinished jobs: how often each failed, when to try again, and which are abandoned.
#pragma once

#include "coordinator/tasks/fuse.hpp"

#include <random>
#include <set>

namespace mole::coordinator::leases {

using Random = std::mt19937_64;
using tasks::JobKey;

struct Settings {
  Micros lease = 60 * second_us;
  Micros heartbeat = 10 * second_us;
  Micros infra_delay = 5 * second_us, infra_delay_cap = 15 * minute_us;
  Micros plugin_delay = 2 * second_us, plugin_delay_cap = hour_us;
  std::uint32_t plugin_attempts = 3;  // then the job is abandoned
  std::uint32_t hung_attempts = 2;    // the same if it hangs, because every attempt costs the node's whole stall limit
  std::uint32_t hung_blocks = 3;      // then all other blocks of the module are abandoned, unless one of it succeeds before
  std::uint32_t infra_attempts = 20;
  std::uint32_t lost_attempts = 5;  // the same if its node ends each time while it runs alone there
  Micros lease_limit = 2 * day_us;  // however often it is renewed, except for tasks of kind fetch, which wait for tapes
  std::uint32_t file_attempts = 4;  // to fetch a file (file_failures.hpp)
  std::uint32_t node_ends = 5;      // in a row; then a node is quarantined (node_health.hpp)
  Micros quarantine = minute_us, quarantine_cap = hour_us;
  std::uint32_t exhausted_attempts = 3;  // consecutive failures with code "exhausted", alone or with the same message
  Micros lost_after = 10 * minute_us;    // a node that is silent this long after its leases ended is lost, with its states
  std::size_t max_grants = 100;          // in one reply
  std::vector<SandboxPart> require_sandbox = {};  // of every node
};

// Stored as a row of the table "failures".
struct FailureRecord {
  std::uint32_t plugin_failures = 0, infra_failures = 0;
  std::uint32_t repeats = 0;           // consecutive "exhausted" failures, alone or with the same message; not stored
  std::uint32_t lost = 0;              // how often its node ended, or went silent, while it ran
  std::uint32_t lost_alone = 0;        // while nothing else ran there; not stored
  std::set<std::string> lost_on = {};  // these nodes; not stored
  bool given_up = false;
  task::FailureCode code = task::FailureCode::none;
  std::string message, log_tail;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FailureRecord, plugin_failures, infra_failures, lost, given_up, code, message,
                                                log_tail)

// One failure of a job, as reported.
struct Failure {
  task::FailureCode code = task::FailureCode::none;
  std::string message, log_tail;
  bool infra = false;      // caused by the machine rather than the plugin
  bool permanent = false;  // another attempt would fail the same way
  bool alone = false;      // its task had no other job
};

// How a node ended.
struct Loss {
  std::string node;
  bool alone = false;     // it ran nothing else
  std::size_t nodes = 0;  // that exist
};

// Whether a code means that the machine failed rather than the plugin, so that the job is tried again on any node.
bool is_infra_failure(task::FailureCode code);

// Returns the base, doubled for each failure after the first.
Micros doubled(Micros base, Micros cap, std::uint32_t failures);

// Returns an exponential delay with jitter: between half of the delay and all of it.
Micros backoff(Micros base, Micros cap, std::uint32_t failures, Random& random);

class FailureLog {
 public:
  // Counts one more failure. Returns the time of the next attempt.
  Micros add(const JobKey& job, const Failure& failure, const Settings& settings, Micros now, Random& random);
  // Counts that the node which ran the job ended. Returns the time of the next attempt.
  Micros lose(const JobKey& job, const Loss& loss, const Settings& settings, Micros now);
  // The jobs that were lost at least twice and are not abandoned: each runs alone on its node.
  const std::set<JobKey>& lost_twice() const { return lost_twice_; }
  void restore(const JobKey& job, FailureRecord record);
  // Abandons a job without an attempt, because its module hung in other blocks.
  void skip(const JobKey& job, const std::string& message);
  // The blocks in which the module was abandoned because it hung, since it last succeeded.
  std::uint32_t hung_blocks(const Digest& fingerprint) const;
  bool erase(const JobKey& job);   // after a success; returns whether there was a record
  void forget(const JobKey& job);  // as if the job and its module had never failed
  // Whether a job of the module used up the memory of a worker that ran nothing else: its other jobs run alone, too.
  bool is_greedy(const Digest& fingerprint) const { return greedy_.contains(fingerprint); }

  const FailureRecord* find(const JobKey& job) const;
  bool is_due(const JobKey& job, Micros now) const;  // whether the delay after the last failure is over
  // Returns the first record of a module; its records are in order of time.
  auto begin_of(const Digest& fingerprint) const { return records_.lower_bound({fingerprint, INT64_MIN}); }
  auto end() const { return records_.end(); }

 private:
  std::map<JobKey, FailureRecord> records_;
  std::map<JobKey, Micros> not_before_;
  std::set<JobKey> lost_twice_;
  std::set<Digest> greedy_;                  // see is_greedy
  std::map<Digest, std::uint32_t> hanging_;  // see hung_blocks: their other jobs have one attempt
};

}  // namespace mole::coordinator::leases
