// Leases that end because their node did: whether a job is the cause.
#include "coordinator/leases/scheduler.hpp"

#include <algorithm>

namespace mole::coordinator::leases {

// Counts the end of a node against the jobs that it ran. One end is no evidence: machines are restarted. A job that was lost
// twice runs alone on its node, so that the next end tells whether it is the cause.
void Scheduler::lose(const Lease& lease, Micros now) {
  const auto nodes = static_cast<std::size_t>(std::ranges::count_if(nodes_, [](const auto& n) { return !n.second.lost; }));
  for (const auto& step : lease.grant.steps) {
    const auto until = failures_.lose(step.job, {lease.node, lease.alone, nodes}, settings_, now);
    const auto& record = *failures_.find(step.job);
    if (record.lost < 2 && !record.given_up) continue;
    for (auto& [request, work] : work_) work.fail(step.job, record.given_up, until);
    if (record.given_up) abandoned_.emplace_back(step.job, record);
  }
}

bool Scheduler::is_idle(const std::string& node) const {
  return std::ranges::none_of(
      leases_, [&](const auto& entry) { return entry.second.node == node && entry.second.grant.kind != task::Kind::fetch; });
}

bool Scheduler::runs_alone(const std::string& node) const {
  return std::ranges::any_of(leases_, [&](const auto& entry) { return entry.second.alone && entry.second.node == node; });
}

// Whether the node takes no more work until it is idle, because a job waits to run alone: the one with the fewest leases does.
bool Scheduler::makes_room(const std::string& node) const {
  const auto waits = [&](const JobKey& job) {
    return !inflight_.contains(job) && std::ranges::any_of(work_, [&](const auto& entry) { return entry.second.is_live(job); });
  };
  if (std::ranges::none_of(failures_.lost_twice(), waits)) return false;
  std::map<std::string, std::size_t> leases;
  for (const auto& [name, other] : nodes_)
    if (!other.lost && !other.draining) leases[name] = 0;
  for (const auto& [id, lease] : leases_)
    if (const auto count = leases.find(lease.node); count != leases.end()) ++count->second;
  const auto least = std::ranges::min_element(leases, {}, [](const auto& entry) { return entry.second; });
  return least != leases.end() && least->first == node && !is_idle(node);
}

// Notes a block with a job that waits for an idle node: it becomes a candidate again when a lease ends.
void Scheduler::note_waiting(std::uint64_t request, const jobs::Plan& plan, BlockRef ref) {
  const auto from = plan.grids[ref.grid].start(ref.number);
  for (const auto& module : plan.graph->modules)
    if (failures_.lost_twice().contains({module.fingerprint, from})) waiting_alone_.insert({request, ref});
}

void Scheduler::reopen_waiting() {
  for (const auto& [request, ref] : std::exchange(waiting_alone_, {}))
    if (const auto work = work_.find(request); work != work_.end() && work->second.plan()) work->second.reopen(ref);
}

}  // namespace mole::coordinator::leases
