// The database of a store. For the sources of this folder only.
#pragma once

#include "coordinator/store/acknowledged.hpp"
#include "coordinator/store/store.hpp"

#include <rocksdb/db.h>

#include <condition_variable>
#include <mutex>

namespace mole::coordinator::store {

rocksdb::ColumnFamilyOptions family_options();            // of each table
std::vector<rocksdb::ColumnFamilyDescriptor> families();  // of all tables, after the unused default family

struct Store::Rocks {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;  // [0] the unused default family, then the tables

  std::mutex mutex;  // guards the members below
  std::condition_variable sync_done;
  std::uint64_t written = 0, synced = 0;
  std::uint64_t last_request = 0;                // highest number written
  std::optional<AcknowledgedFile> acknowledged;  // used by the leader only
  bool leader = false;                           // some thread is in SyncWAL

  rocksdb::ColumnFamilyHandle* family(Table table) const { return handles[static_cast<std::size_t>(table) + 1]; }

  ~Rocks() {
    if (!db) return;
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);  // must precede Close(), which aborts otherwise
    db->Close();
  }
};

// Visits the rows with from <= key < to (empty `to`: to the end) as they are stored, in key order, until `visit` returns false.
// If a block cannot be read, calls `damaged`, once, and continues with the rows that are found from the other end.
void scan_stored(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, rocksdb::ReadOptions options, std::string_view from,
                 std::string_view to, const std::function<bool(std::string_view key, std::string_view sealed)>& visit,
                 const std::function<void(const std::string& why)>& damaged);

}  // namespace mole::coordinator::store
