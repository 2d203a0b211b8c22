// Blocks the jobs that depend on a failed one.
#include "coordinator/jobs/plan.hpp"

namespace mole::coordinator::jobs {
namespace {

bool stopped(std::uint8_t flags) { return flags & (failed | blocked); }
// Needed, but will not be made.
bool state_lost(std::uint8_t flags) { return (flags & needs_state) && stopped(flags); }
bool result_lost(std::uint8_t flags) { return (flags & needs_result) && stopped(flags); }
// Whether only the row is missing. A job with a state still to make can run even if its window cannot be filled.
bool row_only(std::uint8_t flags) { return (flags & (needs_state | needs_result)) == needs_result; }

bool inputs_lost(const Plan& plan, std::size_t m, std::int64_t b) {
  for (const auto& input : plan.graph->modules[m].inputs) {
    if (input.kind == InputKind::flows || !plan.reads(m, input, b)) continue;
    for (auto u = plan.inputs_from(m, input, b); u <= b; ++u)
      if (result_lost(plan.modules[input.source].flags_at(u))) return true;
  }
  return false;
}

// Propagates a failure to dependent jobs. Each job is stopped at most once, so that many failures cost no more than one.
class Propagation {
 public:
  explicit Propagation(Plan& plan) : plan_(plan) {}

  std::int64_t fail(std::size_t m, std::int64_t b) {
    auto& flags = plan_.modules[m].at(b);
    const bool fresh = !stopped(flags);
    flags = static_cast<std::uint8_t>((flags | failed) & ~blocked);
    if (fresh) run(m, b);
    return count_;
  }

  std::int64_t block_from(std::size_t m, std::int64_t b) {
    block(m, b);
    while (!stopped_.empty()) step();
    return count_;
  }

 private:
  void run(std::size_t m, std::int64_t b) {
    ++count_;
    stopped_.emplace_back(m, b);
    while (!stopped_.empty()) step();
  }

  void block(std::size_t m, std::int64_t b) {
    auto& mine = plan_.modules[m];
    if (!mine.covers(b) || stopped(mine.at(b)) || !(mine.at(b) & (needs_state | needs_result))) return;
    mine.at(b) |= blocked;
    ++count_;
    stopped_.emplace_back(m, b);
  }

  void step() {
    const auto [m, b] = stopped_.back();
    stopped_.pop_back();
    const auto& mine = plan_.modules[m];
    const auto& module = plan_.graph->modules[m];
    if (state_lost(mine.flags_at(b))) {
      if (module.since)
        block(m, b + 1);
      else
        for (auto u = b + 1; u <= b + mine.back; ++u)
          if (row_only(mine.flags_at(u)) && plan_.window_from(m, u) <= b) block(m, u);
    }
    if (!result_lost(mine.flags_at(b))) return;
    for (std::size_t r = 0; r < plan_.modules.size(); ++r)
      for (const auto& input : plan_.graph->modules[r].inputs) {
        if (input.kind == InputKind::flows || input.source != m) continue;
        for (auto u = b; u <= b + plan_.modules[r].warmup; ++u)
          if (plan_.reads(r, input, u) && plan_.inputs_from(r, input, u) <= b) block(r, u);
      }
  }

  Plan& plan_;
  std::vector<std::pair<std::size_t, std::int64_t>> stopped_;  // jobs whose dependents are not visited yet
  std::int64_t count_ = 0;
};

}  // namespace

void propagate_failures(Plan& plan) {
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    auto& mine = plan.modules[m];
    const auto& module = plan.graph->modules[m];
    std::int64_t lost = INT64_MIN;  // last block whose state cannot be made
    for (auto b = mine.first; b < mine.last(); ++b) {
      auto& flags = mine.at(b);
      flags &= static_cast<std::uint8_t>(~blocked);
      if (!(flags & (needs_state | needs_result))) continue;
      bool stuck = inputs_lost(plan, m, b);
      if (module.since)
        stuck = stuck || lost == b - 1;
      else if (module.window > 0 && row_only(flags))
        stuck = stuck || lost >= plan.window_from(m, b);
      if (stuck && !(flags & failed)) flags |= blocked;
      if (state_lost(flags)) lost = b;
    }
  }
}

std::int64_t give_up(Plan& plan, std::size_t module, std::int64_t block) {
  const auto& mine = plan.modules[module];
  if (!mine.covers(block) || !(mine.flags_at(block) & (needs_state | needs_result))) return 0;
  return Propagation(plan).fail(module, block);
}

std::int64_t block_row_without_states(Plan& plan, std::size_t module, std::int64_t block) {
  const auto& mine = plan.modules[module];
  if (!row_only(mine.flags_at(block)) || stopped(mine.flags_at(block))) return 0;
  for (auto b = plan.window_from(module, block); b < block; ++b)
    if (state_lost(mine.flags_at(b))) return Propagation(plan).block_from(module, block);
  return 0;
}

}  // namespace mole::coordinator::jobs
