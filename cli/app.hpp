// The command line as a whole.
#pragma once

#include "cli/context.hpp"

#include <string>
#include <vector>

namespace mole::cli {

// Runs one command line (without the program's name) and returns its exit code. Everything the command prints goes to
// the context's streams; nothing here ends the process.
Exit run_command_line(const std::vector<std::string>& arguments, Context& context);

// `docs/guide/commands.md`: the help of every command, one after the other.
std::string command_reference();

}  // namespace mole::cli
