// Reads every row of a table, or every block of a file, and removes what cannot be read.
#include "coordinator/store/rocks.hpp"

#include <rocksdb/sst_file_reader.h>

namespace mole::coordinator::store {
namespace {

struct Contents {
  std::vector<std::pair<std::string, std::string>> rows;  // key, value as stored; only if they are kept
  std::vector<std::string> bad_keys;
  std::uint64_t good = 0;
  bool complete = true;  // every block of the table could be read
};

Contents read_all(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, bool keep) {
  Contents out;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const auto note = [&](std::string_view key, std::string_view sealed) {
    if (!unseal_value(key, sealed)) {
      out.bad_keys.emplace_back(key);
      return true;
    }
    ++out.good;
    if (keep) out.rows.emplace_back(key, sealed);
    return true;
  };
  scan_stored(db, family, options, "", "", note, [&](const std::string&) { out.complete = false; });
  return out;
}

}  // namespace

void scan_stored(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, rocksdb::ReadOptions options, std::string_view from,
                 std::string_view to, const std::function<bool(std::string_view, std::string_view)>& visit,
                 const std::function<void(const std::string&)>& damaged) {
  const rocksdb::Slice first(from.data(), from.size()), bound(to.data(), to.size());
  if (!to.empty()) options.iterate_upper_bound = &bound;
  std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(options, family));
  std::string last;
  for (row->Seek(first); row->Valid(); row->Next()) {
    last = row->key().ToStringView();
    if (!visit(last, row->value().ToStringView())) return;
  }
  if (row->status().ok()) return;
  damaged(row->status().ToString());
  std::vector<std::pair<std::string, std::string>> rest;
  for (to.empty() ? row->SeekToLast() : row->SeekForPrev(bound); row->Valid(); row->Prev()) {
    const auto key = row->key().ToStringView();
    if (key <= last || key < from) break;
    rest.emplace_back(key, row->value().ToStringView());
  }
  for (auto each = rest.rbegin(); each != rest.rend(); ++each)
    if (!visit(each->first, each->second)) return;
}

RowsCheck Store::check_rows(Table table, std::string_view from, std::uint64_t bytes) const {
  RowsCheck out;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const auto note = [&](std::string_view key, std::string_view sealed) {
    ++out.rows;
    out.bytes += key.size() + sealed.size();
    if (!unseal_value(key, sealed)) out.unreadable.emplace_back(key);
    if (out.bytes < bytes) return true;
    out.next = std::string(key) + '\0';
    return false;
  };
  scan_stored(*rocks_->db, rocks_->family(table), options, from, "", note, [&](const std::string& why) { out.damage = why; });
  return out;
}

std::vector<std::filesystem::path> Store::files() const {
  std::vector<rocksdb::LiveFileMetaData> live;
  rocks_->db->GetLiveFilesMetaData(&live);
  std::vector<std::filesystem::path> out;
  for (const auto& file : live) out.push_back(dir_ / file.relative_filename);
  return out;
}

std::string Store::check_file(const std::filesystem::path& file) {
  rocksdb::SstFileReader reader({});
  auto status = reader.Open(file.string());
  if (status.ok()) status = reader.VerifyChecksum();
  std::error_code gone;
  return status.ok() || !std::filesystem::exists(file, gone) ? "" : status.ToString();
}

Result<> Store::replace_table(Table table, const std::vector<std::pair<std::string, std::string>>& rows) {
  auto*& family = rocks_->handles[static_cast<std::size_t>(table) + 1];
  const auto name = table_names()[static_cast<std::size_t>(table)];
  auto status = rocks_->db->DropColumnFamily(family);
  if (status.ok()) status = rocks_->db->DestroyColumnFamilyHandle(family);
  if (status.ok()) status = rocks_->db->CreateColumnFamily(family_options(), name, &family);
  if (!status.ok()) return corrupt("the table " + name + " cannot be replaced: " + status.ToString());
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : rows) batch.Put(family, key, value);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  status = rocks_->db->Write(synced, &batch);
  return status.ok() ? Result<>() : corrupt("the rows of table " + name + " cannot be written again: " + status.ToString());
}

Result<TableCheck> Store::check_table(Table table, bool repair) {
  const auto contents = read_all(*rocks_->db, rocks_->family(table), repair);
  TableCheck out{contents.good, contents.bad_keys.size(), contents.complete, false};
  if (!repair || (out.complete && out.unreadable == 0)) return out;
  if (!out.complete) {
    if (auto replaced = replace_table(table, contents.rows); !replaced) return replaced.error();
  } else {
    Batch batch;
    for (const auto& key : contents.bad_keys) batch.erase(table, key);
    commit(batch);
  }
  out.repaired = true;
  return out;
}

bool Store::flush() { return rocks_->db->Flush({}, rocks_->handles).ok(); }

std::string Store::check_files() const {
  const auto status = rocks_->db->VerifyChecksum();
  return status.ok() ? "" : status.ToString();
}

}  // namespace mole::coordinator::store
