// The scheduler's nodes, leases and completions.
#include "coordinator/leases/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace mole::coordinator::leases {
namespace {

constexpr Micros other_node_delay = 30 * second_us;

// Damage under the policy "strict" is permanent: another attempt reads the same bytes. So are wrong credentials of an archive.
bool is_permanent(const Completion& completion, task::FailureCode code) {
  if (code == task::FailureCode::denied) return true;
  return code == task::FailureCode::corrupt && completion.spec.archive && completion.spec.archive->damage == DamagePolicy::strict;
}

}  // namespace

// ---- nodes

Result<Registration> Scheduler::register_node(const NodeInfo& info, Micros now) {
  constexpr std::size_t max_replaced = 16;
  advance(now);
  auto& node = nodes_[info.name];
  if (std::ranges::find(node.replaced, info.incarnation) != node.replaced.end())
    return denied(
        "another daemon has registered as node " + info.name +
        " after this one; a copied node folder contains the name of the original: stop this daemon and remove \"id\" from "
        "its folder");
  if (node.info.incarnation != info.incarnation) {
    // The workers of the old incarnation ended with it.
    std::vector<std::string> ended;
    for (const auto& [id, lease] : leases_)
      if (lease.node == info.name && lease.incarnation != info.incarnation) ended.push_back(id);
    reopen_leases(ended, LeaseEnd::restarted, now);
    if (node.draining) health_.forget(info.name);
    auto replaced = std::move(node.replaced);
    if (!node.info.incarnation.empty()) replaced.push_back(node.info.incarnation);
    if (replaced.size() > max_replaced) replaced.pop_front();
    node = {};
    node.replaced = std::move(replaced);
  }
  node.info = info;
  node.info.cached.clear();
  staging_.stager.set_sandbox(info.name, info.sandbox);
  staging_.stager.set_cached(info.name, info.cached);
  if (staging_.set_node(info.name, info.cache_limit, info.copy_limit))
    for (auto& [request, work] : work_)
      if (work.plan()) work.refresh(failures_);  // blocks that waited for another node are candidates again
  node.heard = now;
  node.lost = false;
  std::erase(lost_, info.name);
  reopen_staged();
  return Registration{epoch_, settings_.lease, settings_.heartbeat};
}

HeartbeatReply Scheduler::heartbeat(const Heartbeat& message, Micros now) {
  advance(now);
  HeartbeatReply reply;
  const auto found = nodes_.find(message.node);
  if (found == nodes_.end() || found->second.info.incarnation != message.incarnation || found->second.lost) {
    reply.reregister = true;  // also for a lost node, whose states can be used again after it registers
    return reply;
  }
  auto& node = found->second;
  node.heard = now;
  if (message.draining && !node.draining)
    staging_.set_node(message.node, 0, node.info.copy_limit);  // others fetch for its blocks
  node.draining = message.draining;
  set_no_work(node, message.no_work);
  reply.cancel = std::exchange(node.cancel, {});
  const auto epoch_prefix = std::to_string(epoch_) + "-";
  std::vector<std::string> overlong;
  for (const auto& progress : message.tasks) {
    const auto lease = leases_.find(progress.task);
    if (lease != leases_.end() && lease->second.node == message.node && lease->second.incarnation == message.incarnation) {
      if (lease->second.grant.kind != task::Kind::fetch && now - lease->second.granted > settings_.lease_limit)
        overlong.push_back(progress.task);
      lease->second.deadline = now + settings_.lease;
      lease->second.progress = progress;
      add_ready(message.node, lease->second.grant, progress.ready);
      lease->second.progress.ready.clear();
    } else if (progress.task.starts_with(epoch_prefix)) {
      reply.cancel.push_back(progress.task);  // its lease ended
    }                                         // a task of an earlier epoch is accepted by its keys when it completes
  }
  reopen_leases(overlong, LeaseEnd::expired, now);
  reply.cancel.insert(reply.cancel.end(), overlong.begin(), overlong.end());
  reopen_staged();
  std::sort(reply.cancel.begin(), reply.cancel.end());
  reply.cancel.erase(std::unique(reply.cancel.begin(), reply.cancel.end()), reply.cancel.end());
  return reply;
}

