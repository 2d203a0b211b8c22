// The files behind a `resources:` entry, and which of them holds when.
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/manifest/manifest.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace mole::coordinator::dag {

// A table the graph names, still in its folder.
struct TableFile {
  std::uint32_t resource = 0;  // index into Graph::resources
  RoutingTable table;
  std::filesystem::path path;
};

// Digest of a file's bytes; a caller that has seen the file before may know it.
using DigestOf = std::function<Result<Digest>(const std::filesystem::path&)>;

// Every file that `files` matches, in time order; `base`: the manifest's folder. A date is written 2007-09-22 or 20070922.
// invalid, missing: no file matches, two say the same date, one cannot be read or is no file.
Result<std::vector<TableFile>> find_tables(const manifest::Resource& resource, const std::filesystem::path& base,
                                           const DigestOf& digest);

// The tables that are used over `reach`, in pieces without holes: of those that begin at or before a time the latest. A piece of
// no table comes first if the first table begins later than `reach` does.
std::vector<task::RouteTable> routes_over(const Resource& resource, TimeRange reach);

// The parts of `reach` for which there is no table: what is taken instead, in words. Empty: there is one for all of it.
std::vector<std::string> missing_tables(const Resource& resource, TimeRange reach);

}  // namespace mole::coordinator::dag
