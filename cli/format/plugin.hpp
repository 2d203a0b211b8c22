// Formats plugins for `plugin list` and `plugin inspect`.
#pragma once

#include "cli/format/style.hpp"
#include "sdk/descriptor/sidecar.hpp"

#include <string>
#include <vector>

namespace mole::cli {

std::string plugins_text(const std::vector<const CataloguedPlugin*>& plugins, const Style& style);
std::string plugin_page(const CataloguedPlugin& plugin, const Style& style);
// Returns the descriptor, with "library", "digest", "abi" and "compiler" added.
nlohmann::json plugin_json(const CataloguedPlugin& plugin);

}  // namespace mole::cli
