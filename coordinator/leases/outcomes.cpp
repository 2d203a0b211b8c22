// The other half of the scheduler: nodes come, go, report.
#include "coordinator/leases/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace mole::coordinator::leases {

using jobs::Flag;
using tasks::BlockRef;

namespace {

constexpr auto needs_any = static_cast<std::uint8_t>(Flag::needs_state | Flag::needs_result);
constexpr auto stopped = static_cast<std::uint8_t>(Flag::failed | Flag::blocked);

// Failures of the machine rather than of the plugin: tried again, on any node.
bool infrastructure(const std::string& code) {
  return code == "transient" || code == "cancelled" || code == "missing" || code.empty();
}

}  // namespace

Registration Scheduler::register_node(const NodeInfo& info, Micros now) {
  advance(now);
  auto& node = nodes_[info.name];
  if (node.info.incarnation != info.incarnation) {
    // The old incarnation's workers died with it: nothing to wait for.
    std::vector<std::string> void_now;
    for (const auto& [id, lease] : leases_)
      if (lease.node == info.name && lease.incarnation != info.incarnation) void_now.push_back(id);
    for (const auto& id : void_now) {
      const auto grant = leases_[id].grant;
      end_lease(id, false);
      reopen(grant, now);
    }
    node = {};
  }
  node.info = info;
  node.heard = now;
  node.lost = false;
  std::erase(lost_, info.name);
  return {epoch_, settings_.lease, settings_.heartbeat};
}

bool Scheduler::adopt(Grant grant, const std::string& node, const std::string& incarnation, Micros now) {
  advance(now);
  if (grant.steps.empty() || !works_.contains(grant.request) || !wanted_elsewhere(grant)) return false;
  for (const auto& step : grant.steps)
    if (inflight_.contains(step.job)) return false;
  for (const auto& step : grant.steps) inflight_[step.job] = grant.id;
  const auto id = grant.id;
  leases_[id] = {std::move(grant), node, incarnation, now + settings_.lease, {id, "granted", 0, 0, 0}};
  return true;
}

HeartbeatReply Scheduler::heartbeat(const Heartbeat& beat, Micros now) {
  advance(now);
  HeartbeatReply reply;
  const auto found = nodes_.find(beat.node);
  if (found == nodes_.end() || found->second.info.incarnation != beat.incarnation || found->second.lost) {
    reply.reregister = true;  // also one that was counted as gone: its states count again from then on
    return reply;
  }
  auto& node = found->second;
  node.heard = now;
  node.draining = beat.draining;
  reply.drain = node.told_to_drain;
  reply.cancel = std::move(node.cancel);
  node.cancel.clear();
  const auto ours = std::to_string(epoch_) + "-";
  for (const auto& attempt : beat.tasks) {
    const auto lease = leases_.find(attempt.task);
    if (lease != leases_.end() && lease->second.node == beat.node && lease->second.incarnation == beat.incarnation) {
      lease->second.deadline = now + settings_.lease;
      lease->second.progress = attempt;
    } else if (attempt.task.starts_with(ours)) {
      reply.cancel.push_back(attempt.task);  // its lease ended; someone else does it
    }  // else: of an earlier life of the coordinator. What it finishes is accepted by its keys.
  }
  std::sort(reply.cancel.begin(), reply.cancel.end());
  reply.cancel.erase(std::unique(reply.cancel.begin(), reply.cancel.end()), reply.cancel.end());
  return reply;
}

void Scheduler::release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks,
                        Micros now) {
  advance(now);
  for (const auto& id : tasks) {
    const auto found = leases_.find(id);
    if (found == leases_.end() || found->second.node != node || found->second.incarnation != incarnation) continue;
    const auto grant = found->second.grant;
    end_lease(id, false);
    reopen(grant, now);
  }
}

void Scheduler::drain(const std::string& name, bool on) {
  if (const auto found = nodes_.find(name); found != nodes_.end()) found->second.told_to_drain = on;
}

