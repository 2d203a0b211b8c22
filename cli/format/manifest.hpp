// A validated pipeline as a table.
#pragma once

#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace mole::cli {

std::string manifest_text(const nlohmann::json& validated, const Style& style);

}  // namespace mole::cli
