// The changes of one call: rows to write, files and log lines to write afterwards, and whether the reply must wait for the sync.
#pragma once

#include "coordinator/control/config.hpp"
#include "coordinator/leases/scheduler.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/store/records.hpp"
#include "coordinator/views/views.hpp"

namespace mole::coordinator::control {

namespace keys = store::keys;
using nlohmann::json;
using store::Table;

// Used by one thread, under the service's lock.
class Change {
 public:
  explicit Change(const store::Records& records) : records_(records) {}

  store::Batch batch;
  views::Update views;
  std::vector<std::pair<LogLevel, std::string>> log;  // lines for the log, in order

  void info(std::string line) { log.emplace_back(LogLevel::info, std::move(line)); }
  void warn(std::string line) { log.emplace_back(LogLevel::warning, std::move(line)); }

  // Return a row with its pending changes; the first call for a row reads it from the store.
  store::CatalogueRow& edit(const leases::JobKey& job);
  nlohmann::json& edit_lineage(const leases::JobKey& job);
  std::optional<store::CatalogueRow> catalogue(const leases::JobKey& job) const;
  const std::optional<store::FileRow>& file(const std::string& archive, const std::string& id);  // empty: not in the archive

  void put_file(const std::string& archive, const std::string& id, const store::FileRow& row);
  // Makes the pending rows visible to readers and planning. They are durable only after Store::sync of the returned ticket.
  std::uint64_t flush();

  // Makes the reply wait for the sync even if this change writes nothing, because an earlier change may not be durable yet.
  void require_sync() { must_sync_ = true; }
  bool must_sync() const { return must_sync_; }

 private:
  struct File {
    std::optional<store::FileRow> row;
    bool changed = false;
  };
  File& file_entry(const std::string& archive, const std::string& id);

  const store::Records& records_;
  std::map<leases::JobKey, store::CatalogueRow> rows_;
  std::map<leases::JobKey, nlohmann::json> lineage_;
  std::map<std::pair<std::string, std::string>, File> files_;
  bool must_sync_ = false;
};

}  // namespace mole::coordinator::control
