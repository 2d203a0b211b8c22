// Who is to blame when a worker did not finish: the sealed report, completed.
#pragma once

#include "nodes/daemon/call_record.hpp"
#include "nodes/daemon/child.hpp"
#include "sdk/model/task.hpp"

namespace mole::nodes {

// What is known of a run besides its report.
struct Evidence {
  Ending ending;
  std::optional<PluginCall> call;  // the last one the worker noted
  std::string log_tail;
  Micros wall_limit = 0, stall_limit = 0;
};

// Names the culprit of what `report` says was not run: the step whose plugin was being called becomes "failed" with code
// "crashed", "hung" or "exhausted"; the others stay "not_run". A decoder or downloader fails the task as a whole, and so does
// a worker that died in its own code before any step was done ("internal", or "exhausted" when the system killed it).
// A run that left nothing undone is returned as it is.
task::Report judge(task::Report report, const task::Spec& spec, const Evidence& evidence);

// Last bytes of a log, at most 64 KiB of whole lines, control bytes and what is not UTF-8 written as \xNN.
std::string log_tail(const std::filesystem::path& log);

}  // namespace mole::nodes
