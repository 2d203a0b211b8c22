// Parses and runs a command line.
#pragma once

#include "cli/context.hpp"

#include <string>
#include <vector>

namespace mole::cli {

// Runs one command line (without the program name) and returns its exit code. All output goes to the streams of the context;
// the process is never ended.
Exit run_command_line(const std::vector<std::string>& arguments, Context& context);

// Returns the text of docs/guide/commands.md: the help of every command.
std::string command_reference();

}  // namespace mole::cli
