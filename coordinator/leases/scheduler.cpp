#include "coordinator/leases/scheduler.hpp"

#include <algorithm>
#include <tuple>

namespace mole::coordinator::leases {

using jobs::Flag;
using tasks::BlockRef;

namespace {

constexpr auto needs_any = static_cast<std::uint8_t>(Flag::needs_state | Flag::needs_result);
constexpr auto stopped = static_cast<std::uint8_t>(Flag::failed | Flag::blocked);

// Blocks a node works through alone, if nobody is idle: neighbours share the files of their border, windows their states.
constexpr std::size_t stretch = 8;
constexpr std::size_t most_compared = 256;

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
  work.worked_by.clear();  // what has to be done again is nobody's
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
    for (auto it = failures_.lower_bound({fingerprint, INT64_MIN}); it != failures_.end() && it->first.fingerprint == fingerprint;
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

void Scheduler::add_archive_task(std::uint64_t request, std::int32_t priority, ArchiveTask archive_task) {
  work_of(request, priority).archive_tasks.push_back({std::move(archive_task), false, 0, 0});
}

void Scheduler::remove_archive_tasks(std::uint64_t request, const std::string& archive) {
  const auto found = works_.find(request);
  if (found != works_.end())
    std::erase_if(found->second.archive_tasks, [&](const PendingArchiveTask& e) { return e.task.archive == archive; });
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

std::optional<ArchiveTask> Scheduler::archive_task(std::uint64_t request, std::uint64_t id) const {
  const auto found = works_.find(request);
  if (found == works_.end()) return std::nullopt;
  for (const auto& pending : found->second.archive_tasks)
    if (pending.task.id == id) return pending.task;
  return std::nullopt;
}

bool Scheduler::has_archive_tasks(std::uint64_t request) const {
  const auto found = works_.find(request);
  return found != works_.end() && !found->second.archive_tasks.empty();
}

bool Scheduler::exhausted(std::uint64_t request) const {
  const auto found = works_.find(request);
  return found != works_.end() && found->second.plan && found->second.live == 0 && found->second.archive_tasks.empty();
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

const FailureRecord* Scheduler::failure(const JobKey& job) const {
  const auto found = failures_.find(job);
  return found == failures_.end() ? nullptr : &found->second;
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

Result<std::vector<Grant>> Scheduler::lease(const LeaseRequest& ask, Micros now, Random&) {
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
    if (auto grant = next_archive_task(request, *work, now)) return grant;
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

std::optional<Grant> Scheduler::next_archive_task(std::uint64_t request, Work& work, Micros now) {
  for (auto& pending : work.archive_tasks) {
    if (pending.leased || pending.not_before > now) continue;
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
  if (!work.plan) return std::nullopt;
  const auto& grids = work.plan->grids;
  while (!work.delayed.empty() && work.delayed.begin()->first <= now) {
    const auto ref = work.delayed.begin()->second;
    work.delayed.erase(work.delayed.begin());
    work.candidates.emplace(grids[ref.grid].start(ref.number), ref);
  }
  while (const auto ref = next_block(work, node)) {
    const auto steps = choose_steps(work, *ref, now);
    if (!steps.empty()) {
      work.worked_by[*ref] = node;
      return grant_of(request, work, *ref, steps);
    }
    // It comes back when something it waits for is done, expires or its delay is over; so do those behind it, as a rule.
    auto at = work.candidates.find({grids[ref->grid].start(ref->number), *ref});
    do at = work.candidates.erase(at);
    while (at != work.candidates.end() && choose_steps(work, at->second, now).empty());
  }
  return std::nullopt;
}

// Of the oldest blocks something may run in, one that the node has worked on, or that follows one of its: states need not
// travel, and the file that lies on their border is decoded once. Else the oldest that is nobody's next; else the middle of
// the longest row of them, so that two nodes meet as late as can be. No node is far ahead of the oldest that can be had.
std::optional<BlockRef> Scheduler::next_block(const Work& work, const std::string& node) const {
  const auto oldest = oldest_blocks(work);
  const auto close = [&](BlockRef ref) {
    const auto own = work.worked_by.find(ref);
    if (own != work.worked_by.end()) return own->second == node || own->second.empty();  // failed: whoever comes first tries it
    const auto before = work.worked_by.find({ref.grid, ref.number - 1});
    return before != work.worked_by.end() && before->second == node;
  };
  if (const auto found = std::find_if(oldest.begin(), oldest.end(), close); found != oldest.end()) return *found;
  struct Row {
    BlockRef first;
    std::int64_t length;
  };
  std::vector<Row> rows;
  for (const auto ref : oldest) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) {
      return r.first.grid == ref.grid && r.first.number + r.length == ref.number;
    });
    if (row != rows.end())
      ++row->length;
    else
      rows.push_back({ref, 1});
  }
  for (const auto& row : rows)
    if (!comes_next(work, row.first)) return row.first;
  const auto longest = std::max_element(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.length < b.length; });
  if (longest == rows.end()) return std::nullopt;
  return BlockRef{longest->first.grid, longest->first.number + longest->length / 2};
}

// Candidates, oldest first, from a time that all nodes could work on side by side.
std::vector<BlockRef> Scheduler::oldest_blocks(const Work& work) const {
  const auto most = blocks_compared();
  std::vector<BlockRef> out;
  for (const auto& [from, ref] : work.candidates) {
    const auto until = work.candidates.begin()->first + static_cast<Micros>(most) * work.plan->grids[ref.grid].length;
    if (out.size() == most || from >= until) break;
    out.push_back(ref);
  }
  return out;
}

std::size_t Scheduler::blocks_compared() const {
  const auto here = std::count_if(nodes_.begin(), nodes_.end(), [](const auto& entry) { return !entry.second.lost; });
  return std::min(most_compared, static_cast<std::size_t>(here) * stretch);
}

// Some node is at the block before it.
bool Scheduler::comes_next(const Work& work, BlockRef ref) const {
  const BlockRef before{ref.grid, ref.number - 1};
  const auto from = work.plan->grids[before.grid].start(before.number);
  const auto& modules = work.plan->graph->modules;
  return std::any_of(modules.begin(), modules.end(), [&](const auto& m) { return inflight_.contains({m.fingerprint, from}); });
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
    const auto* t = failure({plan.graph->modules[m].fingerprint, from});
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