void Scheduler::release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks,
                        Micros now) {
  advance(now);
  std::vector<std::string> released;
  for (const auto& id : tasks) {
    const auto found = leases_.find(id);
    if (found != leases_.end() && found->second.node == node && found->second.incarnation == incarnation) released.push_back(id);
  }
  reopen_leases(released, LeaseEnd::released, now);
}

std::vector<std::string> Scheduler::tick(Micros now) {
  advance(now);
  return std::exchange(lost_, {});
}

void Scheduler::advance(Micros now) {
  // While the coordinator was blocked it received no heartbeats, so every lease is extended by its full length.
  if (!ticked_ || now - last_tick_ > settings_.heartbeat) healthy_since_ = now;
  ticked_ = true;
  last_tick_ = now;
  if (now - healthy_since_ < settings_.lease) return;
  std::vector<std::string> overdue;
  for (const auto& [id, lease] : leases_)
    if (lease.deadline <= now) overdue.push_back(id);
  reopen_leases(overdue, LeaseEnd::expired, now);
  for (auto& [name, node] : nodes_)
    if (!node.lost && now - node.heard > settings_.lease + settings_.lost_after) {
      node.lost = true;
      staging_.remove_node(name);
      lost_.push_back(name);
    }
}

std::vector<NodeView> Scheduler::nodes(Micros now) const {
  std::map<std::string_view, std::size_t> leases;
  for (const auto& [id, lease] : leases_) ++leases[lease.node];
  std::vector<NodeView> out;
  for (const auto& [name, node] : nodes_) {
    out.push_back(
        {node.info, node.heard, node.draining, leases[name], !node.no_work.empty(), in_quarantine(name, now), node.no_work});
    if (out.back().quarantined)
      out.back().reason =
          "it ended " + std::to_string(health_.ends(name)) + " times in a row while it held tasks; it gets one again in " +
          std::to_string((health_.until(name) - now) / second_us) + " s, or when it is stopped (SIGTERM) and started";
  }
  return out;
}

void Scheduler::forget_node(const std::string& name) {
  staging_.remove_node(name);
  std::erase(lost_, name);
  nodes_.erase(name);
}

// ---- leases

void Scheduler::add_lease(const Grant& grant, const std::string& node, const std::string& incarnation, Micros now) {
  for (const auto& step : grant.steps) inflight_[step.job] = grant.id;
  const bool alone = grant.steps.size() == 1 && failures_.lost_twice().contains(grant.steps[0].job);
  grants_.add(grant, node);
  leases_[grant.id] = {grant, node, incarnation, now + settings_.lease, now, {grant.id, "granted", 0, 0, 0}, alone};
}

bool Scheduler::adopt(const Grant& grant, const std::string& node, const std::string& incarnation, Micros now) {
  advance(now);
  if (grant.kind == task::Kind::fetch) {
    auto adopted = grant;
    adopted.batch = staging_.stager.adopt(node, {grant.library, grant.medium});
    add_lease(adopted, node, incarnation, now);
    return true;
  }
  grants_.add(grant, node);
  if (grant.steps.empty() || !is_wanted(grant)) return false;
  for (const auto& step : grant.steps)
    if (inflight_.contains(step.job)) return false;
  add_lease(grant, node, incarnation, now);
  return true;
}

std::vector<LeaseView> Scheduler::leases() const {
  std::vector<LeaseView> out;
  for (const auto& [id, lease] : leases_) {
    LeaseView view{{}, lease.node, lease.progress, lease.grant.medium};
    for (const auto& [request, work] : work_)
      if (lease.grant.archive_task || lease.grant.kind == task::Kind::fetch ? request == lease.grant.request
                                                                            : work.wants(lease.grant))
        view.requests.push_back(request);
    out.push_back(std::move(view));
  }
  return out;
}

void Scheduler::end_lease(const std::string& id, std::optional<LeaseEnd> why) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return;
  for (const auto& step : found->second.grant.steps)
    if (const auto job = inflight_.find(step.job); job != inflight_.end() && job->second == id) inflight_.erase(job);
  if (found->second.grant.kind == task::Kind::fetch) staging_.stager.end(found->second.grant.batch);
  if (why) ended_.push_back({id, found->second.node, *why});
  if (why == LeaseEnd::cancelled)
    if (const auto node = nodes_.find(found->second.node); node != nodes_.end()) node->second.cancel.push_back(id);
  leases_.erase(found);
  reopen_waiting();
}