std::vector<std::string> Scheduler::tick(Micros now) {
  advance(now);
  return std::exchange(lost_, {});
}

void Scheduler::advance(Micros now) {
  // A coordinator that was itself stuck could not hear: every lease gets its full length again (reliability.md 2.3.4).
  if (!ticked_ || now - last_tick_ > settings_.heartbeat) healthy_since_ = now;
  ticked_ = true;
  last_tick_ = now;
  if (now - healthy_since_ < settings_.lease) return;
  std::vector<std::string> overdue;
  for (const auto& [id, lease] : leases_)
    if (lease.deadline <= now) overdue.push_back(id);
  for (const auto& id : overdue) {
    const auto grant = leases_[id].grant;
    end_lease(id, false);
    reopen(grant, now);
  }
  for (auto& [name, node] : nodes_)
    if (!node.lost && now - node.heard > settings_.lease + settings_.lost_after) {
      node.lost = true;
      lost_.push_back(name);
    }
}

void Scheduler::end_lease(const std::string& id, bool cancel_at_node) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return;
  for (const auto& step : found->second.grant.steps)
    if (const auto job = inflight_.find(step.job); job != inflight_.end() && job->second == id) inflight_.erase(job);
  if (cancel_at_node)
    if (const auto node = nodes_.find(found->second.node); node != nodes_.end()) node->second.cancel.push_back(id);
  leases_.erase(found);
}

// Makes a task's work available again.
void Scheduler::reopen(const Grant& grant, Micros not_before) {
  if (const auto own = works_.find(grant.request); own != works_.end() && grant.archive_task)
    for (auto& pending : own->second.archive_tasks)
      if (pending.task.id == grant.archive_task) {
        pending.leased = false;
        pending.not_before = not_before;
      }
  if (grant.steps.empty()) return;
  for (auto& [request, work] : works_) {
    if (!work.plan) continue;
    for (const auto& step : grant.steps) {
      const auto module = work.module_of.find(step.job.fingerprint);
      if (module == work.module_of.end()) continue;
      const auto grid = work.plan->modules[module->second].grid;
      add_candidates(work, {grid, work.plan->grids[grid].number(step.job.from)});
    }
  }
}

Settled Scheduler::complete(const Completion& completion, Micros now, Random& random) {
  advance(now);
  Settled settled;
  const auto& spec = completion.spec;
  const auto lease = leases_.find(spec.id);
  settled.live =
      lease != leases_.end() && lease->second.node == completion.node && lease->second.incarnation == completion.incarnation;
  std::optional<Grant> grant;
  if (settled.live) {
    grant = lease->second.grant;
    settled.request = grant->request;
    end_lease(spec.id, false);
  }
  bool any_known = false;
  for (std::size_t i = 0; i < completion.report.steps.size(); ++i)
    if (completion.report.steps[i].outcome == "done") any_known = accept(completion, i, settled) || any_known;
  if (grant && grant->archive_task) settle_archive_task(*grant, completion, now, random, settled);
  if (grant && !grant->steps.empty()) {
    bool culprit = false;
    for (const auto& step : completion.report.steps)
      if (step.outcome == "failed") {
        culprit = true;
        note_failure(*grant, step, infrastructure(step.code), completion, now, random, settled);
      }
    // Nothing done and nobody to blame: without a count and a delay the same task would come back at once, for ever.
    const bool nothing = settled.accepted.empty() && settled.duplicates.empty();
    if (!culprit && (!completion.report.code.empty() || nothing)) note_task_failure(*grant, completion, now, random, settled);
    reopen(*grant, now);
  }
  const bool made_something = std::any_of(completion.report.steps.begin(), completion.report.steps.end(),
                                          [](const task::StepReport& s) { return s.outcome == "done"; });
  if (!settled.accepted.empty())
    settled.verdict = "accepted";
  else if (any_known)
    settled.verdict = "duplicate";
  else
    settled.verdict = settled.live && !made_something ? "accepted" : "stale";
  return settled;
}

