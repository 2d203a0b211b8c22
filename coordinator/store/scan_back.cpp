// Visits the rows of a table from its end, so that the latest rows are found without passing all others.
#include "coordinator/store/rocks.hpp"

namespace mole::coordinator::store {

void Store::scan_back(Table table, const std::function<bool(std::string_view, std::string_view)>& visit,
                      const Snapshot& at) const {
  rocksdb::ReadOptions options;
  options.snapshot = static_cast<const rocksdb::Snapshot*>(at.get());
  std::unique_ptr<rocksdb::Iterator> rows(rocks_->db->NewIterator(options, rocks_->family(table)));
  for (rows->SeekToLast(); rows->Valid(); rows->Prev()) {
    const auto key = rows->key().ToStringView();
    const auto value = unseal_value(key, rows->value().ToStringView());
    if (!value)
      miss_row(table, "has a wrong checksum");
    else if (!visit(key, *value))
      return;
  }
  if (!rows->status().ok()) miss_row(table, rows->status().ToString());
}

}  // namespace mole::coordinator::store
