// Why a job ran, and where a number comes from.
#pragma once

#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace mole::cli {

// How a task came by the flows of its files: {"archive": 3, "columns": 9}; "" if it read none.
std::string flows_from_text(const nlohmann::json& flows_from);
std::string explain_text(const nlohmann::json& explained, const Style& style);

}  // namespace mole::cli