// Ends leases and makes their work available again.
void Scheduler::reopen_leases(const std::vector<std::string>& ids, LeaseEnd why, Micros now) {
  std::vector<Lease> lost;
  for (const auto& id : ids) {
    const auto found = leases_.find(id);
    if (found == leases_.end()) continue;
    const auto lease = found->second;
    end_lease(id, why);
    if (why != LeaseEnd::released) lose(lease, now);
    reopen(lease.grant, now);
    if (why != LeaseEnd::released) lost.push_back(lease);
  }
  count_ends(lost, now);
}

void Scheduler::reopen(const Grant& grant, Micros not_before) {
  if (const auto found = work_.find(grant.request); found != work_.end() && grant.archive_task)
    for (auto& pending : found->second.archive_tasks)
      if (pending.task.id == grant.archive_task) {
        pending.leased = false;
        pending.not_before = not_before;
      }
  for (auto& [request, work] : work_)
    for (const auto& step : grant.steps) work.reopen(step.job);
}

// ---- completions

Effects Scheduler::complete(const Completion& completion, Micros now, Random& random) {
  advance(now);
  Effects effects;
  const auto& steps = completion.report.steps;
  const auto lease = leases_.find(completion.spec.id);
  effects.live =
      lease != leases_.end() && lease->second.node == completion.node && lease->second.incarnation == completion.incarnation;
  std::optional<Grant> grant;
  if (effects.live) {
    grant = lease->second.grant;
    effects.request = grant->request;
    effects.time = grant->kind == task::Kind::fetch ? fetch_time_of(*grant, completion.report)
                                                    : decode_time_of(completion.spec, completion.report);
    end_lease(grant->id);
    if (completion.report.code == task::FailureCode::none) health_.succeed(completion.node, now);
  }
  bool any_done = false, any_known = false;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].outcome != task::Outcome::done) continue;
    any_done = true;
    any_known = accept(completion, i, effects) || any_known;
  }
  if (completion.spec.kind == task::Kind::fetch) settle_fetch(grant, completion, now, random);
  if (grant && grant->archive_task) settle_archive_task(*grant, completion, now, random, effects);
  if (grant && !grant->steps.empty()) {
    if (completion.report.unstaged.empty() || !lose_files(completion)) fail_steps(*grant, completion, now, random, effects);
    reopen(*grant, now);
  }
  refresh_blocks(completion, effects);
  if (!effects.accepted.empty())
    effects.verdict = Verdict::accepted;
  else if (any_known)
    effects.verdict = Verdict::duplicate;
  else
    effects.verdict = effects.live && !any_done ? Verdict::accepted : Verdict::stale;
  return effects;
}

// Returns whether some request needs or already has the results with the step's keys.
bool Scheduler::accept(const Completion& completion, std::size_t i, Effects& effects) {
  const auto& report = completion.report.steps[i];
  const auto& step = completion.spec.steps[report.step];
  const JobKey job{step.fingerprint, completion.spec.block.from};
  SettledStep fresh{i, job}, known{i, job};
  for (auto& [request, work] : work_)
    work.accept({step, report, completion.spec.block, completion.node}, failures_, fresh, known);
  known.state = known.state && !fresh.state;
  known.result = known.result && !fresh.result;
  const bool any_fresh = fresh.state || fresh.result, any_known = known.state || known.result;
  if (any_fresh) {
    fresh.had_failures = failures_.erase(job);
    effects.accepted.push_back(fresh);
  }
  if (any_known) effects.duplicates.push_back(known);
  return any_fresh || any_known;
}

// Counts the failures of the steps, or of the whole task if no step is at fault.
void Scheduler::fail_steps(const Grant& grant, const Completion& completion, Micros now, Random& random, Effects& effects) {
  const auto& report = completion.report;
  bool any_failed = false;
  for (const auto& step : report.steps) {
    if (step.outcome != task::Outcome::failed) continue;
    any_failed = true;
    if (step.step >= grant.steps.size()) continue;
    fail_job(grant.steps[step.step].job,
             {step.code, step.message, report.log_tail, is_infra_failure(step.code), is_permanent(completion, step.code),
              grant.steps.size() == 1},
             now, random, effects);
  }
  // A task that did nothing counts as failed, too: without a delay, it would be granted again immediately, in an endless loop.
  const bool nothing_done = effects.accepted.empty() && effects.duplicates.empty();
  if (!any_failed && (report.code != task::FailureCode::none || nothing_done)) fail_task(grant, completion, now, random, effects);
}

