// A plan in words and tables.
#pragma once

#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace mole::cli {

std::string plan_text(const nlohmann::json& plan, const Style& style);

// The missing hours and damaged files of an archive: what `archive gaps` and the end of a plan show.
std::string gaps_text(const nlohmann::json& gaps, const Style& style);

}  // namespace mole::cli
