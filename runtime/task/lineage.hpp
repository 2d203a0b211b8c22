// Where a step's numbers come from, as JSON (docs/formats/lineage.md): plugin, files, ranges lost, upstream rows and states.
// Nothing of the run (hosts, times, attempts) stands in it: equal inputs give equal lineage.
#pragma once

#include "runtime/task/step_run.hpp"
#include "sdk/model/task.hpp"

#include <nlohmann/json.hpp>

#include <vector>

namespace mole::runtime {

// `files`: what reading the task's files showed, in their order.
nlohmann::json lineage_of(const StepRun& run, const task::Spec& spec, const std::vector<task::FileReport>& files);

}  // namespace mole::runtime
