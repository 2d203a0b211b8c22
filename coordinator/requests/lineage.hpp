// Where a number comes from: what the coordinator knows of a finished job (docs/formats/store.md), and in what that
// differs from the time before.
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/jobs/plan.hpp"
#include "coordinator/wire/api.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>

namespace mole::coordinator::requests {

// The record of one step of a completion: plugin, files with what was read of them, rows and states it was made from.
nlohmann::json lineage_of(const Completion& completion, const task::StepReport& report);

// What a job would be computed from now, in the same shape as far as it decides keys: "files", "inputs", "states".
nlohmann::json inputs_now(const jobs::Plan& plan, std::size_t module, std::int64_t block);

// [{"part","was","is"}]: files that came, went or changed, upstream results and states with other keys. `was`: a lineage
// record, `is`: another, or inputs_now. At most `limit`.
nlohmann::json changed_inputs(const nlohmann::json& was, const nlohmann::json& is, std::size_t limit);
// [{"part","was","is"}] between the parts of two fingerprints ("params.ddof").
nlohmann::json changed_parts(const nlohmann::json& was, const nlohmann::json& is);
// "params.ddof 0 -> 1, file x.bz2 missing -> revision 1": for one line.
std::string sentence_of(const nlohmann::json& changes);

}  // namespace mole::coordinator::requests
