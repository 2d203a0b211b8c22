// Leases that end because their node did: whether a job is the cause.
#include "coordinator/leases/scheduler.hpp"

#include <algorithm>

namespace mole::coordinator::leases {

// Counts the end of a node against the jobs that it ran. One end is no evidence: machines are restarted. A job that was lost
// twice runs alone on its node, so that the next end tells whether it is the cause.
void Scheduler::lose(const Lease& lease, Micros now) {
  const auto nodes = 1 + others_that_take_tasks(lease.node, now).size();
  for (const auto& step : lease.grant.steps) {
    const auto until = failures_.lose(step.job, {lease.node, lease.alone, nodes}, settings_, now);
    const auto& record = *failures_.find(step.job);
    if (record.lost < 2 && !record.given_up) continue;
    for (auto& [request, work] : work_) work.fail(step.job, record.given_up, until);
    if (record.given_up) abandoned_.emplace_back(step.job, record);
  }
}

// Counts the end of a node once for all tasks that it held.
void Scheduler::count_ends(const std::vector<Lease>& lost, Micros now) {
  std::map<std::pair<std::string, std::string>, std::set<Micros>> ended;  // by node and incarnation
  for (const auto& lease : lost)
    if (!lease.grant.steps.empty()) ended[{lease.node, lease.incarnation}].insert(lease.grant.block.from);
  for (const auto& [node, blocks] : ended)
    health_.end(node.first, node.second, blocks, others_that_take_tasks(node.first, now), settings_, now);
}

void Scheduler::set_no_work(Node& node, const std::string& why) {
  constexpr std::size_t max_text = 500;
  const bool was_full = !node.no_work.empty();
  node.no_work = why.substr(0, max_text);
  if (was_full == !why.empty()) return;
  full_.emplace_back(node.info.name, node.no_work);
  if (node.draining) return;
  if (staging_.set_node(node.info.name, why.empty() ? node.info.cache_limit : 0, node.info.copy_limit))
    for (auto& [request, work] : work_)
      if (work.plan()) work.refresh(failures_);  // others fetch for its blocks, or it does again
}

bool Scheduler::takes_tasks(const std::string& name, const Node& node, Micros now) const {
  return !node.lost && !node.draining && node.no_work.empty() && !health_.is_quarantined(name, now) &&
         now - node.heard <= settings_.lease;
}

std::vector<std::string> Scheduler::others_that_take_tasks(const std::string& node, Micros now) const {
  std::vector<std::string> out;
  for (const auto& [name, other] : nodes_)
    if (name != node && takes_tasks(name, other, now)) out.push_back(name);
  return out;
}

// A node is better than none.
bool Scheduler::in_quarantine(const std::string& node, Micros now) const {
  return health_.is_quarantined(node, now) && !others_that_take_tasks(node, now).empty();
}

bool Scheduler::is_idle(const std::string& node) const {
  return std::ranges::none_of(
      leases_, [&](const auto& entry) { return entry.second.node == node && entry.second.grant.kind != task::Kind::fetch; });
}

bool Scheduler::runs_alone(const std::string& node) const {
  return std::ranges::any_of(leases_, [&](const auto& entry) { return entry.second.alone && entry.second.node == node; });
}

// Whether the node takes no more work until it is idle, because a job waits to run alone: of the nodes that may run one, that
// with the fewest leases does.
bool Scheduler::makes_room(const std::string& node, Micros now) const {
  const auto waits_for = [&](const std::string& name) {
    return std::ranges::any_of(failures_.lost_twice(), [&](const JobKey& job) {
      return !inflight_.contains(job) && std::ranges::any_of(work_, [&](const auto& entry) {
        return entry.second.is_live(job) && may_take(name, *entry.second.plan());
      });
    });
  };
  std::map<std::string, std::size_t> leases;
  for (const auto& [name, other] : nodes_)
    if (takes_tasks(name, other, now) && waits_for(name)) leases[name] = 0;
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
