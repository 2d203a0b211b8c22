#include "coordinator/control/planning.hpp"

#include "coordinator/jobs/archive_files.hpp"
#include "coordinator/store/keys.hpp"

namespace mole::coordinator::control {

Result<SharedGraph> read_graph(const store::Records& records, const Digest& revision) {
  const auto row = records.json(store::Table::revisions, store::keys::bytes_of(revision));
  if (!row.is_object())
    return corrupt("the pipeline revision " + revision.hex() + " is missing from the store; restore the store from a backup");
  return std::make_shared<const dag::Graph>(dag::graph_from_json(row));
}

std::vector<task::PassedOver> passed_over(const store::Records& records, const std::string& index_name) {
  const auto listing = records.json(store::Table::archives, index_name);
  if (!listing.is_object()) return {};
  return listing.value("passed_over", std::vector<task::PassedOver>());
}

std::shared_ptr<const jobs::ArchiveIndex> read_index(const store::Records& records, const dag::Graph& graph,
                                                     const dag::Archive& archive, Micros wall) {
  const auto name = graph.index_name(archive);
  jobs::ArchiveFiles files(archive, wall, passed_over(records, name));
  records.scan_files(name, [&](const std::string& id, const store::FileRow& row) {
    if (!row.gone) files.add(id, row);
  });
  return std::make_shared<const jobs::ArchiveIndex>(std::move(files).index());
}

Result<jobs::Plan> make_plan(const store::Records& records, SharedGraph graph, PlanInputs inputs,
                             const jobs::PlanRequest& request) {
  for (std::size_t a = 0; a < graph->archives.size(); ++a) {
    const auto& archive = graph->archives[a];
    if (records.json(store::Table::archives, graph->index_name(archive)).is_null())
      return missing("the archive \"" + archive.name + "\" has not been listed yet; run mole archive index first");
    if (!inputs.indexes[a]) inputs.indexes[a] = read_index(records, *graph, archive, inputs.wall);
  }
  return jobs::make_plan(
      std::move(graph), std::move(inputs.indexes), request,
      [&](const Digest& fingerprint, TimeRange range, const auto& visit) { records.scan_keys(fingerprint, range, visit); },
      [&](std::uint32_t node) { return !inputs.lost_nodes.contains(node); });
}

Micros listed_at(const store::Records& records, const std::string& index_name) {
  const auto row = records.json(store::Table::archives, index_name);
  const auto listed = row.is_object() ? parse_time(row.value("listed", "")) : Result<Micros>(0);
  return listed ? *listed : 0;
}

std::string local_name(const std::string& full_name) {
  const auto name = full_name.substr(full_name.find('/') + 1);
  return name.substr(0, name.find('@'));
}

const dag::Archive& archive_named(const dag::Graph& graph, const std::string& name) {
  return graph.archives[*graph.find_archive(local_name(name))];
}

}  // namespace mole::coordinator::control
