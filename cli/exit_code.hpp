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
  refused = 5,     // invalid input, such as a manifest with an error or a plugin with an incompatible ABI
  try_later = 75,  // stopped, busy, or data is not available yet
};

constexpr Exit exit_of(Code code) {
  if (code == Code::invalid || code == Code::unsupported) return Exit::refused;
  if (code == Code::missing) return Exit::not_found;
  return code == Code::transient || code == Code::cancelled ? Exit::try_later : Exit::failed;
}

}  // namespace mole::cli
