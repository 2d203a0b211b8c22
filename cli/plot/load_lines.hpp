// Builds the lines of a figure of what nodes did over time.
#pragma once

#include "cli/plot/series.hpp"
#include "coordinator/wire/documents/load.hpp"

#include <vector>

namespace mole::cli {

// Returns the lines "cache" (B), "fetched" (B/s) and "decoded" (flow/s) of each node, and the limits of the caches: one line
// if all are equal, else one of each node. Where a node was not measured, its lines have gaps; a longer interval of which only
// a part was measured has that coverage, and its rates are those of the part.
std::vector<Series> load_lines(const coordinator::LoadHistory& history);

}  // namespace mole::cli
