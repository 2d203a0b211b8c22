// The routing tables of a `resources:` entry and the times for which each is used.
#pragma once

#include "coordinator/dag/graph.hpp"

#include <functional>

namespace mole::coordinator::dag {

// A routing table of the graph and its file.
struct TableFile {
  std::uint32_t resource = 0;  // index into Graph::resources
  RoutingTable table;
  std::filesystem::path path;
};

// Returns the digest of a file. An implementation may cache digests.
using DigestOf = std::function<Result<Digest>(const std::filesystem::path&)>;

// Says whether a path that a manifest names may be used. Called before anything is read there. denied: it may not. Empty: all
// may.
using AllowPath = std::function<Result<>(const std::filesystem::path&)>;

// Returns every file that matches `files`, in time order; relative paths start at `base`. Dates have the form 2007-09-22 or
// 20070922. invalid, missing: no file matches, two have the same date, or one cannot be read or is not a regular file.
Result<std::vector<TableFile>> find_tables(const manifest::Resource& resource, const std::filesystem::path& base,
                                           const DigestOf& digest, const AllowPath& allow = {});

// Returns the tables used over `reach`, as consecutive pieces: at each time, the table with the latest start. The first piece has
// no table if `reach` begins before the first table.
std::vector<task::RouteTableRef> routes_over(const Resource& resource, TimeRange reach);

// Returns a warning for each part of `reach` without a valid table, which states what is used instead, and for each table with
// unusable lines.
std::vector<std::string> table_warnings(const Resource& resource, TimeRange reach);

}  // namespace mole::coordinator::dag
