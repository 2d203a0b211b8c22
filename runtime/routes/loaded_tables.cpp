#include "runtime/routes/loaded_tables.hpp"

#include "runtime/routes/mmdb.hpp"
#include "sdk/model/durable_file.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

Result<RouteList> read_routes(const std::filesystem::path& file, const std::string& format) {
  if (format == "mmdb") return read_mmdb(file);
  if (format != "prefixes")
    return unsupported("this worker does not support the format '" + format + "'; update Data Mole on this node");
  MOLE_TRY(const auto text, read_file(file, max_route_file_bytes));
  return parse_routes(text);
}

}  // namespace

Result<RouteTable> LoadedTables::build(const task::RouteTableRef& table) const {
  if (table.blob.empty()) return RouteTable::build({});
  MOLE_TRY(const auto routes, read_routes(folder_ / table.blob.hex(), table.format));
  return RouteTable::build(routes);
}

Result<std::shared_ptr<const RouteTable>> LoadedTables::get(const task::RouteTableRef& table) {
  const std::lock_guard lock(mutex_);  // held while loading, so that a table is loaded only once
  const auto known = std::find_if(kept_.begin(), kept_.end(), [&](const auto& kept) { return kept.first == table.blob; });
  if (known != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, known);
    return kept_.front().second;
  }
  MOLE_TRY(auto built, prefixed("routing table " + table.name + " (" + table.blob.hex() + "): ", build(table)));
  kept_.emplace_front(table.blob, std::make_shared<const RouteTable>(std::move(built)));
  if (kept_.size() > max_kept) kept_.pop_back();
  return kept_.front().second;
}

}  // namespace mole::runtime
