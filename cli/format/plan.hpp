// A plan in words and tables.
#pragma once

#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace mole::cli {

std::string plan_text(const nlohmann::json& plan, const Style& style);

// Routing tables that are not there for the whole range, a line each.
std::string missing_tables_text(const nlohmann::json& plan);

// The missing hours and damaged files of an archive: what `archive gaps` and the end of a plan show.
std::string gaps_text(const nlohmann::json& gaps, const Style& style);

}  // namespace mole::cli
