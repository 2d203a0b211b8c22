// The lineage of a step as JSON (docs/formats/lineage.md): plugin, files, lost ranges, upstream rows and states. It contains
// nothing about the run (hosts, times, attempts): equal inputs give equal lineage.
#pragma once

#include "runtime/task/step_run.hpp"
#include "sdk/model/task.hpp"

#include <nlohmann/json.hpp>

#include <vector>

namespace mole::runtime {

// `files`: the reports of the files read, in the order of the task.
nlohmann::json lineage_of(const StepRun& run, const task::Spec& spec, const std::vector<task::FileReport>& files);

}  // namespace mole::runtime
