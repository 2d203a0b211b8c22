// Exit codes of commands (docs/decisions/0052-exit-codes.md) and the mapping from error codes.
#pragma once

#include <mole/result.hpp>

namespace mole::cli {

enum class Exit : int {
  done = 0,
  failed = 1,
  usage = 2,       // invalid command line
  incomplete = 3,  // done, but with coverage below 1
  not_found = 4,   // a file, module, request or plugin does not exist
  refused = 5,     // invalid input, such as a manifest with an error, or credentials that an archive rejects
  try_later = 75,  // stopped, busy, or data is not available yet
};

constexpr Exit exit_of(Code code) {
  if (code == Code::invalid || code == Code::unsupported || code == Code::denied) return Exit::refused;
  if (code == Code::missing) return Exit::not_found;
  const bool passes = code == Code::transient || code == Code::busy || code == Code::cancelled;
  return passes ? Exit::try_later : Exit::failed;
}

}  // namespace mole::cli
