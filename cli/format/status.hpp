// Formats modules, nodes and requests on one screen.
#pragma once

#include "cli/format/style.hpp"
#include "coordinator/wire/documents/status.hpp"

#include <string>
#include <vector>

namespace mole::cli {

inline constexpr std::size_t strip_width = 60;  // characters of every timeline

// Draws a timeline in `width` cells; a cell shows the worst state that overlaps it.
std::string strip_text(const std::vector<coordinator::StripPiece>& strip, std::size_t width, const Style& style);

std::string status_text(const coordinator::ClusterStatus& status, bool only_map, const Style& style);

}  // namespace mole::cli
