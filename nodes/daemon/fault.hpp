// Decides which plugin is at fault when a worker did not finish its task.
#pragma once

#include "nodes/daemon/evidence.hpp"
#include "nodes/process/child.hpp"
#include "sdk/model/task.hpp"

namespace mole::nodes {

// The observations of the daemon on a worker, in addition to the report.
struct WorkerRun {
  Ending ending;
  std::optional<PluginCall> call;  // the last call that the worker recorded
  std::string log_tail;
  Micros wall_limit = 0, stall_limit = 0;
};

// Completes the report of a run that left steps undone. The step whose plugin was being called becomes "failed" with the code
// "crashed", "hung" or "exhausted"; the other steps stay "not_run". A decoder or downloader at fault fails the whole task, and
// so does a worker that died in its own code before any step was done ("internal", or "exhausted" if the system killed it).
// The report of a run that left nothing undone is returned unchanged.
task::Report assign_fault(task::Report report, const task::Spec& spec, const WorkerRun& run);

}  // namespace mole::nodes