// Counts a failure of every step. A crash without a known culprit, or memory that some step used up, is bisected instead until
// one job is left. A hang is not: the culprit is a step with a failure of its own, or the decoder, which serves all steps; and
// each round would cost a stall limit.
void Scheduler::fail_task(const Grant& grant, const Completion& completion, Micros now, Random& random, Effects& effects) {
  const auto& report = completion.report;
  const auto reported = lacks_access(completion) ? task::FailureCode::transient : report.code;
  const bool exhausted = reported == task::FailureCode::exhausted, infra = exhausted || is_infra_failure(reported);
  const bool denied = reported == task::FailureCode::denied;  // by the archive, so no step caused it
  if ((!infra || exhausted) && !denied && reported != task::FailureCode::hung && grant.steps.size() > 1) {
    if (const auto work = work_.find(grant.request); work != work_.end())
      return work->second.limit_steps(grant.ref, grant.steps.size() / 2);
  }
  const auto code = infra && !exhausted ? task::FailureCode::transient : reported;
  const Failure failure{
      code,
      report.code == task::FailureCode::none ? "the node finished no step of the task and gave no reason" : report.message,
      report.log_tail,
      infra,
      is_permanent(completion, code),
      grant.steps.size() == 1};
  for (const auto& step : grant.steps) fail_job(step.job, failure, now, random, effects);
}

void Scheduler::fail_job(const JobKey& job, const Failure& failure, Micros now, Random& random, Effects& effects) {
  const auto until = failures_.add(job, failure, settings_, now, random);
  const auto& record = *failures_.find(job);
  effects.failures.emplace_back(job, record);
  for (auto& [request, work] : work_) work.fail(job, record.given_up, until);
  if (record.given_up && record.code == task::FailureCode::hung &&
      failures_.hung_blocks(job.fingerprint) >= settings_.hung_blocks)
    give_up_module(job.fingerprint, now, effects);
}

// Abandons the jobs of a module that hangs in one block after the other, except those that run.
void Scheduler::give_up_module(const Digest& fingerprint, Micros now, Effects& effects) {
  std::set<JobKey> jobs;
  for (const auto& [request, work] : work_) work.visit_live(fingerprint, [&](const JobKey& job) { jobs.insert(job); });
  std::erase_if(jobs, [&](const JobKey& job) { return inflight_.contains(job); });
  const auto message = "not tried, because its module hung in " + std::to_string(failures_.hung_blocks(fingerprint)) +
                       " blocks in a row; repair its plugin or raise mole-node --stall-limit, and request it again";
  for (const auto& job : jobs) {
    failures_.skip(job, message);
    effects.failures.emplace_back(job, *failures_.find(job));
    for (auto& [request, work] : work_) work.fail(job, true, now);
  }
}

void Scheduler::settle_archive_task(const Grant& grant, const Completion& completion, Micros now, Random& random,
                                    Effects& effects) {
  const auto work = work_.find(grant.request);
  if (work == work_.end()) return;
  auto& pending = work->second.archive_tasks;
  const auto found =
      std::find_if(pending.begin(), pending.end(), [&](const PendingArchiveTask& p) { return p.task.id == grant.archive_task; });
  if (found == pending.end()) return;
  const auto& code = completion.report.code;
  if (lacks_access(completion)) {
    found->leased = false;  // it waits for a node that reaches the archive
    found->not_before = now + other_node_delay;
    return;
  }
  const bool retry =
      (code == task::FailureCode::transient || code == task::FailureCode::busy || code == task::FailureCode::cancelled ||
       code == task::FailureCode::crashed || code == task::FailureCode::exhausted) &&
      ++found->failures < 3;
  if (retry) {
    found->leased = false;
    found->not_before = now + backoff(settings_.infra_delay, settings_.infra_delay_cap, found->failures, random);
    return;
  }
  effects.archive_task = found->task;
  pending.erase(found);
}

}  // namespace mole::coordinator::leases
