#include "coordinator/control/routing_tables.hpp"

#include "sdk/model/durable_file.hpp"
#include "sdk/model/routes.hpp"

#include <sys/stat.h>

namespace mole::coordinator::control {

using nlohmann::json;
using store::Table;

namespace {

// Identifies a file's content without reading it. Empty if the file changed so recently that another change could leave the
// same timestamps.
std::string stamp_of(const std::filesystem::path& path, Micros now) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return {};
  const auto changed = static_cast<Micros>(st.st_ctim.tv_sec) * second_us;
  if (changed + 3 * second_us > now) return {};
  return std::to_string(st.st_size) + " " + std::to_string(st.st_ino) + " " + std::to_string(st.st_mtim.tv_sec) + "." +
         std::to_string(st.st_mtim.tv_nsec) + " " + std::to_string(st.st_ctim.tv_sec) + "." + std::to_string(st.st_ctim.tv_nsec);
}

Error changed_while_read(const dag::TableFile& file) {
  return transient("the routing table " + file.path.string() + " changed while it was read; submit again when it is complete");
}

std::string key_of(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::absolute(path, ignored).lexically_normal().string();
}

// Returns a range that contains all times that a request for `range` reads, with windows, warm-ups and chains of modules.
TimeRange table_reach(const dag::Graph& graph, TimeRange range) {
  TimeRange reach = range;
  for (const auto& module : graph.modules) reach.from -= module.window + module.warmup + 2 * graph.grid(module).block_length;
  for (const auto& module : graph.modules) {
    reach.to = std::max(reach.to, range.to + graph.grid(module).block_length);
    if (module.since) reach.from = std::min(reach.from, *module.since);
  }
  return reach;
}

// Calls `visit(file, format)` for each table that a request for `range` may need.
template <class Visit>
Result<> for_each_needed(const std::vector<dag::TableFile>& files, const dag::Graph& graph, TimeRange range, Visit visit) {
  const auto reach = table_reach(graph, range);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& file = files[i];
    const bool used = std::ranges::find(graph.modules, file.resource, &dag::Module::routes) != graph.modules.end();
    const bool last = i + 1 == files.size() || files[i + 1].resource != file.resource;
    if (!used || file.table.from >= reach.to || (!last && files[i + 1].table.from <= reach.from)) continue;
    if (auto visited = visit(file, graph.resources[file.resource].format); !visited) return visited;
  }
  return {};
}

}  // namespace

Result<Digest> RoutingTables::digest(const std::filesystem::path& path) const {
  const auto stamp = stamp_of(path, wall_());
  const auto key = key_of(path);
  if (const auto row = records_.json(Table::resources, key); !stamp.empty() && row.is_object() && row.value("stamp", "") == stamp)
    return row.at("digest").get<Digest>();
  auto digest = digest_of_file(path);
  if (!digest) return digest;
  save(key, {{"stamp", stamp}, {"digest", *digest}});
  return digest;
}

Result<> RoutingTables::check(const std::vector<dag::TableFile>& files, const dag::Graph& part, TimeRange range,
                              dag::Graph& graph) const {
  return for_each_needed(files, part, range, [&](const dag::TableFile& file, const std::string& format) -> Result<> {
    MOLE_TRY(auto unusable, check_one(file, format));
    std::ranges::find(graph.resources[file.resource].tables, file.table.name, &dag::RoutingTable::name)->unusable =
        std::move(unusable);
    return {};
  });
}

Result<> RoutingTables::keep(const std::vector<dag::TableFile>& files, const dag::Graph& graph, TimeRange range) const {
  auto kept = for_each_needed(files, graph, range, [&](const dag::TableFile& file, const std::string& format) -> Result<> {
    if (blobs_.has(file.table.digest)) return blobs_.import(file.table.digest, file.path);
    if (auto good = check_one(file, format); !good) return good.error();
    const auto imported = blobs_.import(file.table.digest, file.path);
    return !imported && imported.error().code == Code::invalid ? Result<>(changed_while_read(file)) : imported;
  });
  return kept ? blobs_.sync() : kept;
}

Result<UnusableLines> RoutingTables::check_one(const dag::TableFile& file, const std::string& format) const {
  const auto key = key_of(file.path);
  auto row = records_.json(Table::resources, key);
  const bool known = row.is_object() && row.value("digest", Digest{}) == file.table.digest;
  if (known && row.value("checked", "") == format && row.contains("unusable"))
    return UnusableLines{row["unusable"].at(0), row["unusable"].at(1)};
  MOLE_TRY(const auto bytes, read_file(file.path, max_route_file_bytes));
  if (digest_of(std::string_view(bytes)) != file.table.digest) return changed_while_read(file);
  MOLE_TRY(auto unusable, prefixed("the routing table " + file.path.string() + ": ", check_route_table(format, bytes)));
  if (known) {
    row["checked"] = format;
    row["unusable"] = {unusable.count, unusable.first};
    save(key, row);
  }
  return unusable;
}

bool RoutingTables::restore(const Digest& digest) const {
  std::vector<std::filesystem::path> paths;
  records_.scan_json(Table::resources, [&](std::string_view path, const json& row) {
    if (row.is_object() && row.value("digest", Digest{}) == digest) paths.emplace_back(path);
    return true;
  });
  return std::ranges::any_of(paths, [&](const auto& path) { return blobs_.import(digest, path) && blobs_.sync(); });
}

// Not synced: losing a row costs one more read.
void RoutingTables::save(const std::string& key, const json& row) const {
  store::Batch batch;
  records_.put_json(batch, Table::resources, key, row);
  records_.store().write(batch);
}

Result<> check_tables_agree(const requests::Request& request, const requests::Request& running) {
  const auto reach = table_reach(*request.graph, request.range()), other_reach = table_reach(*running.graph, running.range());
  const TimeRange both{std::max(reach.from, other_reach.from), std::min(reach.to, other_reach.to)};
  if (both.empty()) return {};
  const auto same_use = [](const auto& a, const auto& b) { return a.used == b.used && a.blob == b.blob; };
  for (const auto& module : request.graph->modules)
    for (const auto& other : running.graph->modules) {
      if (!module.routes || !other.routes || module.fingerprint != other.fingerprint) continue;
      const auto wanted = dag::routes_over(request.graph->resources[*module.routes], both),
                 used = dag::routes_over(running.graph->resources[*other.routes], both);
      if (!std::equal(wanted.begin(), wanted.end(), used.begin(), used.end(), same_use))
        return transient("request " + running.id + " computes " + request.graph->full_name(module) +
                         " from routing tables that have changed since it was submitted; submit again when it has ended, or "
                         "cancel it");
    }
  return {};
}

}  // namespace mole::coordinator::control
