// Copies of the state for queries, which use them without the service's lock.
#pragma once

#include "coordinator/control/planning.hpp"
#include "coordinator/control/state.hpp"
#include "coordinator/jobs/plan.hpp"
#include "coordinator/leases/scheduler.hpp"
#include "coordinator/requests/request.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace mole::coordinator::control {

// A module of a running request's plan: the flags of its blocks at one moment.
struct PlannedModule {
  Digest fingerprint;
  jobs::Grid grid;
  std::int64_t first = 0;
  std::vector<std::uint8_t> flags;
};

struct LiveRequest {
  requests::Request request;
  std::vector<PlannedModule> modules;  // empty: not planned yet
};

struct Snapshot {
  store::Store::Snapshot stored;  // the store at the same moment
  std::map<std::uint64_t, LiveRequest> live;
  std::set<leases::JobKey> running;

  // Of a request in `live`.
  JobCounts counts(const LiveRequest& request) const;
};

Snapshot snapshot_of(const State& state) MOLE_REQUIRES(service_mutex);
LiveRequest copy_live(const State& state, const requests::Request& request) MOLE_REQUIRES(service_mutex);

// Derives the state of a planned block from its flags.
JobState job_state(std::uint8_t flags, bool running);

}  // namespace mole::coordinator::control
