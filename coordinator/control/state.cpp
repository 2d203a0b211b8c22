#include "coordinator/control/state.hpp"

#include "coordinator/jobs/archive_files.hpp"

namespace mole::coordinator::control {

ServiceMutex service_mutex;

namespace {

constexpr std::size_t max_indexes = 64;  // cached in addition to those used by plans

std::pair<std::string, std::string> index_key(const dag::Graph& graph, const dag::Archive& archive) {
  return {graph.index_name(archive), archive.files + " " + std::to_string(archive.covers) + " " + archive.zone + " " +
                                         name_of(archive.duplicates) + " " + std::to_string(archive.minimum_size) + " " +
                                         json(archive.routers).dump()};
}

json failure_row(const leases::FailureRecord& failure, const std::string& job) {
  return {{"job", job},
          {"plugin_failures", failure.plugin_failures},
          {"infra_failures", failure.infra_failures},
          {"lost", failure.lost},
          {"given_up", failure.given_up},
          {"code", failure.code},
          {"message", failure.message},
          {"log_tail", failure.log_tail}};
}

}  // namespace

std::string location_of(const dag::Graph& graph, const dag::Archive& archive) {
  return graph.index_name(archive) + "\n" + text_of(archive.place());
}

State::State(const Config& config, const store::Records& records, std::uint64_t epoch)
    : scheduler(config.leases, epoch), random(config.seed), loads(records), config_(config), records_(records) {}

void State::load(Change& change) {
  next_event_ = keys::number_of(records_.store().last_key(Table::events)) + 1;
  records_.scan_json(Table::nodes, [&](std::string_view key, const json& row) MOLE_REQUIRES(service_mutex) {
    auto node = row.get<NodeRow>();
    node.number = keys::read_u64(key);
    nodes[node.name] = std::move(node);
    return true;
  });
  records_.scan_json(Table::modules, [&](std::string_view name, const json& row) MOLE_REQUIRES(service_mutex) {
    if (row.is_object()) modules[std::string(name)] = row.get<ModuleRow>();
    return true;
  });
  records_.scan_jobs(Table::failures, {},
                     [&](const Digest& fingerprint, Micros from, const json& row) MOLE_REQUIRES(service_mutex) {
                       if (row.is_object()) scheduler.remember({fingerprint, from}, row.get<leases::FailureRecord>());
                     });
  records_.scan_json(Table::task_times, [&](std::string_view key, const json& row) MOLE_REQUIRES(service_mutex) {
    if (!row.is_object()) return true;
    for (const auto dropped : times.restore(keys::read_u64(key), row.get<leases::TimedTask>()))
      change.batch.erase(Table::task_times, keys::number(dropped));
    return true;
  });
}

void State::add_time(leases::TimedTask time, Change& change) {
  time.at = wall();
  const auto [number, dropped] = times.add(time);
  records_.put_json(change.batch, Table::task_times, keys::number(number), time);
  for (const auto old : dropped) change.batch.erase(Table::task_times, keys::number(old));
}

void State::log(json event, Change& change) {
  change.warn("event " + event.dump(-1, ' ', false, json::error_handler_t::replace));
  event["at"] = format_time(wall());
  records_.put_json(change.batch, Table::events, keys::number(next_event_++), event);
}

std::string State::put_failure(const leases::JobKey& job, const leases::FailureRecord& failure, Change& change) {
  const auto row = records_.json(Table::fingerprints, keys::bytes_of(job.fingerprint));
  auto name = (row.is_object() ? row.value("module", "") : "") + "@" + format_time(job.from);
  records_.put_job_row(change.batch, Table::failures, job.fingerprint, job.from, failure_row(failure, name));
  return name;
}

void State::log_ended_leases(Change& change) {
  for (const auto& [task, node, why] : scheduler.take_ended()) {
    change.warn(title_of(task) + ": " + name_of(why) + " on node " + node);
    change.batch.erase(Table::leases, task);
  }
}

std::string State::title_of(const std::string& task) const {
  const auto spec = specs.find(task);
  return spec == specs.end() ? "task " + task : task::title_of(spec->second);
}

std::shared_ptr<const jobs::ArchiveIndex> State::index_of(const dag::Graph& graph, const dag::Archive& archive) {
  auto index = cached_index(graph, archive);
  if (!index) {
    index = read_index(records_, graph, archive, wall());
    keep_index(graph, archive, index, indexes_read);
  }
  return index;
}

std::shared_ptr<const jobs::ArchiveIndex> State::cached_index(const dag::Graph& graph, const dag::Archive& archive) const {
  const auto found = indexes_.find(index_key(graph, archive));
  if (found == indexes_.end() || found->second.index->findings().valid_until <= wall()) return nullptr;
  return found->second.index;
}

void State::keep_index(const dag::Graph& graph, const dag::Archive& archive, std::shared_ptr<const jobs::ArchiveIndex> index,
                       std::uint64_t read) {
  if (read != indexes_read) return;
  if (indexes_.size() >= max_indexes) indexes_.clear();
  indexes_[index_key(graph, archive)] = {archive, std::move(index)};
}

void State::forget_indexes(const std::string& archive) {
  ++indexes_read;
  std::erase_if(indexes_, [&](const auto& entry) { return entry.first.first == archive; });
}

void State::forget_all_indexes() {
  ++indexes_read;
  indexes_.clear();
}

void State::update_indexes(const std::string& archive, const std::vector<jobs::RowChange>& changes) {
  ++indexes_read;
  const auto row_of = [&](const std::string& id) { return records_.file(archive, id); };
  for (auto entry = indexes_.begin(); entry != indexes_.end();) {
    auto& [rules, index] = entry->second;
    if (entry->first.first != archive) {
      ++entry;
    } else if (auto updated = jobs::ArchiveFiles(rules, wall(), passed_over(records_, archive)).update(*index, changes, row_of)) {
      index = std::make_shared<const jobs::ArchiveIndex>(std::move(*updated));
      ++entry;
    } else {
      entry = indexes_.erase(entry);
    }
  }
}

jobs::ListingHistory& State::listings_of(const std::string& archive) {
  const auto [found, added] = listings.try_emplace(archive);
  auto& history = found->second;
  if (added) records_.scan_files(archive, [&](const std::string& id, const store::FileRow& row) { history.add(id, row); });
  return history;
}

PlanInputs State::plan_inputs(const dag::Graph& graph) const {
  PlanInputs inputs;
  inputs.wall = wall();
  for (const auto& archive : graph.archives) inputs.indexes.push_back(cached_index(graph, archive));
  for (const auto& [name, node] : nodes)
    if (node.lost) inputs.lost_nodes.insert(static_cast<std::uint32_t>(node.number));
  return inputs;
}

Result<jobs::Plan> State::make_plan(SharedGraph graph, const jobs::PlanRequest& request) {
  for (const auto& archive : graph->archives) index_of(*graph, archive);
  auto inputs = plan_inputs(*graph);
  return control::make_plan(records_, std::move(graph), std::move(inputs), request);
}

const ModuleRow* State::module_row(const std::string& name) const {
  const auto found = modules.find(name);
  return found == modules.end() ? nullptr : &found->second;
}

std::vector<Digest> State::shown_fingerprints(const std::string& name) const {
  const auto* row = module_row(name);
  if (!row) return {};
  std::vector<Digest> out{row->fingerprint};
  for (const auto& what_if : row->what_ifs) out.push_back(what_if.fingerprint);
  return out;
}

std::uint32_t State::node_number(const std::string& name) const {
  const auto found = nodes.find(name);
  return found == nodes.end() ? 0 : static_cast<std::uint32_t>(found->second.number);
}

bool State::listed_within(Micros age, const dag::Graph& graph, const dag::Archive& archive) const {
  const auto at = listed_at_.find(location_of(graph, archive));
  return at != listed_at_.end() && now() - at->second < age;
}

void State::note_listed(const dag::Graph& graph, const dag::Archive& archive) {
  const auto name = graph.index_name(archive) + "\n";
  std::erase_if(listed_at_, [&](const auto& entry) { return entry.first.starts_with(name); });  // it has only one location
  listed_at_[location_of(graph, archive)] = now();
}

void State::forget_listed(const dag::Graph& graph, const dag::Archive& archive) { listed_at_.erase(location_of(graph, archive)); }

}  // namespace mole::coordinator::control
