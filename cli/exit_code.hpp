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
  refused = 5,     // invalid input, such as a manifest with an error or a plugin with another ABI
  try_later = 75,  // stopped, busy, or data is not available yet
};

constexpr Exit exit_of(Code code) {
  switch (code) {
    case Code::invalid:
    case Code::unsupported:
      return Exit::refused;
    case Code::missing:
      return Exit::not_found;
    case Code::transient:
    case Code::cancelled:
      return Exit::try_later;
    case Code::corrupt:
    case Code::exhausted:
    case Code::internal:
      return Exit::failed;
  }
  return Exit::failed;
}

}  // namespace mole::cli
