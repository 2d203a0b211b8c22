// Reads and checks the routing tables of a manifest and stores them as blobs for nodes. Takes no lock.
#pragma once

#include "coordinator/dag/routing_tables.hpp"
#include "coordinator/requests/request.hpp"
#include "coordinator/store/blobs.hpp"
#include "coordinator/store/records.hpp"

namespace mole::coordinator::control {

class RoutingTables {
 public:
  RoutingTables(const store::Records& records, store::Blobs& blobs, std::function<Micros()> wall)
      : records_(records), blobs_(blobs), wall_(std::move(wall)) {}

  // Returns the digest of a table's file. Reads the file only if it is new or changed: a folder may contain years of tables.
  Result<Digest> digest(const std::filesystem::path& path) const;
  // Checks the tables that a request for `range` of `part` may need, and sets their unusable lines in `graph`, of which `part` is
  // a part. invalid: a table cannot be used.
  Result<> check(const std::vector<dag::TableFile>& files, const dag::Graph& part, TimeRange range, dag::Graph& graph) const;
  // Checks these tables and stores them as blobs; afterwards their files may change.
  Result<> keep(const std::vector<dag::TableFile>& files, const dag::Graph& graph, TimeRange range) const;
  // Stores a table again whose blob is lost. Returns whether its file still has this content.
  bool restore(const Digest& digest) const;

 private:
  Result<UnusableLines> check_one(const dag::TableFile& file, const std::string& format) const;
  void save(const std::string& key, const nlohmann::json& row) const;

  const store::Records& records_;
  store::Blobs& blobs_;
  std::function<Micros()> wall_;
};

// transient: `running` computes a module of `request` from different tables, but a running job has only one key.
Result<> check_tables_agree(const requests::Request& request, const requests::Request& running);

}  // namespace mole::coordinator::control
