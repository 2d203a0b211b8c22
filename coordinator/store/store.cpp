#include "coordinator/store/store.hpp"

#include "coordinator/store/acknowledged.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/store/rocks.hpp"
#include "coordinator/store/temporary.hpp"
#include "coordinator/store/unreadable.hpp"
#include "sdk/model/durable_file.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <utility>

namespace mole::coordinator::store {
namespace fs = std::filesystem;
namespace {

constexpr const char* schema_version = "3";
constexpr const char* damage_remedy =
    ". Restore the folder from a backup, or run mole state check --repair, which keeps what can still be read and accepts the "
    "rest as lost; finished results are in tables/";
thread_local bool answering = false;

// No option trades durability for speed.
rocksdb::DBOptions database_options(bool create, bool accept_loss) {
  rocksdb::DBOptions options;
  options.create_if_missing = create;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.wal_recovery_mode =
      accept_loss ? rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.track_and_verify_wals_in_manifest = !accept_loss;
  options.verify_sst_unique_id_in_manifest = true;
  options.recycle_log_file_num = 0;
  options.manual_wal_flush = false;
  options.max_background_jobs = 2;
  options.db_write_buffer_size = 64 << 20;
  options.max_total_wal_size = 128 << 20;
  options.keep_log_file_num = 4;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  return options;
}

rocksdb::ReadOptions read_options(const Store::Snapshot& at) {
  rocksdb::ReadOptions options;
  options.snapshot = static_cast<const rocksdb::Snapshot*>(at.get());
  return options;
}

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

fs::path acknowledged_file(const fs::path& dir) { return dir.parent_path() / (dir.filename().string() + ".acknowledged"); }

std::string last_key_of(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
  std::unique_ptr<rocksdb::Iterator> rows(db.NewIterator({}, family));
  rows->SeekToLast();
  return rows->Valid() ? rows->key().ToString() : std::string();
}

// Whether the rows of table meta can be read.
bool is_readable(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* meta) {
  for (const std::string key : {"schema", "epoch"}) {
    std::string sealed;
    const auto status = db.Get({}, meta, key, &sealed);
    if (!status.IsNotFound() && (!status.ok() || !unseal_value(key, sealed))) return false;
  }
  return true;
}

fs::path holder_file(const fs::path& dir) { return dir.parent_path() / "coordinator.pid"; }

std::string holder(const fs::path& dir) {
  auto text = read_file(holder_file(dir), 32);
  return text && !text->empty() ? "process " + *text : "another process";
}

}  // namespace

rocksdb::ColumnFamilyOptions family_options() {
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = rocksdb::NewLRUCache(64 << 20);
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = 16 << 20;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families() {
  const auto options = family_options();
  std::vector<rocksdb::ColumnFamilyDescriptor> out = {{rocksdb::kDefaultColumnFamilyName, options}};
  for (const auto& name : table_names()) out.emplace_back(name, options);
  return out;
}

std::uint64_t free_bytes(const fs::path& folder) {
  struct statvfs stats {};
  return ::statvfs(folder.c_str(), &stats) == 0 ? std::uint64_t{stats.f_bavail} * stats.f_frsize : UINT64_MAX;
}

const std::vector<std::string>& table_names() {
  static const std::vector<std::string> names = {
      "meta",      "requests", "clients",  "revisions", "modules", "plugins", "fingerprints", "archives",   "files",     "damage",
      "catalogue", "lineage",  "failures", "nodes",     "events",  "leases",  "resources",    "task_times", "node_loads"};
  return names;
}

std::optional<Table> table_of(std::string_view name) {
  const auto& names = table_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Table>(found - names.begin());
}

bool is_derived(Table table) {
  using enum Table;
  return table == catalogue || table == lineage || table == failures || table == events || table == leases ||
         table == resources || table == task_times || table == node_loads || table == damage;
}

void Batch::put(Table table, std::string_view key, std::string_view value) {
  changes_.push_back({table, false, std::string(key), seal_value(key, value)});
}
void Batch::erase(Table table, std::string_view key) { changes_.push_back({table, true, std::string(key), {}}); }
void Batch::append(Batch other) { std::move(other.changes_.begin(), other.changes_.end(), std::back_inserter(changes_)); }

Store::Store() : rocks_(std::make_unique<Rocks>()) {}

Store::~Store() {
  if (!rocks_->db) return;
  rocks_.reset();
  std::error_code ignored;
  fs::remove(holder_file(dir_), ignored);
}

Result<std::unique_ptr<Store>> Store::open(const fs::path& dir, const StoreOptions& options) {
  std::error_code problem;
  if (!fs::exists(dir / "CURRENT", problem)) {
    if (!options.create)
      return missing("there is no coordinator state in " + dir.string() + "; check the path, or start with --init to create it");
    fs::create_directories(dir, problem);
    if (problem) return invalid("cannot create " + dir.string() + ": " + problem.message() + "; choose a writable folder");
  }
  if (free_bytes(dir) < store_reserve)
    return exhausted("less than " + std::to_string(store_reserve >> 20) + " MiB are free in " + dir.string() +
                     "; free up space there and start again; nothing is lost");
  std::unique_ptr<Store> store(new Store());
  store->dir_ = dir;
  store->failed_ = options.failed;
  if (auto complete = store->check_acknowledged(dir); !complete && !(options.accept_loss && store->lost_changes_ > 0))
    return complete.error();
  if (auto opened = store->open_rocks(dir, options); !opened) return opened.error();
  if (auto started = store->start_epoch(dir); !started) return started.error();
  return store;
}

// Recovery by opening would already discard what follows the first damaged record, so the database is first opened for reading.
Result<> Store::check_acknowledged(const fs::path& dir) {
  std::error_code problem;
  if (!fs::exists(acknowledged_file(dir), problem)) return {};
  MOLE_TRY(const auto file, AcknowledgedFile::open(acknowledged_file(dir)));
  if (!file.last()) return {};
  const auto last_request = std::to_string(file.last()->request);
  const bool gone = !fs::exists(dir / "CURRENT", problem);
  if (gone) lost_changes_ = file.last()->sequence;
  if (gone)
    return corrupt("the coordinator's store in " + dir.string() + " is gone, with requests up to r" + last_request +
                   damage_remedy);
  Rocks reader;
  rocksdb::DB* db = nullptr;
  const auto status =
      rocksdb::DB::OpenForReadOnly(database_options(false, false), dir.string(), families(), &reader.handles, &db);
  reader.db.reset(db);
  readable_ = status.ok();
  if (!readable_) return {};  // opening fails in the same way, unless it accepts a loss
  const auto found = db->GetLatestSequenceNumber();
  if (found >= file.last()->sequence) return {};
  lost_changes_ = file.last()->sequence - found;
  const auto last = keys::number_of(last_key_of(*db, reader.family(Table::requests)));
  return corrupt("the coordinator's store in " + dir.string() + " has lost the last " + std::to_string(lost_changes_) +
                 " of its acknowledged changes: " +
                 (last < file.last()->request
                      ? "the requests after r" + std::to_string(last) + " up to r" + last_request + " are missing"
                      : "no request is missing, but changes of requests, results or nodes are") +
                 ". Its log (*.log) is damaged, or files were removed or replaced by older ones" + damage_remedy);
}

Result<> Store::open_rocks(const fs::path& dir, const StoreOptions& options) {
  std::error_code problem;
  auto existing = families();
  std::vector<rocksdb::ColumnFamilyDescriptor> later;
  // The column families of a new database are created in one call below. DB::Open would create them one by one and write an
  // options file for each; it creates only those missing after a crash during creation.
  if (!fs::exists(dir / "CURRENT", problem)) {
    later.assign(existing.begin() + 1, existing.end());
    existing.resize(1);
  }
  const auto settings = database_options(options.create, options.accept_loss);
  rocksdb::DB* db = nullptr;
  auto status = rocksdb::DB::Open(settings, dir.string(), existing, &rocks_->handles, &db);
  if (options.accept_loss && status.IsCorruption()) {  // a whole file: what the others contain is collected
    status = rocksdb::RepairDB(dir.string(), settings, families());
    if (status.ok()) status = rocksdb::DB::Open(settings, dir.string(), existing, &rocks_->handles, &db);
  }
  rocks_->db.reset(db);
  if (status.ok() && !later.empty()) {
    std::vector<rocksdb::ColumnFamilyHandle*> created;
    status = db->CreateColumnFamilies(later, &created);
    rocks_->handles.insert(rocks_->handles.end(), created.begin(), created.end());
  }
  if (status.ok()) {
    if (options.accept_loss && !readable_) lost_changes_ = std::max<std::uint64_t>(lost_changes_, 1);  // how many is not known
    if (auto* meta = rocks_->family(Table::meta); !is_readable(*db, meta)) {
      if (!options.accept_loss)
        return corrupt("table meta of the coordinator's store in " + dir.string() + " cannot be read" + damage_remedy);
      lost_changes_ = std::max<std::uint64_t>(lost_changes_, 1);
      if (auto replaced = replace_table(Table::meta, {}); !replaced) return replaced;  // start_epoch fills it
    }
    rocks_->last_request = keys::number_of(last_key_of(*db, rocks_->family(Table::requests)));
    MOLE_TRY(auto acknowledged, AcknowledgedFile::open(acknowledged_file(dir)));
    rocks_->acknowledged.emplace(std::move(acknowledged));
    const auto& last = rocks_->acknowledged->last();
    if (last) rocks_->last_request = std::max(rocks_->last_request, last->request);  // numbers are not used again
    return {};
  }
  const auto text = status.ToString();
  if (status.IsIOError() && text.find("LOCK") != std::string::npos && text.find("Permission") == std::string::npos)
    return unsupported("another coordinator (" + holder(dir) + ") is using " + dir.string() +
                       "; stop it first, or choose another state folder");
  if (text.find("Column families not opened") != std::string::npos)
    return unsupported(
        "the store in " + dir.string() +
        " was written by a different version; use that version, or move the whole state folder away and start with an empty one");
  if (status.IsNoSpace() || text.find("No space left") != std::string::npos)
    return exhausted("no space left to open " + dir.string() + "; free up space there and start again; nothing is lost");
  if (status.IsIOError() && text.find("Permission denied") != std::string::npos)
    return invalid("cannot open " + dir.string() + ": permission denied; run as the user that owns it");
  return corrupt("the coordinator's store in " + dir.string() + " is damaged (" + text + ")" + damage_remedy);
}

Result<> Store::start_epoch(const fs::path& dir) {
  const auto schema = get(Table::meta, "schema");
  if (schema && *schema != schema_version)
    return unsupported("the store in " + dir.string() + " has schema " + *schema + ", but this program reads schema " +
                       schema_version +
                       "; use the version that wrote it, or move the whole state folder away and start with an empty one");
  if (const auto last = get(Table::meta, "epoch")) epoch_ = std::stoull("0" + *last);
  ++epoch_;
  // Beyond the tokens of starts that are lost.
  if (lost_changes_ > 0) epoch_ = std::max(epoch_, static_cast<std::uint64_t>(std::time(nullptr)) << 20);
  Batch batch;
  batch.put(Table::meta, "epoch", std::to_string(epoch_));
  if (!schema) batch.put(Table::meta, "schema", schema_version);
  commit(batch);
  remove_temporary_files(dir.parent_path());
  return durable_write(holder_file(dir), std::to_string(::getpid()));
}

void Store::fail(const std::string& doing, const std::string& why) const {
  const bool full = why.find("No space left") != std::string::npos || why.find("quota") != std::string::npos;
  const bool damaged =
      doing == "reading" || why.starts_with("Corruption");  // compaction found it, and writing fails from then on
  const auto message = "the coordinator's store in " + dir_.string() + " failed while " + doing + ": " + why +
                       (full      ? "; free up space there and start again; nothing acknowledged is lost"
                        : damaged ? damage_remedy
                                  : "; check the disk and start again; nothing acknowledged is lost");
  if (failed_)
    failed_(message);
  else
    std::fprintf(stderr, "mole-coordinator: %s\n", message.c_str());
  ::_exit(1);
}

std::string Store::last_key(Table table) const { return last_key_of(*rocks_->db, rocks_->family(table)); }

std::uint64_t Store::last_request() const {
  const std::lock_guard lock(rocks_->mutex);
  return rocks_->last_request;
}

Store::Snapshot Store::snapshot() const {
  return {rocks_->db->GetSnapshot(),
          [db = rocks_->db.get()](const void* taken) { db->ReleaseSnapshot(static_cast<const rocksdb::Snapshot*>(taken)); }};
}

std::optional<std::string> Store::get(Table table, std::string_view key, const Snapshot& at) const {
  std::string sealed;
  const auto status = rocks_->db->Get(read_options(at), rocks_->family(table), slice(key), &sealed);
  if (status.IsNotFound()) return std::nullopt;
  const auto value = status.ok() ? unseal_value(key, sealed) : std::nullopt;
  if (value) return std::string(*value);
  miss_row(table, status.ok() ? "has a wrong checksum" : status.ToString());
  return std::nullopt;
}

// Counts a row that cannot be read. If no other table has what it said, a query fails, and anything else stops the process.
void Store::miss_row(Table table, const std::string& why) const {
  const auto text = "a row of table " + table_names()[static_cast<std::size_t>(table)] + " cannot be read: " + why;
  ++unreadable_rows_;
  if (is_derived(table)) return;
  if (answering) throw UnreadableRow("in the coordinator's store " + dir_.string() + ", " + text + damage_remedy);
  fail("reading", text);
}

AnsweringReads::AnsweringReads() : before_(std::exchange(answering, true)) {}
AnsweringReads::~AnsweringReads() { answering = before_; }

void Store::scan(Table table, std::string_view from, std::string_view to,
                 const std::function<bool(std::string_view, std::string_view)>& visit, const Snapshot& at) const {
  auto options = read_options(at);
  options.readahead_size = 1 << 20;
  scan_stored(
      *rocks_->db, rocks_->family(table), options, from, to,
      [&](std::string_view key, std::string_view sealed) {
        const auto value = unseal_value(key, sealed);
        if (!value) miss_row(table, "has a wrong checksum");
        return !value || visit(key, *value);
      },
      [&](const std::string& why) { miss_row(table, why); });
}

void Store::scan_prefix(Table table, const std::string& prefix,
                        const std::function<bool(std::string_view, std::string_view)>& visit, const Snapshot& at) const {
  scan(table, prefix, keys::after(prefix), visit, at);
}

std::uint64_t Store::write(const Batch& batch) {
  std::lock_guard lock(rocks_->mutex);
  if (batch.empty()) return rocks_->written;
  if (free_bytes(dir_) < store_reserve)
    fail("writing", "No space left: less than " + std::to_string(store_reserve >> 20) + " MiB are free");
  rocksdb::WriteBatch writes;
  for (const auto& change : batch.changes_) {
    auto* family = rocks_->family(change.table);
    const auto status =
        change.erase ? writes.Delete(family, slice(change.key)) : writes.Put(family, slice(change.key), slice(change.value));
    if (!status.ok()) fail("writing", status.ToString());
    if (change.table == Table::requests && !change.erase && change.key.size() == 8)
      rocks_->last_request = std::max(rocks_->last_request, keys::read_u64(change.key));
  }
  if (const auto status = rocks_->db->Write(rocksdb::WriteOptions(), &writes); !status.ok()) fail("writing", status.ToString());
  return ++rocks_->written;
}

void Store::sync(std::uint64_t ticket) {
  std::unique_lock lock(rocks_->mutex);
  while (rocks_->synced < ticket) {
    if (rocks_->leader) {
      rocks_->sync_done.wait(lock);
      continue;
    }
    rocks_->leader = true;
    const auto target = rocks_->written;
    const Acknowledged durable{rocks_->db->GetLatestSequenceNumber(), rocks_->last_request};
    lock.unlock();
    const auto status = rocks_->db->SyncWAL();
    lock.lock();
    if (!status.ok()) fail("making a change durable", status.ToString());
    rocks_->acknowledged->note(durable);
    rocks_->leader = false;
    rocks_->synced = target;
    rocks_->sync_done.notify_all();
  }
}

}  // namespace mole::coordinator::store
