// Where one number comes from, for a person: the module that computed it, the files behind it, what of them was lost,
// and the same for the numbers it was computed from.
#pragma once

#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace mole::cli {

// `why`: Api::why's document. `values`: the rows of the number itself (objects by column name), may be empty.
std::string why_text(const nlohmann::json& why, const nlohmann::json& values, const Style& style);

}  // namespace mole::cli
