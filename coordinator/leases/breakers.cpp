#include "coordinator/leases/breakers.hpp"

#include <algorithm>

namespace mole::coordinator::leases {

void Breakers::fail(const std::string& store, const std::string& message, const Settings& settings, Micros now, Random& random) {
  auto& failure = failing_[store];
  failure.message = message;
  if (now < failure.until) return;
  ++failure.failures;
  failure.until = now + backoff(settings.infra_delay, settings.infra_delay_cap, failure.failures, random);
}

std::uint32_t Breakers::allowed(const std::string& store, std::uint32_t drives, Micros now) const {
  const auto* failure = find(store);
  if (!failure) return drives;
  return now < failure->until ? 0 : std::min(drives, 1U);
}

const Breakers::Failure* Breakers::find(const std::string& store) const {
  const auto found = failing_.find(store);
  return found == failing_.end() ? nullptr : &found->second;
}

}  // namespace mole::coordinator::leases
