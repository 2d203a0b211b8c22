#include "coordinator/leases/scheduler.hpp"

#include <algorithm>
#include <tuple>

namespace mole::coordinator::leases {

using jobs::Flag;
using tasks::BlockRef;

namespace {

constexpr auto needs_any = static_cast<std::uint8_t>(Flag::needs_state | Flag::needs_result);
constexpr auto stopped = static_cast<std::uint8_t>(Flag::failed | Flag::blocked);

constexpr std::size_t blocks_compared = 4;  // when a node is given the block it has states for

bool live(std::uint8_t flags) { return (flags & needs_any) && !(flags & stopped); }

}  // namespace

// ---- work

Scheduler::Work& Scheduler::work_of(std::uint64_t request, std::int32_t priority) {
  auto& work = works_[request];
  work.priority = priority;
  return work;
}

void Scheduler::set_plan(std::uint64_t request, std::int32_t priority, jobs::Plan plan) {
  auto& work = work_of(request, priority);
  work.plan = std::move(plan);
  work.module_of.clear();
  work.reach = 1;
  for (std::uint32_t m = 0; m < work.plan->modules.size(); ++m) {
    work.module_of[work.plan->graph->modules[m].fingerprint] = m;
    work.reach = std::max(work.reach, std::max(work.plan->modules[m].back, work.plan->modules[m].warmup));
  }
  std::vector<std::string> obsolete;
  for (const auto& [id, lease] : leases_)
    if (lease.grant.request == request && !lease.grant.steps.empty() && !wanted_elsewhere(lease.grant)) obsolete.push_back(id);
  for (const auto& id : obsolete) end_lease(id, true);
  refresh(work);
}

// Derives failures, the count of live jobs and the candidates anew.
void Scheduler::refresh(Work& work) {
  auto& plan = *work.plan;
  for (std::uint32_t m = 0; m < plan.modules.size(); ++m) {
    auto& mine = plan.modules[m];
    const auto& fingerprint = plan.graph->modules[m].fingerprint;
    const auto& grid = plan.grid(m);
    for (auto& flags : mine.flags) flags &= static_cast<std::uint8_t>(~stopped);
    for (auto it = troubles_.lower_bound({fingerprint, INT64_MIN}); it != troubles_.end() && it->first.fingerprint == fingerprint;
         ++it) {
      const auto b = grid.number(it->first.from);
      if (it->second.given_up && mine.covers(b) && (mine.at(b) & needs_any)) mine.at(b) |= Flag::failed;
    }
  }
  jobs::propagate_failures(plan);
  work.live = 0;
  work.candidates.clear();
  for (std::uint32_t m = 0; m < plan.modules.size(); ++m) {
    const auto& mine = plan.modules[m];
    for (auto b = mine.first; b < mine.last(); ++b) {
      if (!live(mine.flags_at(b))) continue;
      ++work.live;
      work.candidates.emplace_hint(work.candidates.end(), plan.grids[mine.grid].start(b), BlockRef{mine.grid, b});
    }
  }
}

void Scheduler::add_errand(std::uint64_t request, std::int32_t priority, Errand errand) {
  work_of(request, priority).errands.push_back({std::move(errand), false, 0, 0});
}

void Scheduler::remove_errands(std::uint64_t request, const std::string& archive) {
  const auto found = works_.find(request);
  if (found != works_.end())
    std::erase_if(found->second.errands, [&](const PendingErrand& e) { return e.errand.archive == archive; });
}

void Scheduler::drop(std::uint64_t request) {
  works_.erase(request);
  std::vector<std::string> obsolete;
  for (const auto& [id, lease] : leases_)
    if (lease.grant.request == request && !wanted_elsewhere(lease.grant)) obsolete.push_back(id);
  for (const auto& id : obsolete) end_lease(id, true);
}

// Some request still wants something of this task, under the same keys.
bool Scheduler::wanted_elsewhere(const Grant& grant) const {
  for (const auto& [request, work] : works_) {
    if (!work.plan) continue;
    for (const auto& step : grant.steps) {
      const auto found = work.module_of.find(step.job.fingerprint);
      if (found == work.module_of.end()) continue;
      const auto& mine = work.plan->modules[found->second];
      const auto b = work.plan->grid(found->second).number(step.job.from);
      const auto flags = mine.flags_at(b);
      if (!live(flags)) continue;
      if ((step.step.make_state && (flags & Flag::needs_state) && mine.state_key(b) == step.state_key) ||
          (step.step.make_result && (flags & Flag::needs_result) && mine.result_key(b) == step.result_key))
        return true;
    }
  }
  return false;
}

const jobs::Plan* Scheduler::plan(std::uint64_t request) const {
  const auto found = works_.find(request);
  return found != works_.end() && found->second.plan ? &*found->second.plan : nullptr;
}

std::optional<Errand> Scheduler::errand(std::uint64_t request, std::uint64_t id) const {
  const auto found = works_.find(request);
  if (found == works_.end()) return std::nullopt;
  for (const auto& pending : found->second.errands)
    if (pending.errand.id == id) return pending.errand;
  return std::nullopt;
}

bool Scheduler::has_errands(std::uint64_t request) const {
  const auto found = works_.find(request);
  return found != works_.end() && !found->second.errands.empty();
}

bool Scheduler::exhausted(std::uint64_t request) const {
  const auto found = works_.find(request);
  return found != works_.end() && found->second.plan && found->second.live == 0 && found->second.errands.empty();
}

JobCounts Scheduler::counts(std::uint64_t request) const {
  JobCounts out;
  const auto found = works_.find(request);
  if (found == works_.end() || !found->second.plan) return out;
  const auto& plan = *found->second.plan;
  for (const auto& mine : plan.modules)
    for (const auto flags : mine.flags) {
      if (!(flags & (Flag::asked | needs_any))) continue;
      ++out.total;
      if (flags & Flag::waits)
        ++out.waiting;
      else if (flags & Flag::failed)
        ++out.failed;
      else if (flags & Flag::blocked)
        ++out.blocked;
      else if (!(flags & needs_any))
        ++out.done;
    }
  for (const auto& [job, id] : inflight_) {
    const auto module = found->second.module_of.find(job.fingerprint);
    if (module == found->second.module_of.end()) continue;
    if (live(plan.modules[module->second].flags_at(plan.grid(module->second).number(job.from)))) ++out.running;
  }
  return out;
}

const Trouble* Scheduler::trouble(const JobKey& job) const {
  const auto found = troubles_.find(job);
  return found == troubles_.end() ? nullptr : &found->second;
}

const Grant* Scheduler::grant(const std::string& id) const {
  const auto found = leases_.find(id);
  return found == leases_.end() ? nullptr : &found->second.grant;
}

void Scheduler::add_candidates(Work& work, BlockRef ref) {
  const auto& plan = *work.plan;
  for (auto b = ref.number; b <= ref.number + work.reach; ++b)
    for (const auto& mine : plan.modules)
      if (mine.grid == ref.grid && live(mine.flags_at(b))) {
        work.candidates.emplace(plan.grids[ref.grid].start(b), BlockRef{ref.grid, b});
        break;
      }
}

// ---- granting

Result<std::vector<Grant>> Scheduler::lease(const LeaseAsk& ask, Micros now, Random&) {
  advance(now);
  const auto found = nodes_.find(ask.node);
  if (found == nodes_.end() || found->second.info.incarnation != ask.incarnation)
    return transient("the coordinator does not know this incarnation of node " + ask.node + "; register again");
  found->second.heard = now;
  std::vector<Grant> out;
  const std::set<std::string> held(ask.held.begin(), ask.held.end());
  for (auto& [id, lease] : leases_) {
    if (lease.node != ask.node || lease.incarnation != ask.incarnation) continue;
    lease.deadline = now + settings_.lease;
    if (!held.contains(id)) out.push_back(lease.grant);  // the reply that granted it was lost
  }
  if (found->second.draining || found->second.told_to_drain) return out;
  const auto wanted = std::min<std::size_t>(ask.free_slots, settings_.max_grants);
  while (out.size() < wanted) {
    auto grant = next_grant(ask.node, now);
    if (!grant) break;
    for (const auto& step : grant->steps) inflight_[step.job] = grant->id;
    leases_[grant->id] = {*grant, ask.node, ask.incarnation, now + settings_.lease, {grant->id, "granted", 0, 0, 0}};
    out.push_back(std::move(*grant));
  }
  return out;
}

std::optional<Grant> Scheduler::next_grant(const std::string& node, Micros now) {
  std::vector<std::tuple<std::int32_t, std::uint64_t, Work*>> order;  // highest priority first, then first come
  for (auto& [request, work] : works_) order.emplace_back(-work.priority, request, &work);
  std::sort(order.begin(), order.end());
  for (auto& [priority, request, work] : order) {
    if (auto grant = next_errand(request, *work, now)) return grant;
    if (auto grant = next_task(request, *work, node, now)) return grant;
  }
  return std::nullopt;
}

Grant Scheduler::make_grant(std::uint64_t request) {
  Grant grant;
  grant.epoch = epoch_;
  grant.seq = ++seq_;
  grant.id = std::to_string(epoch_) + "-" + std::to_string(grant.seq);
  grant.request = request;
  return grant;
}

std::optional<Grant> Scheduler::next_errand(std::uint64_t request, Work& work, Micros now) {
  for (auto& pending : work.errands) {
    if (pending.leased || pending.not_before > now) continue;
    pending.leased = true;
    auto grant = make_grant(request);
    grant.kind = pending.errand.kind;
    grant.errand = pending.errand.id;
    grant.block = pending.errand.block;
    return grant;
  }
  return std::nullopt;
}

// The oldest block something can run in; of the oldest few, one whose states this node made before (or those of the block
// before it), because they need not travel.
std::optional<Grant> Scheduler::next_task(std::uint64_t request, Work& work, const std::string& node, Micros now) {
  if (!work.plan) return std::nullopt;
  while (!work.delayed.empty() && work.delayed.begin()->first <= now) {
    const auto ref = work.delayed.begin()->second;
    work.delayed.erase(work.delayed.begin());
    work.candidates.emplace(work.plan->grids[ref.grid].start(ref.number), ref);
  }
  const auto near = [&](BlockRef ref) {
    const auto made = [&](BlockRef r) {
      const auto found = work.made_by.find(r);
      return found != work.made_by.end() && found->second == node;
    };
    return made(ref) || made({ref.grid, ref.number - 1});
  };
  std::optional<std::pair<BlockRef, std::vector<tasks::FusedStep>>> oldest;
  std::size_t looked_at = 0;
  for (auto at = work.candidates.begin(); at != work.candidates.end() && looked_at < blocks_compared;) {
    const auto ref = at->second;
    auto steps = choose_steps(work, ref, now);
    if (steps.empty()) {  // comes back when something it waits for is done, expires or its delay is over
      at = work.candidates.erase(at);
      continue;
    }
    ++looked_at;
    ++at;
    if (near(ref)) return grant_of(request, work, ref, steps);
    if (!oldest) oldest.emplace(ref, std::move(steps));
    if (work.made_by.empty()) break;
  }
  if (!oldest) return std::nullopt;
  return grant_of(request, work, oldest->first, oldest->second);
}

Grant Scheduler::grant_of(std::uint64_t request, const Work& work, BlockRef ref, const std::vector<tasks::FusedStep>& steps) {
  auto grant = make_grant(request);
  grant.ref = ref;
  grant.block = work.plan->grids[ref.grid].block(ref.number);
  grant.kind = "merge";
  for (const auto& step : steps) {
    const auto& module = work.plan->graph->modules[step.module];
    const auto& mine = work.plan->modules[step.module];
    if (tasks::reads_inputs(module, step)) grant.kind = "compute";
    grant.steps.push_back(
        {step, {module.fingerprint, grant.block.from}, mine.state_key(ref.number), mine.result_key(ref.number)});
  }
  return grant;
}

// A job whose plugin failed before runs alone, so that it can take nothing else down; the others run without it.
std::vector<tasks::FusedStep> Scheduler::choose_steps(const Work& work, BlockRef ref, Micros now) const {
  const auto& plan = *work.plan;
  const auto from = plan.grids[ref.grid].start(ref.number);
  const auto idle = [&](std::uint32_t m) { return !inflight_.contains({plan.graph->modules[m].fingerprint, from}); };
  const auto suspect = [&](std::uint32_t m) {
    const auto* t = trouble({plan.graph->modules[m].fingerprint, from});
    return t && t->plugin_failures > 0;
  };
  const auto due = [&](std::uint32_t m) {
    const auto until = not_before_.find({plan.graph->modules[m].fingerprint, from});
    return until == not_before_.end() || until->second <= now;
  };
  const auto limit = work.bisect.find(ref);
  const auto most = limit == work.bisect.end() ? plan.modules.size() : limit->second;
  auto steps = tasks::fuse(plan, ref, most, [&](std::uint32_t m) { return idle(m) && !suspect(m) && due(m); });
  for (std::uint32_t m = 0; steps.empty() && m < plan.modules.size(); ++m)
    if (suspect(m) && idle(m) && due(m)) steps = tasks::fuse(plan, ref, 1, [&](std::uint32_t other) { return other == m; });
  return steps;
}

}  // namespace mole::coordinator::leases
