#include "coordinator/control/places.hpp"

namespace mole::coordinator::control {
namespace {

// Returns the former place as the manifest would contain it.
std::string moved_from(const dag::Place& was, const dag::Place& is) {
  const auto params = "params: " + was.params.dump() + "}";
  return was.downloader == is.downloader ? "{" + params : "{downloader: " + was.downloader + ", " + params;
}

Error other_place(const dag::Graph& graph, const dag::Archive& archive, const dag::Place& was) {
  return invalid("the pipeline \"" + graph.pipeline + "\" has results from " + text_of(was) + ", but its archive \"" +
                 archive.name + "\" is now " + text_of(archive.identity) +
                 "; give the pipeline another name, or use another --state. If the archive has moved, add \"moved_from: " +
                 moved_from(was, archive.identity) + "\" to it");
}

}  // namespace

dag::Graph without_overridden(const dag::Graph& graph, const std::set<std::string>& overridden) {
  std::vector<std::uint32_t> plain;
  for (std::uint32_t m = 0; m < graph.modules.size(); ++m)
    if (!overridden.contains(graph.modules[m].name)) plain.push_back(m);
  return dag::prune(graph, plain);
}

Result<> check_places(const store::Records& records, const std::map<std::string, ModuleRow>& rows, const dag::Graph& graph) {
  std::map<Digest, SharedGraph> graphs;
  for (auto at = rows.lower_bound(graph.pipeline + "/"); at != rows.end() && at->first.starts_with(graph.pipeline + "/"); ++at) {
    const auto& [name, row] = *at;
    if (row.fingerprint.empty() || !records.has_results(row.fingerprint)) continue;
    auto& stored = graphs[row.revision];
    if (!stored) {
      MOLE_TRY(stored, read_graph(records, row.revision));
    }
    const auto m = stored->find_module(local_name(name));
    if (!m) continue;
    const auto part = dag::prune(*stored, {*m});
    for (const auto& archive : graph.archives)
      if (const auto a = part.find_archive(archive.name); a && part.archives[*a].identity != archive.identity)
        return other_place(graph, archive, part.archives[*a].identity);
  }
  return {};
}

}  // namespace mole::coordinator::control
