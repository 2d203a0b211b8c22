#include "coordinator/service.hpp"

#include "coordinator/leases/grant_row.hpp"
#include "coordinator/store/keys.hpp"
#include "sdk/model/durable_file.hpp"

#include <time.h>

#include <algorithm>
#include <optional>
#include <random>

namespace mole::coordinator {

using nlohmann::json;
using store::Table;
namespace keys = store::keys;

namespace {

constexpr std::size_t most_indexes = 64;  // kept beside those that plans hold

Micros read_clock(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<Micros>(t.tv_sec) * second_us + t.tv_nsec / 1000;
}

std::uint64_t last_number(store::Store& store, Table table) {
  std::uint64_t last = 0;
  store.scan(table, "", "", [&](std::string_view key, std::string_view) {
    last = keys::read_u64(key);
    return true;
  });
  return last;
}

leases::FailureRecord failure_from(const json& row) {
  leases::FailureRecord t;
  t.plugin_failures = row.value("plugin_failures", 0u);
  t.infra_failures = row.value("infra_failures", 0u);
  t.given_up = row.value("given_up", false);
  t.code = row.value("code", "");
  t.message = row.value("message", "");
  t.log_tail = row.value("log_tail", "");
  return t;
}

}  // namespace

Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(Config config) {
  if (!config.now) config.now = [] { return read_clock(CLOCK_BOOTTIME); };
  if (!config.wall) config.wall = [] { return read_clock(CLOCK_REALTIME); };
  if (config.seed == 0) config.seed = std::random_device{}();
  std::unique_ptr<Service> service(new Service(std::move(config)));
  if (auto started = service->start(); !started) return started.error();
  return service;
}

Result<> Service::start() {
  auto opened = store::Store::open(config_.state / "db", {config_.create, config_.storage_failed});
  if (!opened) return opened.error();
  store_ = std::move(*opened);
  records_ = std::make_unique<store::Records>(*store_);
  auto blobs = store::Blobs::open(config_.state / "blobs");
  if (!blobs) return blobs.error();
  blobs_ = std::make_unique<store::Blobs>(std::move(*blobs));
  view_ = std::make_unique<store::TablesView>(config_.state / "tables", *blobs_);
  scheduler_ = std::make_unique<leases::Scheduler>(config_.leases, store_->epoch());
  random_.seed(config_.seed);
  next_event_ = last_number(*store_, Table::events) + 1;
  load_nodes();
  load_modules();
  records_->scan_jobs(Table::failures, {}, [&](const Digest& fingerprint, Micros from, const json& row) {
    if (row.is_object()) scheduler_->remember({fingerprint, from}, failure_from(row));
  });
  Guard guard(mutex_);
  Aftermath after;
  // A view may be behind by what a crash cut off.
  for (const auto& [name, row] : modules_) after.relink.push_back(name);
  if (auto resumed = resume_requests(after); !resumed) return resumed;
  adopt_leases();
  settle(guard, std::move(after));
  return {};
}

void Service::load_nodes() {
  records_->scan_json(Table::nodes, "", [&](std::string_view key, const json& row) {
    NodeRow node{keys::read_u64(key), row.value("name", ""), row.value("address", ""), row.value("lost", false)};
    node_names_[node.number] = node.name;
    nodes_[node.name] = std::move(node);
    return true;
  });
}

void Service::load_modules() {
  records_->scan_json(Table::modules, "", [&](std::string_view name, const json& row) {
    if (row.is_object())
      modules_[std::string(name)] = {row.at("fingerprint").get<Digest>(), row.at("revision").get<Digest>(),
                                     row.at("history").get<std::vector<Digest>>(),
                                     row.value("overrides", std::vector<std::string>{})};
    return true;
  });
}

Result<> Service::resume_requests(Aftermath& after) {
  std::vector<std::uint64_t> open;
  std::optional<Error> problem;
  records_->scan_json(Table::requests, "", [&](std::string_view key, const json& row) {
    const auto number = keys::read_u64(key);
    next_request_ = number + 1;
    if (!row.is_object()) return true;
    auto request = requests::request_from_row(number, row);
    if (request.terminal()) {  // its folder may be what a crash cut off
      if (!std::filesystem::exists(config_.state / "requests" / request.id() / "request.json")) after.folders.push_back(number);
      return true;
    }
    auto graph = graph_of(request.revision);
    if (!graph) {
      problem = graph.error();
      return false;
    }
    request.graph = *graph;
    if (!request.module.empty())
      if (const auto m = request.graph->find_module(request.module))
        request.graph = std::make_shared<dag::Graph>(dag::prune(*request.graph, {*m}));
    live_[number] = std::move(request);
    open.push_back(number);
    return true;
  });
  if (problem) return *problem;
  for (const auto number : open) advance(live_.at(number), after);
  return {};
}

// Tasks that nodes were at when we stopped stay theirs for the length of a lease.
void Service::adopt_leases() {
  store::Batch batch;
  records_->scan_json(Table::leases, "", [&](std::string_view key, const json& row) {
    auto stored = leases::lease_from_row(std::string(key), row);
    if (!stored || !scheduler_->adopt(std::move(stored->grant), stored->node, stored->incarnation, now()))
      batch.erase(Table::leases, key);
    return true;
  });
  store_->write(batch);
}

// Makes what has changed so far visible, so that it can be read and planned from. settle makes it durable.
std::uint64_t Service::flush(Aftermath& after) {
  for (const auto& [job, row] : after.rows) records_->put(after.batch, job.fingerprint, job.from, row);
  after.written = after.written || !after.batch.empty();
  const auto ticket = store_->write(after.batch);
  after.batch = {};
  after.rows.clear();
  return ticket;
}

// The catalogue row as it will be; several parts of one change may edit it.
store::CatalogueRow& Service::edit(const leases::JobKey& job, Aftermath& after) const {
  const auto found = after.rows.find(job);
  return found != after.rows.end() ? found->second : after.rows[job] = catalogue(job).value_or(store::CatalogueRow{});
}

// Ends a change: visible at once, durable before anything is answered; then the views that follow from it.
void Service::settle(Guard& guard, Aftermath after) {
  const auto ticket = flush(after);
  std::erase_if(live_, [](const auto& entry) { return entry.second.terminal(); });
  std::optional<Turns::Turn> turn;  // who is told that a request has ended finds its tables
  if (!after.links.empty() || !after.relink.empty() || !after.folders.empty()) turn.emplace(views_);
  guard.unlock();
  if (after.written) store_->sync(ticket);
  if (!turn) return;
  std::lock_guard links(links_);
  for (const auto& module : after.relink) relink(module);
  show_links(after);
  for (const auto number : after.folders) write_folder(number);
}

// A view: what fails here is repaired at the next start.
void Service::show_links(const Aftermath& after) {
  std::map<std::string, Digest> current;
  for (const auto& [module, job, rows] : after.links) {
    auto [fingerprint, fresh] = current.try_emplace(module);
    if (fresh) fingerprint->second = current_fingerprint(module);
    if (fingerprint->second != job.fingerprint) continue;
    // Only if this is still what the catalogue says: another change may have overtaken this one.
    if (const auto row = catalogue(job); row && row->rows_blob == rows) (void)view_->show(module, job.from, rows);
  }
}

// The module's links are those of its current fingerprint.
void Service::relink(const std::string& module) {
  std::map<Micros, Digest> rows;
  records_->scan_catalogue(current_fingerprint(module), {INT64_MIN, INT64_MAX}, [&](Micros from, const store::CatalogueRow& r) {
    if (!r.rows_blob.empty()) rows[from] = r.rows_blob;
  });
  (void)view_->show_exactly(module, rows);
}

Digest Service::current_fingerprint(const std::string& module) {
  Guard guard(mutex_);
  const auto* row = module_row(module);
  return row ? row->fingerprint : Digest{};
}

Result<Service::Shared> Service::graph_of(const Digest& revision) {
  if (const auto found = graphs_.find(revision); found != graphs_.end()) return found->second;
  const auto row = records_->json(Table::revisions, keys::text(revision));
  if (!row.is_object())
    return corrupt("the store has lost the pipeline revision " + revision.hex() + "; restore it from a backup");
  const auto graph = std::make_shared<const dag::Graph>(dag::graph_from_json(row));
  graphs_[revision] = graph;
  return graph;
}

std::shared_ptr<const jobs::ArchiveIndex> Service::index_of(const dag::Graph& graph, const dag::Archive& archive) {
  const auto name = graph.full_name(archive);
  if (indexes_.size() >= most_indexes) indexes_.clear();  // plans keep theirs
  auto& index = indexes_[{name, archive.files + " " + std::to_string(archive.covers)}];
  if (index) return index;
  std::vector<task::File> files;
  const auto pattern = manifest::FilePattern::parse(archive.files);
  records_->scan_files(name, [&](const std::string& id, const store::FileRow& row) {
    const auto parts = row.gone || !pattern ? std::nullopt : pattern->match(id, archive.covers);
    if (parts) files.push_back({id, row.size, row.revision, parts->router, parts->sequence, parts->covers, true, row.version});
  });
  index = std::make_shared<const jobs::ArchiveIndex>(std::move(files), archive.covers);
  return index;
}

Result<jobs::Plan> Service::make_plan(Shared graph, const jobs::PlanRequest& ask) {
  jobs::Indexes indexes;
  for (const auto& archive : graph->archives) {
    if (records_->json(Table::archives, graph->full_name(archive)).is_null())
      return missing("the archive " + archive.name + " has not been listed yet; run mole archive index first");
    indexes.push_back(index_of(*graph, archive));
  }
  std::set<std::uint32_t> lost;
  for (const auto& [name, node] : nodes_)
    if (node.lost) lost.insert(static_cast<std::uint32_t>(node.number));
  return jobs::make_plan(
      std::move(graph), std::move(indexes), ask,
      [&](const Digest& fingerprint, TimeRange range, const auto& visit) { records_->scan_keys(fingerprint, range, visit); },
      [&](std::uint32_t node) { return lost.empty() || !lost.contains(node); });
}

const Service::ModuleRow* Service::module_row(const std::string& name) const {
  const auto found = modules_.find(name);
  return found == modules_.end() ? nullptr : &found->second;
}

Result<std::pair<Service::Shared, std::uint32_t>> Service::find_module(const std::string& name) {
  const auto* row = module_row(name);
  if (!row) {
    std::vector<std::string> known;
    for (const auto& [other, unused] : modules_)
      if (known.size() < 50) known.push_back(other);
    return missing("there is no module \"" + name.substr(0, 200) + "\"" + manifest::suggestion(name, known));
  }
  auto graph = graph_of(row->revision);
  if (!graph) return graph.error();
  const auto m = (*graph)->find_module(name.substr(name.find('/') + 1));
  if (!m) return corrupt("the store's row of module " + name + " names another pipeline; submit the manifest again");
  return std::pair{*graph, *m};
}

Result<std::pair<Service::Shared, std::uint32_t>> Service::find_archive(const std::string& name) {
  const auto row = records_->json(Table::archives, name);
  if (!row.is_object())
    return missing("the archive \"" + name.substr(0, 200) + "\" has not been listed yet; run mole archive index first");
  auto graph = graph_of(row.at("revision").get<Digest>());
  if (!graph) return graph.error();
  const auto a = (*graph)->find_archive(name.substr(name.find('/') + 1));
  if (!a) return missing("there is no archive \"" + name + "\" in the pipeline any more");
  return std::pair{*graph, *a};
}

void Service::log_event(Aftermath& after, json event) {
  event["at"] = format_time(config_.wall());
  records_->put_json(after.batch, Table::events, keys::number(next_event_++), event);
}

Result<std::uint64_t> Service::put_blob(const Digest& digest, std::uint64_t offset, std::string_view bytes, std::uint64_t total) {
  auto held = blobs_->put(digest, offset, bytes, total);
  // Our own disk: a storage error like any other (reliability.md 0.4). Nodes keep what they have and send it to the next start.
  if (!held && held.error().code == Code::exhausted && config_.storage_failed) config_.storage_failed(held.error().message);
  return held;
}

Result<std::string> Service::get_blob(const Digest& digest, std::uint64_t offset, std::uint32_t limit) {
  return blobs_->get(digest, offset, limit);
}

}  // namespace mole::coordinator
