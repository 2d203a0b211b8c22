#include "coordinator/leases/work.hpp"

namespace mole::coordinator::leases {

using jobs::Flag;

namespace {

constexpr auto needs_any = static_cast<std::uint8_t>(Flag::needs_state | Flag::needs_result);
constexpr auto stopped = static_cast<std::uint8_t>(Flag::failed | Flag::blocked);

}  // namespace

bool is_live(std::uint8_t flags) { return (flags & needs_any) && !(flags & stopped); }

void count_job(std::uint8_t flags, JobCounts& counts) {
  if (!(flags & (Flag::requested | needs_any))) return;
  ++counts.total;
  if (flags & Flag::waits)
    ++counts.waiting;
  else if (flags & Flag::failed)
    ++counts.failed;
  else if (flags & Flag::blocked)
    ++counts.blocked;
  else if (!(flags & needs_any))
    ++counts.done;
}

void mark_failures(jobs::Plan& plan,
                   const std::function<void(const Digest&, const std::function<void(Micros)>&)>& visit_abandoned) {
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    auto& planned = plan.modules[m];
    for (auto& flags : planned.flags) flags &= static_cast<std::uint8_t>(~stopped);
    visit_abandoned(plan.graph->modules[m].fingerprint, [&](Micros from) {
      const auto b = plan.grid(m).number(from);
      if (planned.covers(b) && (planned.at(b) & needs_any)) planned.at(b) |= Flag::failed;
    });
  }
  jobs::propagate_failures(plan);
}

std::optional<Work::Location> Work::locate(const JobKey& job) const {
  if (!plan_) return std::nullopt;
  const auto module = modules_.find(job.fingerprint);
  if (module == modules_.end()) return std::nullopt;
  return Location{module->second, plan_->grid(module->second).number(job.from)};
}

void Work::set_plan(jobs::Plan plan) {
  plan_ = std::move(plan);
  modules_.clear();
  last_node_.clear();
  reach_ = 1;
  for (std::size_t m = 0; m < plan_->modules.size(); ++m) {
    modules_[plan_->graph->modules[m].fingerprint] = m;
    reach_ = std::max({reach_, plan_->modules[m].back, plan_->modules[m].warmup});
  }
}

void Work::refresh(const FailureLog& failures) {
  mark_failures(*plan_, [&](const Digest& fingerprint, const auto& visit) {
    for (auto it = failures.begin_of(fingerprint); it != failures.end() && it->first.fingerprint == fingerprint; ++it)
      if (it->second.given_up) visit(it->first.from);
  });
  live_ = 0;
  candidates_.clear();
  for (const auto& planned : plan_->modules)
    for (auto b = planned.first; b < planned.last(); ++b) {
      if (!leases::is_live(planned.flags_at(b))) continue;
      ++live_;
      candidates_.emplace_hint(candidates_.end(), entry({planned.grid, b}));
    }
}

bool Work::is_live(const JobKey& job) const {
  const auto at = locate(job);
  return at && leases::is_live(plan_->modules[at->module].flags_at(at->block));
}

void Work::visit_live(const Digest& fingerprint, const std::function<void(const JobKey&)>& visit) const {
  const auto module = modules_.find(fingerprint);
  if (!plan_ || module == modules_.end()) return;
  const auto& planned = plan_->modules[module->second];
  for (auto b = planned.first; b < planned.last(); ++b)
    if (leases::is_live(planned.flags_at(b))) visit({fingerprint, plan_->grid(module->second).start(b)});
}

bool Work::wants(const Grant& grant) const {
  return std::any_of(grant.steps.begin(), grant.steps.end(), [&](const tasks::GrantedStep& granted) {
    if (!is_live(granted.job)) return false;
    const auto at = *locate(granted.job);
    const auto& planned = plan_->modules[at.module];
    const auto flags = planned.flags_at(at.block);
    return (granted.step.make_state && (flags & Flag::needs_state) && planned.state_key(at.block) == granted.state_key) ||
           (granted.step.make_result && (flags & Flag::needs_result) && planned.result_key(at.block) == granted.result_key);
  });
}

JobCounts Work::counts() const {
  JobCounts out;
  if (!plan_) return out;
  for (const auto& planned : plan_->modules)
    for (const auto flags : planned.flags) count_job(flags, out);
  return out;
}

