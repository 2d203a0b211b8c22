#include "coordinator/control/snapshot.hpp"

namespace mole::coordinator::control {

using jobs::Flag;

LiveRequest copy_live(const State& state, const requests::Request& request) {
  LiveRequest out{request, {}};
  const auto* plan = state.scheduler.plan(request.number);
  if (!plan || request.terminal()) return out;
  for (std::size_t m = 0; m < plan->modules.size(); ++m)
    out.modules.push_back({plan->graph->modules[m].fingerprint, plan->grid(m), plan->modules[m].first, plan->modules[m].flags});
  return out;
}

Snapshot snapshot_of(const State& state) {
  Snapshot out;
  for (const auto& [number, request] : state.live) out.live.emplace(number, copy_live(state, request));
  out.running = state.scheduler.running_jobs();
  out.stored = state.store_snapshot();
  return out;
}

JobCounts Snapshot::counts(const LiveRequest& request) const {
  if (request.request.terminal()) return request.request.counts;
  JobCounts out;
  for (const auto& module : request.modules)
    for (std::size_t i = 0; i < module.flags.size(); ++i) leases::count_job(module.flags[i], out);
  for (const auto& job : running)
    for (const auto& module : request.modules) {
      const auto i = module.grid.number(job.from) - module.first;
      if (module.fingerprint == job.fingerprint && i >= 0 && i < static_cast<std::int64_t>(module.flags.size()))
        out.running += leases::is_live(module.flags[static_cast<std::size_t>(i)]);
    }
  return out;
}

JobState job_state(std::uint8_t flags, bool running) {
  if (flags & Flag::waits) return JobState::waiting;
  if (flags & Flag::failed) return JobState::failed;
  if (flags & Flag::blocked) return JobState::blocked;
  if (flags & (Flag::needs_state | Flag::needs_result)) return running ? JobState::running : JobState::ready;
  return JobState::done;
}

}  // namespace mole::coordinator::control
