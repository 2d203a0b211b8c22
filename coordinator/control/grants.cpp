#include "coordinator/control/grants.hpp"

#include "coordinator/control/library_drives.hpp"
#include "coordinator/tasks/spec_builder.hpp"
#include "sdk/model/kept_columns.hpp"

#include <map>
#include <set>

namespace mole::coordinator::control {
namespace {

// Leases are stored so that a restarted coordinator does not grant a task again while a node is still running it.
store::LeaseRow row_of(const leases::Grant& g, const LeaseRequest& from) {
  store::LeaseRow row{from.node,  from.incarnation, g.epoch, g.seq,     g.kind,   g.request,
                      g.ref.grid, g.ref.number,     g.block, g.library, g.medium, {}};
  for (const auto& [step, job, state_key, result_key] : g.steps)
    row.steps.push_back({step.module, step.make_state, step.make_result, job.fingerprint, state_key, result_key});
  return row;
}

bool adopt(State& state, std::string_view id, std::string_view bytes) MOLE_REQUIRES(service_mutex) {
  const auto row = store::decode_lease(bytes);
  if (!row) return false;  // the lease is lost, which costs only repeated work
  leases::Grant grant;
  grant.id = std::string(id);
  grant.epoch = row->epoch;
  grant.seq = row->seq;
  grant.kind = row->kind;
  grant.request = row->request;
  grant.library = row->library;
  grant.medium = row->medium;
  grant.ref = {row->grid, row->block_number};
  grant.block = row->block;
  for (const auto& s : row->steps)
    grant.steps.push_back({{s.module, s.make_state, s.make_result}, {s.fingerprint, row->block.from}, s.state_key, s.result_key});
  return state.scheduler.adopt(grant, row->node, row->incarnation, state.now());
}

// Returns an empty string if the node is unknown.
std::string address_of(const std::map<std::string, NodeRow>& nodes, std::uint32_t number) {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const auto& entry) { return entry.second.number == number; });
  return found == nodes.end() ? std::string{} : found->second.address;
}

}  // namespace

void Grants::adopt_stored() {
  store::Batch batch;
  records_.store().scan(Table::leases, "", "", [&](std::string_view key, std::string_view row) MOLE_REQUIRES(service_mutex) {
    if (!adopt(state_, key, row)) batch.erase(Table::leases, key);
    return true;
  });
  records_.store().write(batch);
}

void Grants::tick(Change& change) {
  const auto lost = state_.scheduler.tick(state_.now());
  for (const auto& name : lost) {
    auto& node = state_.nodes[name];
    node.lost = true;
    store_node(node, change);
    state_.log({{"event", "node lost"}, {"node", name}}, change);
  }
  if (!lost.empty()) requests_.replan_all(change);  // states that only these nodes hold are computed again when needed
  for (const auto& [node, length, ends] : state_.scheduler.take_quarantines())
    state_.log({{"event", length > 0 ? "node quarantined" : "quarantine ended"},
                {"node", node},
                {"seconds", length / second_us},
                {"ends", ends}},
               change);
  for (const auto& [node, why] : state_.scheduler.take_full())
    state_.log({{"event", why.empty() ? "node takes tasks again" : "node full"}, {"node", node}, {"message", why}}, change);
  listings_.relist_waiting();
  const auto abandoned = state_.scheduler.take_abandoned();
  for (const auto& [job, failure] : abandoned)
    state_.log({{"event", "job given up"}, {"job", state_.put_failure(job, failure, change)}, {"message", failure.message}},
               change);
  if (!abandoned.empty())
    for (auto& [number, request] : state_.live) requests_.check_finished(request, change);
}

void Grants::store_node(const NodeRow& node, Change& change) const {
  records_.put_json(change.batch, Table::nodes, keys::number(node.number), node);
}

// Not that of a node that was forgotten but has a history of loads.
std::uint64_t Grants::unused_number() const {
  std::uint64_t last = 0;
  for (const auto& [name, node] : state_.nodes) last = std::max(last, node.number);
  for (const auto node : records_.nodes_with_loads()) last = std::max(last, node);
  return last + 1;
}

Result<Registration> Grants::register_node(const NodeInfo& info, Change& change) {
  auto registered = state_.scheduler.register_node(info, state_.now());
  if (!registered) {
    state_.log({{"event", "two nodes of one name"}, {"node", info.name}, {"address", info.address}}, change);
    return registered;
  }
  auto& node = state_.nodes[info.name];
  if (node.number == 0 || node.address != info.address || node.lost) {
    if (node.number == 0) node.number = unused_number();
    const bool back = node.lost;
    node.name = info.name;
    node.address = info.address;
    node.lost = false;
    store_node(node, change);
    change.info("node " + info.name + ": registered" + (info.address.empty() ? "" : " at " + info.address));
    if (back) requests_.replan_all(change);  // its states are available again
  }
  return registered;
}

Result<std::vector<task::Spec>> Grants::lease(const LeaseRequest& request, Change& change) {
  tick(change);
  set_drives();
  MOLE_TRY(auto grants, state_.scheduler.lease(request, state_.now()));
  std::vector<task::Spec> out;
  bool outdated = false;
  store::Batch leased;
  for (const auto& grant : grants) {
    if (const auto known = state_.specs.find(grant.id); known != state_.specs.end()) {
      out.push_back(known->second);
      continue;
    }
    auto spec = spec_of(grant);
    if (!spec) {
      state_.scheduler.release(request.node, request.incarnation, {grant.id}, state_.now());
      outdated = true;
      continue;
    }
    spec->request = requests::request_id(grant.request);
    manage_cache(grant, request.node, *spec);
    change.info(task::title_of(*spec) + ": leased to node " + request.node);
    if (!grant.archive_task) leased.put(Table::leases, grant.id, store::encode(row_of(grant, request)));
    out.push_back(*spec);
    state_.specs.emplace(grant.id, std::move(*spec));
  }
  std::erase_if(state_.specs, [&](const auto& entry) MOLE_REQUIRES(service_mutex) {
    if (state_.scheduler.grant(entry.first)) return false;
    leased.erase(Table::leases, entry.first);
    return true;
  });
  records_.store().write(leased);  // not synced: losing a lease only costs repeated work
  if (outdated) requests_.replan_all(change);
  return out;
}

