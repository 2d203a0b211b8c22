// Makes plans from the store and from data in memory. Takes no lock.
#pragma once

#include "coordinator/jobs/plan.hpp"
#include "coordinator/store/records.hpp"

#include <set>

namespace mole::coordinator::control {

using SharedGraph = std::shared_ptr<const dag::Graph>;

struct PlanInputs {
  jobs::Indexes indexes;               // one per archive of the graph; null: read it from the store
  Micros wall = 0;                     // the present, to tell files of the future
  std::set<std::uint32_t> lost_nodes;  // states that only these nodes hold are computed again
};

Result<SharedGraph> read_graph(const store::Records& records, const Digest& revision);
// Returns the paths that the downloader did not list the last time.
std::vector<task::PassedOver> passed_over(const store::Records& records, const std::string& index_name);
std::shared_ptr<const jobs::ArchiveIndex> read_index(const store::Records& records, const dag::Graph& graph,
                                                     const dag::Archive& archive, Micros wall);
// missing: an archive of the graph has never been listed. Other errors as jobs::make_plan.
Result<jobs::Plan> make_plan(const store::Records& records, SharedGraph graph, PlanInputs inputs,
                             const jobs::PlanRequest& request);

// Returns when the index was listed last; 0: never.
Micros listed_at(const store::Records& records, const std::string& index_name);
// Returns "archive" for "pipeline/archive" and for the name of its index; the same for modules.
std::string local_name(const std::string& full_name);
// Returns the archive with one of these names; the graph must have it.
const dag::Archive& archive_named(const dag::Graph& graph, const std::string& name);

}  // namespace mole::coordinator::control
