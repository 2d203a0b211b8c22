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

}  // namespace mole::coordinator::store
