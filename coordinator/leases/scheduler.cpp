// The scheduler's work and grants.
#include "coordinator/leases/scheduler.hpp"

namespace mole::coordinator::leases {
namespace {

// Blocks reserved for a node: neighbouring blocks share the files on their border, and windows share states.
constexpr std::size_t blocks_per_node = 8;
constexpr std::size_t max_blocks_compared = 256;

}  // namespace

// ---- work

void Scheduler::set_plan(std::uint64_t request, std::int32_t priority, jobs::Plan plan) {
  auto& work = work_[request];
  work.priority = priority;
  work.set_plan(std::move(plan));
  work.refresh(failures_);
  staging_.set_plan(request, priority, *work.plan());
  cancel_unwanted();
  reopen_staged();
}

void Scheduler::add_archive_task(std::uint64_t request, std::int32_t priority, ArchiveTask task) {
  auto& work = work_[request];
  work.priority = priority;
  work.archive_tasks.push_back({std::move(task), false, 0, 0});
}

void Scheduler::remove_archive_tasks(std::uint64_t request, const std::string& archive) {
  const auto found = work_.find(request);
  if (found != work_.end())
    std::erase_if(found->second.archive_tasks, [&](const PendingArchiveTask& p) { return p.task.archive == archive; });
  cancel_unwanted();
}

void Scheduler::drop(std::uint64_t request) {
  work_.erase(request);
  staging_.drop(request);
  cancel_unwanted();
}

// Cancels the leases that no request needs, whichever request they were granted for.
void Scheduler::cancel_unwanted() {
  std::vector<std::string> obsolete;
  for (const auto& [id, lease] : leases_)
    if (!is_wanted(lease.grant)) obsolete.push_back(id);
  for (const auto& id : obsolete) end_lease(id, LeaseEnd::cancelled);
}

bool Scheduler::is_wanted(const Grant& grant) const {
  if (grant.kind == task::Kind::fetch) return staging_.stager.is_wanted(grant.batch);
  if (grant.archive_task) return archive_task(grant.request, grant.archive_task).has_value();
  if (const auto* work = find_work(grant.request); work && work->wants(grant)) return true;
  return std::any_of(work_.begin(), work_.end(), [&](const auto& entry) { return entry.second.wants(grant); });
}

const Work* Scheduler::find_work(std::uint64_t request) const {
  const auto found = work_.find(request);
  return found == work_.end() ? nullptr : &found->second;
}

const jobs::Plan* Scheduler::plan(std::uint64_t request) const {
  const auto* work = find_work(request);
  return work ? work->plan() : nullptr;
}

std::optional<ArchiveTask> Scheduler::archive_task(std::uint64_t request, std::uint64_t id) const {
  if (const auto* work = find_work(request))
    for (const auto& pending : work->archive_tasks)
      if (pending.task.id == id) return pending.task;
  return std::nullopt;
}

bool Scheduler::has_archive_tasks(std::uint64_t request) const {
  const auto* work = find_work(request);
  return work && !work->archive_tasks.empty();
}

bool Scheduler::exhausted(std::uint64_t request) const {
  const auto* work = find_work(request);
  return work && work->exhausted();
}

JobCounts Scheduler::counts(std::uint64_t request) const {
  const auto* work = find_work(request);
  if (!work) return {};
  auto out = work->counts();
  for (const auto& [job, id] : inflight_) out.running += work->is_live(job);
  return out;
}

std::string Scheduler::node_of(const JobKey& job) const {
  const auto found = inflight_.find(job);
  return found == inflight_.end() ? "" : leases_.at(found->second).node;
}

std::set<JobKey> Scheduler::running_jobs() const {
  std::set<JobKey> out;
  for (const auto& [job, lease] : inflight_) out.insert(job);
  return out;
}

const Grant* Scheduler::grant(const std::string& id) const {
  const auto found = leases_.find(id);
  return found == leases_.end() ? nullptr : &found->second.grant;
}

// ---- granting

Result<std::vector<Grant>> Scheduler::lease(const LeaseRequest& request, Micros now) {
  advance(now);
  const auto found = nodes_.find(request.node);
  if (found == nodes_.end() || found->second.info.incarnation != request.incarnation)
    return transient("this incarnation of node " + request.node + " is not registered; register it");
  found->second.heard = now;
  std::vector<Grant> out;
  const std::set<std::string> held(request.held.begin(), request.held.end());
  for (auto& [id, lease] : leases_) {
    if (lease.node != request.node || lease.incarnation != request.incarnation) continue;
    lease.deadline = now + settings_.lease;
    if (!held.contains(id)) out.push_back(lease.grant);  // the reply that granted it was lost
  }
  if (found->second.draining || in_quarantine(request.node, now)) return out;
  if (copies(request.node))
    for (const auto& [name, node] : nodes_) staging_.stager.set_serving(name, serves(node));
  const auto wanted = std::min<std::size_t>(request.free_slots, settings_.max_grants);
  const bool probed = health_.is_probed(request.node);
  while (out.size() < wanted && !(probed && !is_idle(request.node)) && !runs_alone(request.node) &&
         !makes_room(request.node, now)) {
    auto grant = next_grant(request.node, now);
    if (!grant) break;
    add_lease(*grant, request.node, request.incarnation, now);
    out.push_back(std::move(*grant));
  }
  if (staging_.stager.empty()) return out;
  const bool idle =
      out.empty() && std::ranges::none_of(leases_, [&](const auto& entry) { return entry.second.node == request.node; });
  for (std::uint32_t fetches = 0; fetches < request.free_fetches && out.size() < settings_.max_grants; ++fetches) {
    auto grant = next_fetch(request.node, now, idle);
    if (!grant) break;
    add_lease(*grant, request.node, request.incarnation, now);
    out.push_back(std::move(*grant));
  }
  return out;
}

std::optional<Grant> Scheduler::next_grant(const std::string& node, Micros now) {
  // Highest priority first, then the one that has waited longest for its turn, then the oldest request.
  std::vector<std::tuple<std::int32_t, std::uint64_t, std::uint64_t, Work*>> order;
  for (auto& [request, work] : work_) order.emplace_back(-work.priority, work.last_turn, request, &work);
  std::sort(order.begin(), order.end());
  // Another node may reach archives that this one does not.
  const bool may_list = !copies(node) || !any_reaches_archives();
  for (auto& [priority, last, request, work] : order) {
    auto grant = may_list ? next_archive_task(request, *work, nodes_.at(node), now) : std::nullopt;
    if (!grant) grant = next_task(request, *work, node, now);
    if (!grant) continue;
    work->last_turn = ++turn_;
    return grant;
  }
  return std::nullopt;
}

bool Scheduler::may_take(const std::string& node, const jobs::Plan& plan) const {
  return has_all(nodes_.at(node).info.sandbox, plan.graph->require_sandbox);
}

bool Scheduler::lacks_sandbox(const std::vector<SandboxPart>& required) const {
  const auto has_them = [&](const auto& entry) { return !entry.second.lost && has_all(entry.second.info.sandbox, required); };
  return std::ranges::any_of(nodes_, [](const auto& entry) { return !entry.second.lost; }) &&
         std::ranges::none_of(nodes_, has_them);
}

Grant Scheduler::make_grant(std::uint64_t request) {
  Grant grant;
  grant.epoch = epoch_;
  grant.seq = ++seq_;
  grant.id = std::to_string(epoch_) + "-" + std::to_string(grant.seq);
  grant.request = request;
  return grant;
}

Grant Scheduler::make_grant(std::uint64_t request, const jobs::Plan& plan, BlockRef ref,
                            const std::vector<tasks::FusedStep>& steps) {
  auto grant = make_grant(request);
  grant.ref = ref;
  grant.block = plan.grids[ref.grid].block(ref.number);
  grant.kind = task::Kind::merge;
  for (const auto& step : steps) {
    const auto& module = plan.graph->modules[step.module];
    const auto& planned = plan.modules[step.module];
    if (tasks::reads_inputs(module, step)) grant.kind = task::Kind::compute;
    grant.steps.push_back(
        {step, {module.fingerprint, grant.block.from}, planned.state_key(ref.number), planned.result_key(ref.number)});
  }
  return grant;
}

std::optional<Grant> Scheduler::next_archive_task(std::uint64_t request, Work& work, const Node& node, Micros now) {
  for (auto& pending : work.archive_tasks) {
    if (pending.leased || pending.not_before > now || !has_all(node.info.sandbox, pending.task.sandbox)) continue;
    pending.leased = true;
    auto grant = make_grant(request);
    grant.kind = pending.task.kind;
    grant.archive_task = pending.task.id;
    grant.block = pending.task.block;
    return grant;
  }
  return std::nullopt;
}

std::optional<Grant> Scheduler::next_task(std::uint64_t request, Work& work, const std::string& node, Micros now) {
  const auto* plan = work.plan();
  if (!plan || !may_take(node, *plan)) return std::nullopt;
  work.wake(now);
  const bool copying = copies(node);
  auto idle = copying ? idle_sources() : std::vector<std::string>();
  std::erase_if(idle, [&](const auto& other) { return !may_take(other, *plan); });
  const auto is_elsewhere = [&](BlockRef r) {
    return copying ? leaves_block(node, request, *plan, r, idle) : staging_.stager.is_elsewhere(node, request, r);
  };
  const std::function<bool(BlockRef)> skip =
      staging_.stager.empty() && !copying ? nullptr : std::function<bool(BlockRef)>(is_elsewhere);
  while (const auto ref = work.next_block(
             node, max_compared(), [&](BlockRef r) { return is_running(*plan, r); }, skip)) {
    const auto steps = choose_steps(request, work, *ref, node, now);
    if (!steps.empty()) {
      work.set_node(*ref, node);
      return make_grant(request, *plan, *ref, steps);
    }
    // The block becomes a candidate again when a job it waits for is done, when that job's lease ends, or when its delay is over.
    // The blocks after it usually wait, too.
    note_waiting(request, *plan, *ref);
    work.remove_candidates(*ref, [&](BlockRef r) {
      if (is_elsewhere(r) || !choose_steps(request, work, r, node, now).empty()) return false;
      note_waiting(request, *plan, r);
      return true;
    });
  }
  return std::nullopt;
}

std::size_t Scheduler::max_compared() const {
  const auto present = std::count_if(nodes_.begin(), nodes_.end(), [](const auto& entry) { return !entry.second.lost; });
  return std::min(max_blocks_compared, static_cast<std::size_t>(present) * blocks_per_node);
}

bool Scheduler::is_running(const jobs::Plan& plan, BlockRef ref) const {
  const auto from = plan.grids[ref.grid].start(ref.number);
  const auto& modules = plan.graph->modules;
  return std::any_of(modules.begin(), modules.end(), [&](const auto& m) { return inflight_.contains({m.fingerprint, from}); });
}

// A job whose plugin has failed before, or whose module has used up a worker's memory, runs alone in its task, so that another
// failure affects no other job; one whose nodes have ended, also alone on its node.
std::vector<tasks::FusedStep> Scheduler::choose_steps(std::uint64_t request, const Work& work, BlockRef ref,
                                                      const std::string& node, Micros now) const {
  const auto& plan = *work.plan();
  const auto from = plan.grids[ref.grid].start(ref.number);
  const bool may_read = staging_.may_read(node, request, ref);  // else its files are awaited
  const auto is_ready = [&](std::uint32_t m, bool suspect) {
    const auto& input = plan.graph->modules[m].inputs[0];
    if (!may_read && input.kind == InputKind::flows && staging_.has_media(request, input.source) &&
        plan.reads_inputs(m, ref.number))
      return false;
    const JobKey job{plan.graph->modules[m].fingerprint, from};
    const auto* record = failures_.find(job);
    const bool lost = record && record->lost >= 2;
    if (lost && !is_idle(node)) return false;
    const bool alone = lost || (record && record->plugin_failures > 0) || failures_.is_greedy(job.fingerprint);
    return !inflight_.contains(job) && alone == suspect && failures_.is_due(job, now);
  };
  auto steps = tasks::fuse(plan, ref, work.max_steps(ref), [&](std::uint32_t m) { return is_ready(m, false); });
  for (std::uint32_t m = 0; steps.empty() && m < plan.modules.size(); ++m)
    if (is_ready(m, true)) steps = tasks::fuse(plan, ref, 1, [&](std::uint32_t other) { return other == m; });
  return steps;
}

}  // namespace mole::coordinator::leases
