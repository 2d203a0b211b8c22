// Formats the lineage of a value: the module that computed it, the files it was computed from and their damage, and the same
// for the values it was computed from.
#pragma once

#include "cli/format/style.hpp"
#include "coordinator/wire/documents/lineage.hpp"

#include <string>

namespace mole::cli {

// `values`: the rows of the value (objects by column name), may be empty.
std::string why_text(const coordinator::Lineage& why, const nlohmann::json& values, const Style& style);

}  // namespace mole::cli
