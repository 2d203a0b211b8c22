// tables/<pipeline>/<module>/date=YYYY-MM-DD/<block start>.parquet: one hard link per block to the rows blob of the catalogue,
// for DuckDB, Spark and similar programs. The view can be rebuilt if lost. A link is replaced by rename, so that a reader sees
// either the old rows or the new ones.
#pragma once

#include "coordinator/store/blobs.hpp"
#include "sdk/model/time.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace mole::coordinator::store {

class TablesView {
 public:
  TablesView(std::filesystem::path root, const Blobs& blobs) : root_(std::move(root)), blobs_(blobs) {}

  // Links one block to `rows`. Idempotent.
  Result<> show(const std::string& module, Micros block_from, const Digest& rows);
  // Makes the module's folder contain exactly `rows` (block start -> blob). Only Parquet files are removed.
  Result<> show_exactly(const std::string& module, const std::map<Micros, Digest>& rows);

  // "date=2007-09-22/20070922T180000Z.parquet"
  static std::string file_of(Micros block_from);
  std::filesystem::path path_of(const std::string& module, Micros block_from) const {
    return root_ / module / file_of(block_from);
  }

 private:
  std::filesystem::path root_;
  const Blobs& blobs_;
};

}  // namespace mole::coordinator::store
