// The coordinator's database: RocksDB with one column family per table. One process, any number of threads.
//
//   auto store = Store::open(dir, {.create = true});
//   Batch batch;
//   batch.put(Table::requests, keys::number(1), text);
//   (*store)->commit(batch);  // returns when the batch is durable; acknowledge only then
//
// Every row has a format byte and a checksum over key and value. A storage error after opening is final: the `failed` handler is
// called and must not return, because only opening again shows what was written.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace mole::coordinator::store {

// In the order of table_names(). See docs/formats/store.md.
enum class Table : std::uint8_t {
  meta,
  requests,
  clients,
  revisions,
  modules,
  plugins,
  fingerprints,
  archives,
  files,
  damage,
  catalogue,
  lineage,
  failures,
  nodes,
  events,
  leases,
  resources,
  task_times,
  node_loads,
};
const std::vector<std::string>& table_names();
std::optional<Table> table_of(std::string_view name);

// Changes that become visible and durable together.
class Batch {
 public:
  void put(Table table, std::string_view key, std::string_view value);
  void erase(Table table, std::string_view key);
  bool empty() const { return changes_.empty(); }
  void append(Batch other);

 private:
  friend class Store;
  struct Change {
    Table table;
    bool erase;
    std::string key, value;
  };
  std::vector<Change> changes_;
};

struct StoreOptions {
  bool create = false;  // create the directory and an empty store if missing
  // Called with the reason when the store fails. Must not return. Empty: print to stderr and _exit(1).
  std::function<void(const std::string&)> failed;
};

class Store {
 public:
  // missing: there is no store and `create` is false. corrupt: it cannot be read. unsupported: another coordinator has it open,
  // or a different version wrote it.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& dir, const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Number of times the store was opened; durable before open returns.
  std::uint64_t epoch() const { return epoch_; }

  // The store at one point in time. Reads from a snapshot do not see later writes. Must not outlive the store.
  using Snapshot = std::shared_ptr<const void>;
  Snapshot snapshot() const;

  std::optional<std::string> get(Table table, std::string_view key, const Snapshot& at = {}) const;
  // Visits the rows with from <= key < to (empty `to`: to the end), in key order, from one snapshot, until `visit` returns false.
  void scan(Table table, std::string_view from, std::string_view to,
            const std::function<bool(std::string_view key, std::string_view value)>& visit, const Snapshot& at = {}) const;
  void scan_prefix(Table table, const std::string& prefix,
                   const std::function<bool(std::string_view key, std::string_view value)>& visit, const Snapshot& at = {}) const;

  // Makes the batch visible to all readers, but not yet durable, and returns a ticket. Batches are applied in the order of calls.
  std::uint64_t write(const Batch& batch);
  // Returns when everything written up to the ticket is durable. Threads that wait together share one fdatasync.
  void sync(std::uint64_t ticket);
  void commit(const Batch& batch) { sync(write(batch)); }

 private:
  struct Rocks;
  Store();
  [[noreturn]] void fail(const std::string& doing, const std::string& why) const;
  Result<> open_rocks(const std::filesystem::path& dir, const StoreOptions& options);
  Result<> start_epoch(const std::filesystem::path& dir);

  std::unique_ptr<Rocks> rocks_;
  std::filesystem::path dir_;
  std::function<void(const std::string&)> failed_;
  std::uint64_t epoch_ = 0;
};

// The stored form of a value: format byte, checksum of key and payload, payload (docs/formats/store.md).
std::string seal_value(std::string_view key, std::string_view payload);
// Returns the payload in `sealed`; nullopt if format or checksum is wrong.
std::optional<std::string_view> unseal_value(std::string_view key, std::string_view sealed);

// RocksDB may abort on a full disk, so the store stops with an error when less than this is free. Blobs leave twice as much.
inline constexpr std::uint64_t store_reserve = std::uint64_t{16} << 20;
// Returns the bytes this user may still write to the file system of `folder`; UINT64_MAX if unknown.
std::uint64_t free_bytes(const std::filesystem::path& folder);

}  // namespace mole::coordinator::store
