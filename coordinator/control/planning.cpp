#include "coordinator/control/planning.hpp"

#include "coordinator/manifest/file_pattern.hpp"
#include "coordinator/store/keys.hpp"

namespace mole::coordinator::control {

Result<SharedGraph> read_graph(const store::Records& records, const Digest& revision) {
  const auto row = records.json(store::Table::revisions, store::keys::bytes_of(revision));
  if (!row.is_object())
    return corrupt("the pipeline revision " + revision.hex() + " is missing from the store; restore the store from a backup");
  return std::make_shared<const dag::Graph>(dag::graph_from_json(row));
}

std::shared_ptr<const jobs::ArchiveIndex> read_index(const store::Records& records, const dag::Graph& graph,
                                                     const dag::Archive& archive) {
  std::vector<task::File> files;
  const auto pattern = manifest::FilePattern::parse(archive.files);
  records.scan_files(graph.full_name(archive), [&](const std::string& id, const store::FileRow& row) {
    const auto parts = row.gone || !pattern ? std::nullopt : pattern->match(id, archive.covers);
    if (parts) files.push_back({id, row.size, row.revision, parts->router, parts->sequence, parts->covers, true, row.version});
  });
  return std::make_shared<const jobs::ArchiveIndex>(std::move(files), archive.covers);
}

Result<jobs::Plan> make_plan(const store::Records& records, SharedGraph graph, PlanInputs inputs,
                             const jobs::PlanRequest& request) {
  for (std::size_t a = 0; a < graph->archives.size(); ++a) {
    const auto& archive = graph->archives[a];
    if (records.json(store::Table::archives, graph->full_name(archive)).is_null())
      return missing("the archive \"" + archive.name + "\" has not been listed yet; run mole archive index first");
    if (!inputs.indexes[a]) inputs.indexes[a] = read_index(records, *graph, archive);
  }
  return jobs::make_plan(
      std::move(graph), std::move(inputs.indexes), request,
      [&](const Digest& fingerprint, TimeRange range, const auto& visit) { records.scan_keys(fingerprint, range, visit); },
      [&](std::uint32_t node) { return !inputs.lost_nodes.contains(node); });
}

std::string local_name(const std::string& full_name) { return full_name.substr(full_name.find('/') + 1); }

}  // namespace mole::coordinator::control
