// Why a job ran, and where a number comes from.
#pragma once

#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace mole::cli {

std::string explain_text(const nlohmann::json& explained, const Style& style);

}  // namespace mole::cli
