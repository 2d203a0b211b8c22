// The shape of the lineage that a worker reports (docs/formats/lineage.md).
#pragma once

#include <mole/result.hpp>

#include <nlohmann/json.hpp>

namespace mole::coordinator::requests {

// invalid: a field, named in the message, has the wrong type. Fields may be absent, unknown ones are ignored, null is no lineage.
Result<> check_lineage(const nlohmann::json& lineage);

}  // namespace mole::coordinator::requests
