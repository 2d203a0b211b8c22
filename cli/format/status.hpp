// The state of everything in one screen.
#pragma once

#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace mole::cli {

inline constexpr std::size_t strip_width = 60;  // of every timeline, whatever its length

// A timeline of pieces {"from", "to", "state"} in `width` cells; a cell shows the worst state that touches it.
std::string strip_text(const nlohmann::json& pieces, std::size_t width, const Style& style);

std::string status_text(const nlohmann::json& status, bool only_map, const Style& style);

}  // namespace mole::cli