// Whether the step's keys are those some request wants (or has). What was new is marked as there.
bool Scheduler::accept(const Completion& completion, std::size_t i, Settled& settled) {
  const auto& report = completion.report.steps[i];
  const auto& step = completion.spec.steps[report.step];
  const JobKey job{step.fingerprint, completion.spec.block.from};
  SettledStep fresh{i, job}, known{i, job};
  for (auto& [request, work] : works_) {
    if (!work.plan) continue;
    const auto module = work.module_of.find(step.fingerprint);
    if (module == work.module_of.end()) continue;
    auto& mine = work.plan->modules[module->second];
    const auto b = work.plan->grid(module->second).number(job.from);
    if (!mine.covers(b) || work.plan->grid(module->second).block(b) != completion.spec.block) continue;
    auto& flags = mine.at(b);
    const bool was_live = (flags & needs_any) && !(flags & stopped);
    const auto take = [&](bool made, const Digest& key, const Digest& wanted, std::uint8_t has, std::uint8_t needs,
                          bool SettledStep::*part) {
      if (!made || key != wanted || key.empty()) return;
      SettledStep& into = (flags & has) ? known : fresh;
      into.*part = true;
      flags = static_cast<std::uint8_t>((flags | has) & ~needs);
    };
    take(step.make_state && !report.state_blob.empty(), step.state_key, mine.state_key(b), Flag::has_state, Flag::needs_state,
         &SettledStep::state);
    take(step.make_result && !report.rows_blob.empty(), step.result_key, mine.result_key(b), Flag::has_result, Flag::needs_result,
         &SettledStep::result);
    if (!(flags & needs_any)) {
      if (flags & Flag::failed) {  // a late success of a job that was given up
        flags &= static_cast<std::uint8_t>(~Flag::failed);
        refresh(work);
      } else if (was_live) {
        --work.live;
      }
    } else {
      work.live -= jobs::block_hopeless_row(*work.plan, module->second, b);
    }
    if (fresh.state || fresh.result) work.worked_by[{mine.grid, b}] = completion.node;
    work.bisect.erase({mine.grid, b});
    add_candidates(work, {mine.grid, b});
  }
  if (fresh.state || fresh.result) {
    fresh.had_failures = failures_.erase(job) > 0;
    settled.accepted.push_back(fresh);
    not_before_.erase(job);
  }
  known.state = known.state && !fresh.state;
  known.result = known.result && !fresh.result;
  if (known.state || known.result) settled.duplicates.push_back(known);
  return fresh.state || fresh.result || known.state || known.result;
}

Micros Scheduler::backoff(Micros base, Micros cap, std::uint32_t failures, Random& random) const {
  Micros most = base;
  for (std::uint32_t i = 1; i < failures && most < cap; ++i) most *= 2;
  most = std::min(most, cap);
  return most <= 0 ? 0 : most / 2 + static_cast<Micros>(random() % static_cast<std::uint64_t>(most / 2 + 1));
}

// Damage under the policy "strict" stays: another attempt reads the same bytes.
bool Scheduler::given_up_at_once(const Completion& completion, const task::StepReport& step) {
  return step.code == "corrupt" && completion.spec.archive && completion.spec.archive->damage == "strict";
}