void Work::accept(const StepResult& done, const FailureLog& failures, SettledStep& fresh, SettledStep& known) {
  const auto& [step, report, block, node] = done;
  const auto at = locate({step.fingerprint, block.from});
  if (!at) return;
  const auto b = at->block;
  auto& planned = plan_->modules[at->module];
  if (!planned.covers(b) || plan_->grid(at->module).block(b) != block) return;
  auto& flags = planned.at(b);
  const bool was_live = leases::is_live(flags);
  const auto take = [&](bool made, const Digest& key, const Digest& wanted, std::uint8_t has, std::uint8_t needs,
                        bool SettledStep::*part) {
    if (!made || key != wanted || key.empty()) return;
    SettledStep& into = (flags & has) ? known : fresh;
    into.*part = true;
    flags = static_cast<std::uint8_t>((flags | has) & ~needs);
  };
  take(step.make_state && !report.state_blob.empty(), step.state_key, planned.state_key(b), Flag::has_state, Flag::needs_state,
       &SettledStep::state);
  take(step.make_result && !report.rows_blob.empty(), step.result_key, planned.result_key(b), Flag::has_result,
       Flag::needs_result, &SettledStep::result);
  if (flags & needs_any) {
    live_ -= jobs::block_row_without_states(*plan_, at->module, b);
  } else if (flags & Flag::failed) {  // a late success of a job that was abandoned
    flags &= static_cast<std::uint8_t>(~Flag::failed);
    refresh(failures);
  } else if (was_live) {
    --live_;
  }
  const BlockRef ref{planned.grid, b};
  if (fresh.state || fresh.result) last_node_[ref] = node;
  limits_.erase(ref);
  add_candidates(ref);
}

void Work::fail(const JobKey& job, bool given_up, Micros until) {
  const auto at = locate(job);
  if (!at) return;
  const BlockRef ref{plan_->modules[at->module].grid, at->block};
  last_node_[ref].clear();
  if (given_up)
    live_ -= jobs::give_up(*plan_, at->module, at->block);
  else
    delayed_.emplace(until, ref);
}

void Work::reopen(const JobKey& job) {
  if (const auto at = locate(job)) add_candidates({plan_->modules[at->module].grid, at->block});
}

std::size_t Work::max_steps(BlockRef ref) const {
  const auto limit = limits_.find(ref);
  return limit == limits_.end() ? plan_->modules.size() : limit->second;
}

void Work::add_candidates(BlockRef ref) {
  for (auto b = ref.number; b <= ref.number + reach_; ++b)
    if (std::ranges::any_of(plan_->modules, [&](const auto& planned) {
          return planned.grid == ref.grid && leases::is_live(planned.flags_at(b));
        }))
      candidates_.insert(entry({ref.grid, b}));
}

void Work::wake(Micros now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    candidates_.insert(entry(delayed_.begin()->second));
    delayed_.erase(delayed_.begin());
  }
}

void Work::remove_candidates(BlockRef ref, const std::function<bool(BlockRef)>& idle) {
  auto at = candidates_.find(entry(ref));
  do at = candidates_.erase(at);
  while (at != candidates_.end() && idle(at->second));
}

// Prefers, among the oldest candidates, a block the node has worked on or one that follows such a block: its states need not be
// transferred, and the file on the common border is decoded once. Otherwise returns the first block of a run that does not follow
// a running block, or else the middle of the longest run, so that the runs of two nodes stay separate as long as possible.
std::optional<BlockRef> Work::next_block(const std::string& node, std::size_t max_compared,
                                         const std::function<bool(BlockRef)>& is_running,
                                         const std::function<bool(BlockRef)>& skip) const {
  const auto oldest = oldest_candidates(max_compared, skip);
  const auto is_near = [&](BlockRef ref) {
    const auto last = last_node_.find(ref);
    if (last != last_node_.end()) return last->second == node || last->second.empty();  // failed: any node may retry it
    const auto before = last_node_.find({ref.grid, ref.number - 1});
    return before != last_node_.end() && before->second == node;
  };
  if (const auto found = std::find_if(oldest.begin(), oldest.end(), is_near); found != oldest.end()) return *found;
  struct Run {
    BlockRef first;
    std::int64_t length;
  };
  std::vector<Run> runs;
  for (const auto ref : oldest) {
    const auto run = std::find_if(runs.begin(), runs.end(), [&](const Run& r) {
      return r.first.grid == ref.grid && r.first.number + r.length == ref.number;
    });
    if (run != runs.end())
      ++run->length;
    else
      runs.push_back({ref, 1});
  }
  for (const auto& run : runs)
    if (!is_running({run.first.grid, run.first.number - 1})) return run.first;
  const auto longest = std::ranges::max_element(runs, {}, &Run::length);
  if (longest == runs.end()) return std::nullopt;
  return BlockRef{longest->first.grid, longest->first.number + longest->length / 2};
}

// Returns at most `limit` candidates, within `limit` block lengths of the oldest one.
std::vector<BlockRef> Work::oldest_candidates(std::size_t limit, const std::function<bool(BlockRef)>& skip) const {
  std::vector<BlockRef> out;
  std::optional<Micros> first;
  for (const auto& [from, ref] : candidates_) {
    if (skip && skip(ref)) continue;
    const auto until = first.value_or(from) + static_cast<Micros>(limit) * plan_->grids[ref.grid].length;
    if (out.size() == limit || from >= until) break;
    first = first.value_or(from);
    out.push_back(ref);
  }
  return out;
}

}  // namespace mole::coordinator::leases
