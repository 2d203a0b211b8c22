// The routing tables of a task in memory: each is read once, kept while there is room, and shared.
#pragma once

#include "runtime/routes/route_table.hpp"
#include "sdk/model/task.hpp"

#include <filesystem>
#include <list>
#include <memory>
#include <mutex>

namespace mole::runtime {

// Thread-safe; who holds a table keeps it alive.
class LoadedTables {
 public:
  // `folder` holds a file for each table, named by its digest.
  explicit LoadedTables(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // invalid, corrupt, exhausted: the message names the table. A reference without a digest is an empty table.
  Result<std::shared_ptr<const RouteTable>> get(const task::RouteTable& table);

  // A table is some 64 MiB. A block that reaches over more days than this reads tables again, for each router.
  static constexpr std::size_t most_kept = 3;

 private:
  Result<std::shared_ptr<const RouteTable>> load(const task::RouteTable& table) const;

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::list<std::pair<Digest, std::shared_ptr<const RouteTable>>> kept_;  // last used first
};

}  // namespace mole::runtime
