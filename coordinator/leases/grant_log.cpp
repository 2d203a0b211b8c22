#include "coordinator/leases/grant_log.hpp"

#include <algorithm>

namespace mole::coordinator::leases {

void GrantLog::add(const Grant& grant, const std::string& node) {
  constexpr std::size_t max_grants = 20'000;
  if (grants_.insert_or_assign(grant.id, Granted{node, grant.kind, grant.block, grant.steps}).second) order_.push_back(grant.id);
  if (order_.size() <= max_grants) return;
  grants_.erase(order_.front());
  order_.pop_front();
}

bool GrantLog::has(const Completion& completion) const {
  const auto& spec = completion.spec;
  const auto found = grants_.find(spec.id);
  if (found == grants_.end()) return false;
  const auto& granted = found->second;
  return granted.node == completion.node && granted.kind == spec.kind && granted.block == spec.block &&
         std::ranges::equal(granted.steps, spec.steps, [](const tasks::GrantedStep& g, const task::Step& s) {
           return g.job.fingerprint == s.fingerprint && g.state_key == s.state_key && g.result_key == s.result_key &&
                  g.step.make_state == s.make_state && g.step.make_result == s.make_result;
         });
}

}  // namespace mole::coordinator::leases
