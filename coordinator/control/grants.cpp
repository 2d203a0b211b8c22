#include "coordinator/control/grants.hpp"

#include "coordinator/leases/grant_row.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/tasks/spec_builder.hpp"

#include <algorithm>

namespace mole::coordinator::control {

using nlohmann::json;
using store::Table;
namespace keys = store::keys;

void Grants::adopt_stored() {
  store::Batch batch;
  records_.scan_json(Table::leases, "", [&](std::string_view key, const json& row) MOLE_REQUIRES(service_mutex) {
    auto stored = leases::lease_from_row(std::string(key), row);
    if (!stored || !state_.scheduler.adopt(std::move(stored->grant), stored->node, stored->incarnation, state_.now()))
      batch.erase(Table::leases, key);
    return true;
  });
  records_.store().write(batch);
}

void Grants::tick(Change& change) {
  mark_lost(state_.scheduler.tick(state_.now()), change);
  listings_.relist_waiting();
}

// States that exist only on lost nodes are computed again when needed.
void Grants::mark_lost(const std::vector<std::string>& names, Change& change) {
  for (const auto& name : names) {
    auto& node = state_.nodes[name];
    node.lost = true;
    store_node(node, change);
    state_.log({{"event", "node lost"}, {"node", name}}, change);
  }
  if (!names.empty()) requests_.replan_all(change);
}

void Grants::store_node(const NodeRow& node, Change& change) const {
  records_.put_json(change.batch, Table::nodes, keys::number(node.number),
                    {{"name", node.name}, {"address", node.address}, {"lost", node.lost}});
}

Registration Grants::register_node(const NodeInfo& info, Change& change) {
  auto& node = state_.nodes[info.name];
  if (node.number == 0 || node.address != info.address || node.lost) {
    if (node.number == 0)
      for (const auto& [name, other] : state_.nodes) node.number = std::max(node.number, other.number + 1);
    const bool back = node.lost;
    node.name = info.name;
    node.address = info.address;
    node.lost = false;
    store_node(node, change);
    if (back) requests_.replan_all(change);  // its states are available again
  }
  return state_.scheduler.register_node(info, state_.now());
}

Result<std::vector<task::Spec>> Grants::lease(const LeaseRequest& ask, Change& change) {
  tick(change);
  auto grants = state_.scheduler.lease(ask, state_.now());
  if (!grants) return grants.error();
  std::vector<task::Spec> out;
  bool outdated = false;
  store::Batch leased;
  for (const auto& grant : *grants) {
    if (const auto known = state_.specs.find(grant.id); known != state_.specs.end()) {
      out.push_back(known->second);
      continue;
    }
    auto spec = spec_of(grant);
    if (!spec) {
      state_.scheduler.release(ask.node, ask.incarnation, {grant.id}, state_.now());
      outdated = true;
      continue;
    }
    if (!grant.archive_task) records_.put_json(leased, Table::leases, grant.id, leases::to_row(grant, ask.node, ask.incarnation));
    out.push_back(*spec);
    state_.specs.emplace(grant.id, std::move(*spec));
  }
  std::erase_if(state_.specs, [&](const auto& entry) MOLE_REQUIRES(service_mutex) {
    if (state_.scheduler.leased(entry.first)) return false;
    leased.erase(Table::leases, entry.first);
    return true;
  });
  records_.store().write(leased);  // not synced: a lost lease costs repeated work, nothing else
  if (outdated) requests_.replan_all(change);
  return out;
}

Result<task::Spec> Grants::spec_of(const leases::Grant& grant) {
  if (grant.archive_task) {
    const auto request = state_.live.find(grant.request);
    return request == state_.live.end() ? missing("the request has ended") : archive_spec_of(grant, request->second);
  }
  const auto* plan = state_.scheduler.plan(grant.request);
  if (!plan) return missing("the request has ended");
  return tasks::build_spec(grant, *plan,
                           {[this](const leases::JobKey& job) { return records_.catalogue(job.fingerprint, job.from); },
                            [this](std::uint32_t node) MOLE_REQUIRES(service_mutex) { return state_.address_of(node); }});
}

Result<task::Spec> Grants::archive_spec_of(const leases::Grant& grant, const requests::Request& request) {
  const auto task = state_.scheduler.archive_task(grant.request, grant.archive_task);
  const auto& graph = *request.graph;
  const auto a = task ? graph.find_archive(local_name(task->archive)) : std::nullopt;
  if (!a) return missing("the archive task has ended");
  const auto& archive = graph.archives[*a];
  std::vector<task::File> files;
  if (grant.kind == task::Kind::verify) {
    const auto index = state_.index_of(graph, archive);
    files = index->reach(index->routers(), grant.block);
    std::erase_if(files, [&](const task::File& file) { return !file.present || file.covers.from < grant.block.from; });
  }
  return tasks::build_archive_spec(grant, archive, std::move(files));
}

HeartbeatReply Grants::heartbeat(const Heartbeat& heartbeat, Change& change) {
  tick(change);
  return state_.scheduler.heartbeat(heartbeat, state_.now());
}

void Grants::release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) {
  state_.scheduler.release(node, incarnation, tasks, state_.now());
}

}  // namespace mole::coordinator::control
