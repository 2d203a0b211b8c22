// Reads every row of a table, and removes what cannot be read.
#include "coordinator/store/rocks.hpp"

namespace mole::coordinator::store {
namespace {

struct Contents {
  std::vector<std::pair<std::string, std::string>> rows;  // key, value as stored
  std::vector<std::string> bad_keys;
  bool complete = true;  // every block of the table could be read
};

// Reads from the start and, if a block cannot be read, from the end.
Contents read_all(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, bool keep) {
  Contents out;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(options, family));
  std::string last;
  const auto note = [&] {
    auto key = row->key().ToString();
    if (!unseal_value(key, row->value().ToStringView()))
      out.bad_keys.push_back(std::move(key));
    else
      out.rows.emplace_back(std::move(key), keep ? row->value().ToString() : std::string());
  };
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    last = row->key().ToString();
    note();
  }
  out.complete = row->status().ok();
  if (out.complete) return out;
  for (row->SeekToLast(); row->Valid() && row->key().compare(last) > 0; row->Prev()) note();
  return out;
}

}  // namespace

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
  TableCheck out{contents.rows.size(), contents.bad_keys.size(), contents.complete, false};
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
