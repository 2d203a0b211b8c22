// The end of a worker's log, as a report carries it.
#pragma once

#include <filesystem>
#include <string>

namespace mole::nodes {

// Returns the last whole lines of a log, at most 64 KiB. Control bytes and bytes that are not UTF-8 are written as \xNN, so
// that a log cannot send escape sequences to the reader's terminal. Empty if there is no log.
std::string log_tail(const std::filesystem::path& log);

}  // namespace mole::nodes
