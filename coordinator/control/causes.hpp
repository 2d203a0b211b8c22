// Why a job is not computed, and what to do about it; for `explain`.
#pragma once

#include "coordinator/control/queries.hpp"
#include "coordinator/control/sandbox_text.hpp"

namespace mole::coordinator::control {

// The state of a job in the running requests.
struct LiveJob {
  std::vector<std::string> requests;  // that need it
  std::string waits, listing;         // for which files it waits; the request that is listing its archive
  std::string node;                   // that runs its task
  bool has_nodes = false;
  std::string lacks_sandbox;  // why no node may run it; empty: some may
};

LiveJob live_job(const State& state, const dag::Module& module, Micros from) MOLE_REQUIRES(service_mutex);

// Returns the failures of the abandoned jobs in a plan, the first 20.
std::vector<JobFailure> failures_in(const jobs::Plan& plan, const Failures& failures);

// Sets reason, remedy and command of a job that is not done. `request`: the latest one for its results.
void add_cause(const LiveJob& live, const Request& request, const std::string& module, TimeRange block, JobExplanation& out);

}  // namespace mole::coordinator::control
