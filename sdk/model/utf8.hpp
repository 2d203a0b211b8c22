// Checks UTF-8: well-formed sequences without overlong forms, surrogates or values above U+10FFFF (Unicode, table 3-7).
#pragma once

#include <cstddef>
#include <string_view>

namespace mole {

// Returns the length of the sequence at the front of `text`, which must not be empty; 0 if it is not well-formed.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace mole
