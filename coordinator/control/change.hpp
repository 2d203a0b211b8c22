// The changes of one call: rows to write, files to write afterwards, and whether the reply must wait for the sync.
#pragma once

#include "coordinator/leases/scheduler.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/views/views.hpp"

#include <map>

namespace mole::coordinator::control {

// Used by one thread, under the service's lock.
class Change {
 public:
  explicit Change(const store::Records& records) : records_(records) {}

  store::Batch batch;
  views::Update views;

  // Returns the catalogue row of a job for editing; the first call reads it from the store.
  store::CatalogueRow& edit(const leases::JobKey& job);
  // Makes the rows so far visible to readers and planning. They are durable only after Store::sync of the returned ticket.
  std::uint64_t flush();

  // Makes the reply wait for the sync even if this change writes nothing, because an earlier change may not be durable yet.
  void require_sync() { must_sync_ = true; }
  bool must_sync() const { return must_sync_; }

 private:
  const store::Records& records_;
  std::map<leases::JobKey, store::CatalogueRow> rows_;
  bool must_sync_ = false;
};

}  // namespace mole::coordinator::control