HeartbeatReply Grants::heartbeat(const Heartbeat& heartbeat, Change& change) {
  tick(change);
  auto reply = state_.scheduler.heartbeat(heartbeat, state_.now());
  if (heartbeat.load && !reply.reregister)
    state_.loads.add(state_.node_number(heartbeat.node), leases::minutes_of(*heartbeat.load, media_wait(), state_.wall()),
                     state_.wall(), state_.now());
  return reply;
}

// Looking at a million files takes some tenths of a second.
leases::MediaWait Grants::media_wait() {
  constexpr Micros max_age = 20 * second_us;
  const auto now = state_.now();
  if (!media_wait_at_ || now - *media_wait_at_ >= max_age) {
    media_wait_ = state_.scheduler.media_wait(now);
    media_wait_at_ = now;
  }
  return media_wait_;
}

// Sets how many drives may be used now, for each store of the archives of live requests.
void Grants::set_drives() {
  if (!state_.scheduler.stages_files()) return;
  LibraryDrives drives;
  for (const auto& [number, request] : state_.live) drives.add(*request.graph);
  for (const auto& [library, now] : drives.at(state_.wall())) state_.scheduler.set_drives(library, now, state_.now());
}

// Says which files the task finds in the node's cache, or copies from other nodes before it begins, which it keeps there for
// other tasks, and which are not kept any more.
void Grants::manage_cache(const leases::Grant& grant, const std::string& node, task::Spec& spec) {
  if (!spec.archive) return;
  const auto cache_name = task::cache_name_of(*spec.archive);
  const auto shared = state_.scheduler.shared_files(node, grant), staged = state_.scheduler.staged_files(node, grant);
  const auto peers = state_.scheduler.peer_files(node, grant);
  for (std::uint32_t i = 0; i < spec.files.size() && !(staged.empty() && peers.empty()); ++i) {
    if (!spec.files[i].present) continue;
    const auto key = kept_file_name(spec.files[i], cache_name);
    const auto peer = peers.find(key);
    if (peer != peers.end()) spec.peers.push_back({i, peer->second});
    if (peer != peers.end() || staged.contains(key)) spec.staged.push_back(i);
    if (shared.contains(key)) spec.keep.push_back(i);
  }
  for (const auto& released : state_.scheduler.take_released(node, cache_name))
    if (released.description) spec.release.push_back(*released.description);
}

// Another request describes the archive if the one for which the batch was granted has ended.
Result<task::Spec> Grants::fetch_spec_of(const leases::Grant& grant) {
  std::vector<task::File> files;
  std::string cache_name;
  for (const auto& key : grant.files)
    if (const auto* file = state_.scheduler.medium_file(key); file && file->description) {
      files.push_back(*file->description);
      cache_name = file->archive;
    }
  std::vector<const Request*> requests;
  if (const auto own = state_.live.find(grant.request); own != state_.live.end()) requests.push_back(&own->second);
  for (const auto& [number, request] : state_.live) requests.push_back(&request);
  for (const auto* request : requests)
    for (const auto& archive : request->graph->archives)
      if (files.size() == grant.files.size() && task::cache_name_of(tasks::archive_of(archive)) == cache_name) {
        auto spec = tasks::build_archive_spec(grant, archive, std::move(files));
        for (std::uint32_t i = 0; i < grant.files.size(); ++i)
          if (state_.scheduler.needs_whole(grant.files[i])) spec.whole.push_back(i);
        return spec;
      }
  return missing("no request needs the files any more; release the task");
}

Result<task::Spec> Grants::spec_of(const leases::Grant& grant) {
  if (grant.kind == task::Kind::fetch) return fetch_spec_of(grant);
  if (grant.archive_task) {
    const auto request = state_.live.find(grant.request);
    return request == state_.live.end() ? missing("the request has ended; release the task")
                                        : archive_spec_of(grant, request->second);
  }
  const auto* plan = state_.scheduler.plan(grant.request);
  if (!plan) return missing("the request has ended; release the task");
  return tasks::build_spec(
      grant, *plan,
      {[this](const leases::JobKey& job) { return records_.catalogue(job.fingerprint, job.from); },
       [this](std::uint32_t number) MOLE_REQUIRES(service_mutex) { return address_of(state_.nodes, number); }});
}

Result<task::Spec> Grants::archive_spec_of(const leases::Grant& grant, const Request& request) {
  const auto task = state_.scheduler.archive_task(grant.request, grant.archive_task);
  const auto& graph = *request.graph;
  const auto a = task ? graph.find_archive(local_name(task->archive)) : std::nullopt;
  if (!a) return missing("the archive task has ended; release it");
  const auto& archive = graph.archives[*a];
  std::vector<task::File> files;
  if (grant.kind == task::Kind::verify) {
    const auto index = state_.index_of(graph, archive);
    files = index->reach(index->routers(), grant.block);
    std::erase_if(files, [&](const task::File& file) { return !file.present || file.covers.from < grant.block.from; });
  }
  auto spec = tasks::build_archive_spec(grant, archive, std::move(files));
  if (grant.kind == task::Kind::index) spec.listings = state_.listings_of(graph.index_name(archive)).known();
  return spec;
}

}  // namespace mole::coordinator::control
