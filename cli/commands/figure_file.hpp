// Writes figures to files.
#pragma once

#include "cli/context.hpp"
#include "cli/export/output_format.hpp"

#include <string>

namespace mole::cli {

// Writes an SVG document to `path`, in this format, and prints the path; an empty path: writes the SVG to stdout. unsupported:
// the program that converts it is not installed.
Result<Exit> write_figure(Context& context, const std::string& svg, PlotFormat format, const std::string& path);

}  // namespace mole::cli
