#include "coordinator/control/time_left.hpp"

#include <algorithm>
#include <chrono>

namespace mole::coordinator::control {
namespace {

constexpr Micros least_age = 5 * second_us;
constexpr int rest_factor = 20;            // an estimate that takes a second is made every 20 s
constexpr std::size_t max_entries = 1000;  // requests
// Copied under the service's lock, so that a copy takes milliseconds; the rest is in proportion.
constexpr std::size_t max_blocks = 2'000;

TimeLeft estimate(const leases::Stager::Wanted& wanted, const StagingState& staging, const LibraryDrives& drives) {
  const auto cost = staging_cost(wanted.blocks, wanted.in_order, staging, drives);
  const double more = static_cast<double>(wanted.count) / static_cast<double>(wanted.blocks.size());
  const auto scaled = [&](std::uint64_t count) { return static_cast<std::uint64_t>(static_cast<double>(count) * more); };
  return {cost.expected.elapsed_seconds * more, cost.low_seconds * more,      cost.high_seconds * more,
          scaled(cost.expected.files),          scaled(cost.expected.mounts), cost.batches};
}

std::optional<TimeLeft> make(std::uint64_t request, State& state) {
  leases::Stager::Wanted wanted;
  StagingState staging;
  SharedGraph graph;
  {
    State::Lock lock(state);
    wanted = state.scheduler.wanted(request, max_blocks);
    if (const auto live = state.live.find(request); live != state.live.end()) graph = live->second.graph;
    if (graph && !wanted.blocks.empty()) staging = staging_state(state);
  }
  if (!graph || wanted.blocks.empty()) return std::nullopt;
  LibraryDrives drives;
  drives.add(*graph);
  return estimate(wanted, staging, drives);
}

}  // namespace

std::optional<TimeLeft> TimesLeft::made(const Entry& entry, Micros now) const {
  if (!entry.estimate) return std::nullopt;
  auto out = *entry.estimate;
  const double passed = static_cast<double>(std::max<Micros>(now - entry.made, 0)) / second_us;
  for (auto* seconds : {&out.seconds, &out.low_seconds, &out.high_seconds}) *seconds = std::max(0.0, *seconds - passed);
  return out;
}

std::optional<TimeLeft> TimesLeft::of(std::uint64_t request, State& state) {
  const auto now = state.now();
  {
    std::lock_guard lock(mutex_);
    auto& entry = entries_[request];
    if (entry.running || (entry.estimate && now - entry.made < entry.keep)) return made(entry, now);
    entry.running = true;
  }
  const auto begin = std::chrono::steady_clock::now();
  std::optional<TimeLeft> left;
  try {
    left = make(request, state);
  } catch (...) {
    std::lock_guard lock(mutex_);
    entries_.erase(request);
    throw;
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
  std::lock_guard lock(mutex_);
  if (!left) {
    entries_.erase(request);
    return std::nullopt;
  }
  if (entries_.size() > max_entries)  // mostly of requests that have ended
    std::erase_if(entries_, [&](const auto& entry) { return entry.first != request && !entry.second.running; });
  entries_[request] = {left, now, std::max<Micros>(least_age, took * rest_factor), false};
  return left;
}

}  // namespace mole::coordinator::control
