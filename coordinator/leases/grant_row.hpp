// A lease as it is stored, so that a restarted coordinator does not give the work away while its node is still at it.
#pragma once

#include "coordinator/leases/scheduler.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace mole::coordinator::leases {

struct StoredLease {
  Grant grant;
  std::string node, incarnation;
};

nlohmann::json to_row(const Grant& grant, const std::string& node, const std::string& incarnation);
std::optional<StoredLease> lease_from_row(const std::string& id, const nlohmann::json& row);

}  // namespace mole::coordinator::leases
