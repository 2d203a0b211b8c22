// The stored form of a lease, so that a restarted coordinator does not grant the work again while its node is still running it.
#pragma once

#include "coordinator/tasks/grant.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace mole::coordinator::leases {

struct StoredLease {
  tasks::Grant grant;
  std::string node, incarnation;
};

nlohmann::json to_row(const tasks::Grant& grant, const std::string& node, const std::string& incarnation);
std::optional<StoredLease> lease_from_row(const std::string& id, const nlohmann::json& row);

}  // namespace mole::coordinator::leases
