// The origin of a value: the worker's lineage with its task and node, and the differences from the previous run of the job.
// Row layout: docs/formats/store.md.
#pragma once

#include "coordinator/jobs/plan.hpp"
#include "coordinator/wire/documents/explanation.hpp"
#include "coordinator/wire/node_api.hpp"

namespace mole::coordinator::requests {

// Returns the stored record of a completed step: {"task","kind","node","worker"}, "flows_from" if it read flows,
// and "sandbox" if the node reported what separated its worker from it.
nlohmann::json lineage_of(const Completion& completion, const task::StepReport& report);
// Returns the record for Api::why: with plugin, archive, files, inputs and states copied from "worker", and times as strings.
nlohmann::json expand(const nlohmann::json& record);

// Returns the components of a job's keys besides its fingerprint: one string per file slot, upstream result and chained state,
// and one digest for all states that a window needs.
nlohmann::json inputs_now(const jobs::Plan& plan, std::size_t module, std::int64_t block);

// Returns the differences of two results of inputs_now, [{"part","was","is"}], at most `limit`.
std::vector<KeyChange> changed_inputs(const nlohmann::json& was, const nlohmann::json& is, std::size_t limit);
// Returns the differences of the parts of two fingerprints ("params.ddof"), [{"part","was","is"}].
std::vector<KeyChange> changed_parts(const nlohmann::json& was, const nlohmann::json& is);
// Formats differences in one line: "params.ddof 0 -> 1, file x.bz2 missing -> revision 1".
std::string sentence_of(const std::vector<KeyChange>& changes);

}  // namespace mole::coordinator::requests
