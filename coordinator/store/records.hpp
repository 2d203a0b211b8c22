// Typed access to the tables. Reads go to the store, writes into a Batch that the caller commits.
#pragma once

#include "coordinator/store/rows.hpp"
#include "coordinator/store/store.hpp"
#include "coordinator/wire/documents/load.hpp"

namespace mole::coordinator::store {

class Records {
 public:
  explicit Records(Store& store, Store::Snapshot at = {}) : store_(store), at_(std::move(at)) {}
  // Returns a snapshot of the same tables, for several reads that must be consistent.
  Records snapshot() const { return Records(store_, store_.snapshot()); }
  Store& store() const { return store_; }

  std::optional<CatalogueRow> catalogue(const Digest& fingerprint, Micros from) const;
  void put(Batch& batch, const Digest& fingerprint, Micros from, const CatalogueRow& row) const;
  // Visits the rows whose block starts in `range`, in order.
  void scan_catalogue(const Digest& fingerprint, TimeRange range,
                      const std::function<void(Micros, const CatalogueRow&)>& visit) const;
  bool has_results(const Digest& fingerprint) const;  // of any block
  void scan_keys(const Digest& fingerprint, TimeRange range,
                 const std::function<void(Micros, const CatalogueKeys&)>& visit) const;

  // JSON tables keyed by (fingerprint, block start): lineage, failures.
  nlohmann::json job_row(Table table, const Digest& fingerprint, Micros from) const;
  void put_job_row(Batch& batch, Table table, const Digest& fingerprint, Micros from, const nlohmann::json& row) const;
  void erase_job_row(Batch& batch, Table table, const Digest& fingerprint, Micros from) const;
  // Visits the rows of one fingerprint, or of all if it is empty.
  void scan_jobs(Table table, const Digest& fingerprint,
                 const std::function<void(const Digest&, Micros, const nlohmann::json&)>& visit) const;

  // archive: "pipeline/archive".
  std::optional<FileRow> file(const std::string& archive, const std::string& id) const;
  void put_file(Batch& batch, const std::string& archive, const std::string& id, const FileRow& row) const;
  void scan_files(const std::string& archive, const std::function<void(const std::string& id, const FileRow&)>& visit) const;
  // Returns the states of the files of an archive that are faulty. Reads the rows of these files only.
  std::map<std::string, task::FileState> faulty_files(const std::string& archive) const;

  // What nodes did over time, by the node's number, in minutes or hours.
  std::optional<LoadSample> load(std::uint64_t node, bool hour, Micros from) const;
  void put_load(Batch& batch, std::uint64_t node, bool hour, const LoadSample& sample) const;
  // Visits the samples that start in `range`, in order, until `visit` returns false.
  void scan_loads(std::uint64_t node, bool hours, TimeRange range, const std::function<bool(const LoadSample&)>& visit) const;
  std::vector<std::uint64_t> nodes_with_loads() const;

  // As those of the store.
  void scan(Table table, const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  void scan_prefix(Table table, const std::string& prefix,
                   const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

  nlohmann::json json(Table table, std::string_view key) const;  // a row of any JSON table; null if absent
  void put_json(Batch& batch, Table table, std::string_view key, const nlohmann::json& row) const;
  void scan_json(Table table, const std::function<bool(std::string_view key, const nlohmann::json&)>& visit) const;
  // The same from the last row to the first.
  void scan_json_back(Table table, const std::function<bool(std::string_view key, const nlohmann::json&)>& visit) const;

  // Returns a row of any table in readable form: {"key": ..., ...}.
  static nlohmann::json describe_row(Table table, std::string_view key, std::string_view value);

 private:
  Store& store_;
  const Store::Snapshot at_;  // null: reads see the latest rows
};

}  // namespace mole::coordinator::store
