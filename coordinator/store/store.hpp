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

#include <atomic>
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
// Whether a lost row costs only repeated work or a message: it is computed again, or was kept for display.
bool is_derived(Table table);
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
  // Open a store that has lost acknowledged changes: keep every change that can be read, and accept the loss of the others.
  bool accept_loss = false;
  // Called with the reason when the store fails. Must not return. Empty: print to stderr and _exit(1).
  std::function<void(const std::string&)> failed;
};

// What a check of a table found.
struct TableCheck {
  std::uint64_t rows = 0;        // that can be read
  std::uint64_t unreadable = 0;  // rows with a wrong checksum
  bool complete = true;          // every block can be read; otherwise the number of lost rows is not known
  bool repaired = false;         // what cannot be read was removed
};

// What a check of some rows found.
struct RowsCheck {
  std::uint64_t rows = 0, bytes = 0;     // read
  std::vector<std::string> unreadable;   // keys of the rows with a wrong checksum
  std::string damage;                    // why a block cannot be read; empty: all can
  std::optional<std::string> next = {};  // where the next check continues; nullopt: at the end of the table
};

class Store {
 public:
  // missing: there is no store and `create` is false. corrupt: it cannot be read, or has lost acknowledged changes; nothing has
  // been changed then. unsupported: another coordinator has it open,
  // or a different version wrote it.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& dir, const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Number of times the store was opened; durable before open returns.
  std::uint64_t epoch() const { return epoch_; }

  // After an open with `accept_loss`: how many acknowledged changes there were from the first unreadable one on. Those of them
  // that could be read were kept.
  std::uint64_t lost_changes() const { return lost_changes_; }
  // How many rows of tables that are derived from others could not be read since the store was opened. They count as absent.
  std::uint64_t unreadable_rows() const { return unreadable_rows_; }

  // The store at one point in time. Reads from a snapshot do not see later writes. Must not outlive the store.
  using Snapshot = std::shared_ptr<const void>;
  Snapshot snapshot() const;

  // A row that cannot be read stops the process, unless its table can be computed again (is_derived): then it counts as absent.
  std::optional<std::string> get(Table table, std::string_view key, const Snapshot& at = {}) const;
  // The last key of a table; empty: it has no rows.
  std::string last_key(Table table) const;
  // The highest number of a request that was ever stored, even if its row is lost; 0: none.
  std::uint64_t last_request() const;
  // Visits the rows with from <= key < to (empty `to`: to the end), in key order, from one snapshot, until `visit` returns false.
  void scan(Table table, std::string_view from, std::string_view to,
            const std::function<bool(std::string_view key, std::string_view value)>& visit, const Snapshot& at = {}) const;
  void scan_prefix(Table table, const std::string& prefix,
                   const std::function<bool(std::string_view key, std::string_view value)>& visit, const Snapshot& at = {}) const;

  // Visits the rows of a table from the last key to the first until `visit` returns false, without those that cannot be read.
  void scan_back(Table table, const std::function<bool(std::string_view key, std::string_view value)>& visit,
                 const Snapshot& at = {}) const;

  // Makes the batch visible to all readers, but not yet durable, and returns a ticket. Batches are applied in the order of calls.
  std::uint64_t write(const Batch& batch);
  // Returns when everything written up to the ticket is durable. Threads that wait together share one fdatasync.
  void sync(std::uint64_t ticket);
  void commit(const Batch& batch) { sync(write(batch)); }

  // Reads every row of a table. `repair`: removes the rows that cannot be read, if the table is derived. Not while other threads
  // use the store.
  Result<TableCheck> check_table(Table table, bool repair);
  // Reads the rows of a table from the key `from` on, about `bytes`, and more if a block cannot be read. Changes nothing.
  RowsCheck check_rows(Table table, std::string_view from, std::uint64_t bytes) const;
  // The files of the database that hold rows. They are removed and replaced while the store is open.
  std::vector<std::filesystem::path> files() const;
  // Verifies the checksums of all blocks of a file, as they are on disk. Returns the first problem; empty: none, or it was
  // removed.
  static std::string check_file(const std::filesystem::path& file);
  // Writes all rows from the log to files of the database. Returns whether that succeeded.
  bool flush();
  // Verifies the checksums of all blocks of the database. Returns the first problem; empty: none.
  std::string check_files() const;

 private:
  struct Rocks;
  Result<> replace_table(Table table, const std::vector<std::pair<std::string, std::string>>& rows);
  Store();
  [[noreturn]] void fail(const std::string& doing, const std::string& why) const;
  Result<> check_acknowledged(const std::filesystem::path& dir);
  Result<> open_rocks(const std::filesystem::path& dir, const StoreOptions& options);
  void miss_row(Table table, const std::string& why) const;
  Result<> start_epoch(const std::filesystem::path& dir);

  std::unique_ptr<Rocks> rocks_;
  std::filesystem::path dir_;
  std::function<void(const std::string&)> failed_;
  std::uint64_t epoch_ = 0, lost_changes_ = 0;
  bool readable_ = true;  // without accepting a loss
  mutable std::atomic<std::uint64_t> unreadable_rows_ = 0;
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