void Scheduler::note_failure(const Grant& grant, const task::StepReport& step, bool infra, const Completion& completion,
                             Micros now, Random& random, Settled& settled) {
  if (step.step >= grant.steps.size()) return;
  const auto& job = grant.steps[step.step].job;
  auto failure = failures_[job];
  const bool again = step.code == "exhausted" && failure.code == step.code && failure.message == step.message;
  failure.repeats = again ? failure.repeats + 1 : 1;
  failure.code = step.code;
  failure.message = step.message;
  failure.log_tail = completion.report.log_tail;
  Micros until;
  if (infra) {
    ++failure.infra_failures;
    until = now + backoff(settings_.infra_delay, settings_.infra_delay_cap, failure.infra_failures, random);
    // What is too large for the node in the same words each time does not get smaller.
    failure.given_up = failure.infra_failures >= settings_.infra_attempts || failure.repeats >= settings_.exhausted_attempts;
  } else {
    ++failure.plugin_failures;
    until = now + backoff(settings_.plugin_delay, settings_.plugin_delay_cap, failure.plugin_failures, random);
    failure.given_up = failure.plugin_failures >= settings_.plugin_attempts || given_up_at_once(completion, step);
  }
  settled.failures.emplace_back(job, failure);
  record_failure(job, failure, until);
}

// The task as a whole failed. A crash without a culprit is narrowed down by halves until one job is left to blame.
void Scheduler::note_task_failure(const Grant& grant, const Completion& completion, Micros now, Random& random,
                                  Settled& settled) {
  const auto& report = completion.report;
  const bool infra = infrastructure(report.code) || report.code == "exhausted";
  if (!infra && grant.steps.size() > 1) {
    if (const auto work = works_.find(grant.request); work != works_.end()) {
      work->second.bisect[grant.ref] = grant.steps.size() / 2;
      return;
    }
  }
  for (std::uint32_t i = 0; i < grant.steps.size(); ++i) {
    task::StepReport step;
    step.step = i;
    step.code = infra && report.code != "exhausted" ? "transient" : report.code;
    step.message = report.code.empty() ? "the node did nothing of its task and gave no reason" : report.message;
    note_failure(grant, step, infra, completion, now, random, settled);
  }
}

void Scheduler::record_failure(const JobKey& job, const FailureRecord& failure, Micros until) {
  failures_[job] = failure;
  not_before_[job] = until;
  for (auto& [request, work] : works_) {
    if (!work.plan) continue;
    const auto module = work.module_of.find(job.fingerprint);
    if (module == work.module_of.end()) continue;
    const auto grid = work.plan->modules[module->second].grid;
    const auto block = work.plan->grids[grid].number(job.from);
    work.worked_by[{grid, block}].clear();
    if (failure.given_up)
      work.live -= jobs::give_up(*work.plan, module->second, block);
    else
      delay(work, {grid, block}, until);
  }
}

void Scheduler::settle_archive_task(const Grant& grant, const Completion& completion, Micros now, Random& random,
                                    Settled& settled) {
  const auto work = works_.find(grant.request);
  if (work == works_.end()) return;
  auto& archive_tasks = work->second.archive_tasks;
  const auto found = std::find_if(archive_tasks.begin(), archive_tasks.end(),
                                  [&](const PendingArchiveTask& e) { return e.task.id == grant.archive_task; });
  if (found == archive_tasks.end()) return;
  const auto& code = completion.report.code;
  const bool again =
      (code == "transient" || code == "cancelled" || code == "crashed" || code == "exhausted") && ++found->failures < 3;
  if (again) {
    found->leased = false;
    found->not_before = now + backoff(settings_.infra_delay, settings_.infra_delay_cap, found->failures, random);
    return;
  }
  settled.archive_task = found->task;
  archive_tasks.erase(found);
}

std::vector<NodeView> Scheduler::nodes() const {
  std::vector<NodeView> out;
  for (const auto& [name, node] : nodes_) {
    NodeView view{node.info, node.heard, node.draining || node.told_to_drain, 0};
    for (const auto& [id, lease] : leases_) view.leases += lease.node == name;
    out.push_back(std::move(view));
  }
  return out;
}

std::vector<std::pair<Grant, TaskProgress>> Scheduler::leases_of(std::uint64_t request) const {
  std::vector<std::pair<Grant, TaskProgress>> out;
  for (const auto& [id, lease] : leases_)
    if (lease.grant.request == request) out.emplace_back(lease.grant, lease.progress);
  return out;
}

}  // namespace mole::coordinator::leases
