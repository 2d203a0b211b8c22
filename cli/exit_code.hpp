// What a command ends with (docs/decisions/0052-exit-codes.md). The one place where an outcome becomes a number.
#pragma once

#include <mole/result.hpp>

namespace mole::cli {

enum class Exit : int {
  done = 0,
  failed = 1,
  usage = 2,       // the command line is wrong
  incomplete = 3,  // done, but with coverage below 1
  not_found = 4,   // a file, module, request or plugin that is not there
  refused = 5,     // understood and declined: a manifest with an error, a plugin of another ABI
  try_later = 75,  // nothing is wrong: stopped, busy, or data that is not there yet
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
