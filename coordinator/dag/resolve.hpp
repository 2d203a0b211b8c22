// Manifest -> Graph: looks up and checks every name.
#pragma once

#include "coordinator/dag/routing_tables.hpp"
#include "sdk/descriptor/sidecar.hpp"

namespace mole::coordinator::dag {

// A plugin library that the graph needs.
struct Library {
  std::string name, version;  // of the plugin
  bool development = false;
  Digest digest;
  std::filesystem::path path;
};

struct Resolution {
  Graph graph;
  std::vector<Library> libraries;
  std::vector<TableFile> tables;
};

// Parameters of format "path" and files of resources are relative to `base`. `digest` returns the digest of a routing table's
// file. `allow` is asked about each of these paths. invalid, missing, denied: "<position>: cause; remedy".
Result<Resolution> resolve(const manifest::Manifest& manifest, const PluginCatalogue& plugins, const std::string& base,
                           const DigestOf& digest = digest_of_file, const AllowPath& allow = {});

// Appends the folders of the manifest's "plugins" to `folders`, in ascending precedence; the first of the manifest comes last.
// missing: one does not exist. denied: `allow` says so.
Result<std::vector<std::filesystem::path>> plugin_folders(const manifest::Manifest& manifest, const std::string& base,
                                                          std::vector<std::filesystem::path> folders,
                                                          const AllowPath& allow = {});

}  // namespace mole::coordinator::dag
