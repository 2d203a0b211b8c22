// Parses and runs a command line.
#pragma once

#include "cli/context.hpp"

#include <string>
#include <vector>

namespace mole::cli {

// Runs one command line (without the program name) and returns its exit code. All output is written to the streams of the
// context. Never exits the process.
Exit run_command_line(const std::vector<std::string>& arguments, Context& context);

// Returns the content of docs/guide/commands.md: the help text of every command.
std::string command_reference();

}  // namespace mole::cli
