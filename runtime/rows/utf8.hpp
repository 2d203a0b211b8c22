// Is text UTF-8? Asked of every text that came from a plugin before it reaches a result.
#pragma once

#include <string_view>

namespace mole::runtime {

// True if `text` is well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace mole::runtime
