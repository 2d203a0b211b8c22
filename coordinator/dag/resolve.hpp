// Manifest -> Graph: looks every name up and says no in one sentence.
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/dag/routing_tables.hpp"
#include "coordinator/manifest/manifest.hpp"
#include "sdk/descriptor/sidecar.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mole::coordinator::dag {

// A library some module of the graph needs, still in its folder.
struct Library {
  std::string name, version;  // of the plugin that asked for it
  bool development = false;
  Digest digest;
  std::filesystem::path path;
};

struct Resolved {
  Graph graph;
  std::vector<Library> libraries;
  std::vector<TableFile> tables;
};

// `base`: folder against which parameters of format "path" and files of resources are resolved. `digest`: of a routing table's
// file. invalid, missing: "<place>: cause; remedy".
Result<Resolved> resolve(const manifest::Manifest& manifest, const PluginCatalogue& plugins, const std::string& base,
                         const DigestOf& digest = digest_of_file);

// Fills `parts` and `fingerprint` of every module, in order. Part of resolve; here for tests.
void set_fingerprints(Graph& graph);

}  // namespace mole::coordinator::dag
