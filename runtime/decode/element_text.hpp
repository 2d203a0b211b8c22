// The value of an information element as text, for groups and printed flows.
#pragma once

#include "sdk/model/elements.hpp"

#include <mole/abi.h>

#include <cstdint>
#include <string>

namespace mole::runtime {

// Appends value `i` of a row: numbers, addresses, true and false in their usual form, times as RFC 3339, a MAC address as
// 00:11:22:33:44:55, strings as they are, octets and strings that are not UTF-8 in hexadecimal with the prefix 0x.
void append_element_text(std::string& out, ElementType type, const mole_values& values, std::uint64_t i);

}  // namespace mole::runtime
