// Routing tables on their way from the manifest's folder to the nodes: read, checked, kept as blobs.
#include "coordinator/service.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/routes.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace mole::coordinator {

using nlohmann::json;
using store::Table;

namespace {

// What tells a changed file without reading it. A file changed so lately that its time could stay the same at the next change has
// none.
std::string stamp_of(const std::filesystem::path& path, Micros now) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return {};
  const auto changed = static_cast<Micros>(st.st_ctim.tv_sec) * second_us;
  if (changed + 3 * second_us > now) return {};
  return std::to_string(st.st_size) + " " + std::to_string(st.st_ino) + " " + std::to_string(st.st_mtim.tv_sec) + "." +
         std::to_string(st.st_mtim.tv_nsec) + " " + std::to_string(st.st_ctim.tv_sec) + "." + std::to_string(st.st_ctim.tv_nsec);
}

std::string key_of(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::absolute(path, ignored).lexically_normal().string();
}

// More than any block a request for `range` needs reaches: windows and warm-ups of modules one after the other, and chains.
TimeRange table_reach(const dag::Graph& graph, TimeRange range) {
  TimeRange reach = range;
  for (const auto& module : graph.modules) reach.from -= module.window + module.warmup + 2 * graph.grid(module).block_length;
  for (const auto& module : graph.modules) {
    reach.to = std::max(reach.to, range.to + graph.grid(module).block_length);
    if (module.since) reach.from = std::min(reach.from, *module.since);
  }
  return reach;
}

}  // namespace

// A folder may hold years of tables: what was read once is read again only if it has changed.
Result<Digest> Service::table_digest(const std::filesystem::path& path) const {
  const auto stamp = stamp_of(path, config_.wall());
  const auto key = key_of(path);
  if (const auto row = records_->json(Table::resources, key);
      !stamp.empty() && row.is_object() && row.value("stamp", "") == stamp)
    return row.at("digest").get<Digest>();
  auto digest = digest_of_file(path);
  if (!digest) return digest;
  store::Batch batch;
  records_->put_json(batch, Table::resources, key, {{"stamp", stamp}, {"digest", *digest}});
  store_->write(batch);  // not synced: losing it costs a read
  return digest;
}

// The tables a request may need become blobs, each checked once; from here on their files may change or go.
Result<> Service::keep_tables(const std::vector<dag::TableFile>& files, const dag::Graph& graph, TimeRange range) {
  const auto reach = table_reach(graph, range);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& file = files[i];
    const auto& resource = graph.resources[file.resource];
    const bool used =
        std::any_of(graph.modules.begin(), graph.modules.end(), [&](const dag::Module& m) { return m.routes == file.resource; });
    const bool last = i + 1 == files.size() || files[i + 1].resource != file.resource;
    if (!used || file.table.from >= reach.to || (!last && files[i + 1].table.from <= reach.from)) continue;
    const auto key = key_of(file.path);
    auto row = records_->json(Table::resources, key);
    const bool known = row.is_object() && row.value("digest", Digest{}) == file.table.digest;
    if (known && row.value("checked", "") == resource.format && blobs_->has(file.table.digest)) {
      if (auto kept = blobs_->import(file.table.digest, file.path); !kept) return kept;
      continue;
    }
    const auto bytes = read_file(file.path, max_route_file_bytes);
    if (!bytes) return bytes.error();
    if (digest_of(std::string_view(*bytes)) != file.table.digest)
      return transient("the routing table " + file.path.string() +
                       " was changed while it was read; submit again when it is whole");
    if (auto good = check_route_table(resource.format, *bytes); !good)
      return Error{good.error().code, "the routing table " + file.path.string() + ": " + good.error().message};
    if (auto kept = blobs_->import(file.table.digest, file.path); !kept) return kept;
    if (!known) continue;
    row["checked"] = resource.format;
    store::Batch batch;
    records_->put_json(batch, Table::resources, key, row);
    store_->write(batch);
  }
  return blobs_->sync();
}

// A job has one key: while a request computes it from these tables, another cannot compute it from others.
Result<> Service::check_tables(const dag::Graph& graph, TimeRange range) const {
  const auto reach = table_reach(graph, range);
  for (const auto& [number, other] : live_) {
    if (other.terminal() || other.kind != "run") continue;
    const auto theirs = table_reach(*other.graph, other.range);
    const TimeRange both{std::max(reach.from, theirs.from), std::min(reach.to, theirs.to)};
    if (both.empty()) continue;
    for (const auto& module : graph.modules)
      for (const auto& same : other.graph->modules) {
        if (!module.routes || !same.routes || module.fingerprint != same.fingerprint) continue;
        const auto mine = dag::routes_over(graph.resources[*module.routes], both),
                   used = dag::routes_over(other.graph->resources[*same.routes], both);
        const auto alike = [](const task::RouteTable& a, const task::RouteTable& b) {
          return a.used == b.used && a.blob == b.blob;
        };
        if (!std::equal(mine.begin(), mine.end(), used.begin(), used.end(), alike))
          return transient("request " + other.id() + " computes " + graph.full_name(module) +
                           " from the routing tables there were when it was submitted, and they have changed since; try again "
                           "when it has ended, or cancel it");
      }
  }
  return {};
}

}  // namespace mole::coordinator
