// The routing tables of a task in memory: loaded on first use, shared, and kept in a small LRU list.
#pragma once

#include "runtime/routes/route_table.hpp"
#include "sdk/model/task.hpp"

#include <filesystem>
#include <list>
#include <memory>
#include <mutex>

namespace mole::runtime {

// Thread-safe. A returned table lives as long as its shared pointer.
class LoadedTables {
 public:
  // `folder`: contains a file for each table, named by its digest.
  explicit LoadedTables(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // invalid, corrupt, exhausted: the message names the table. A reference without a digest is an empty table.
  Result<std::shared_ptr<const RouteTable>> get(const task::RouteTableRef& table);

  // A table needs about 64 MiB. If a block needs more tables than this, they are read again for each router.
  static constexpr std::size_t max_kept = 3;

 private:
  Result<RouteTable> build(const task::RouteTableRef& table) const;

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::list<std::pair<Digest, std::shared_ptr<const RouteTable>>> kept_;  // most recently used first
};

}  // namespace mole::runtime
