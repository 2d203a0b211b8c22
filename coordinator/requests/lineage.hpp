// Where a number comes from: the worker's lineage with who made it when, and in what a job differs from the time before.
// Row layout: docs/formats/store.md.
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/jobs/plan.hpp"
#include "coordinator/wire/documents/explanation.hpp"
#include "coordinator/wire/node_api.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace mole::coordinator::requests {

// The record of one step of a completion, as it is stored: {"task","kind","node","worker"}, and "flows_from" if
// it read flows.
nlohmann::json lineage_of(const Completion& completion, const task::StepReport& report);
// The same for people (Api::why): plugin, archive, files, inputs and states taken out of "worker", times as texts.
nlohmann::json expand(const nlohmann::json& record);

// What decides a job's keys beside its fingerprint: one text for each file slot, upstream result and chained state, one digest
// for all states a window reaches.
nlohmann::json inputs_now(const jobs::Plan& plan, std::size_t module, std::int64_t block);
// The name of that digest among the parts.
inline constexpr const char* window_part = "states its window reaches";

// [{"part","was","is"}] between two of inputs_now. At most `limit`.
std::vector<KeyChange> changed_inputs(const nlohmann::json& was, const nlohmann::json& is, std::size_t limit);
// [{"part","was","is"}] between the parts of two fingerprints ("params.ddof").
std::vector<KeyChange> changed_parts(const nlohmann::json& was, const nlohmann::json& is);
// "params.ddof 0 -> 1, file x.bz2 missing -> revision 1": for one line.
std::string sentence_of(const std::vector<KeyChange>& changes);

}  // namespace mole::coordinator::requests
