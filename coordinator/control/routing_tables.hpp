// Routing tables on their way from the manifest's folder to the nodes: read, checked, kept as blobs. Takes no lock.
#pragma once

#include "coordinator/dag/routing_tables.hpp"
#include "coordinator/requests/request.hpp"
#include "coordinator/store/blobs.hpp"
#include "coordinator/store/records.hpp"

#include <filesystem>
#include <functional>
#include <vector>

namespace mole::coordinator::control {

class RoutingTables {
 public:
  RoutingTables(const store::Records& records, store::Blobs& blobs, std::function<Micros()> wall)
      : records_(records), blobs_(blobs), wall_(std::move(wall)) {}

  // Digest of a table's file. A file that was read before is read again only if it has changed: a folder may hold years of
  // tables.
  Result<Digest> digest(const std::filesystem::path& path) const;
  // Checks the tables that a request for `range` may need and keeps them as blobs; their files may change or go from then on.
  Result<> keep(const std::vector<dag::TableFile>& files, const dag::Graph& graph, TimeRange range) const;

 private:
  Result<> keep_one(const dag::TableFile& file, const std::string& format) const;

  const store::Records& records_;
  store::Blobs& blobs_;
  std::function<Micros()> wall_;
};

// transient: `running` computes a module that `request` also computes, from other tables. A job has one key, so it cannot be
// computed from both.
Result<> check_tables_agree(const requests::Request& request, const requests::Request& running);

}  // namespace mole::coordinator::control
