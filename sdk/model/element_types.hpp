// Types of information elements that no list has: in their names, "9/12232:string", and in type records of files (RFC 5610).
#pragma once

#include "sdk/model/elements.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mole {

// Returns what is wrong with the type in a name such as "9/12232:text", and a remedy; empty: nothing, or the name has no type.
std::string wrong_element_type(std::string_view name);
// Returns the type of a number in the registry of RFC 5610: 13 is string; nullopt: unknown.
std::optional<ElementType> element_type_of_number(std::uint64_t number);

}  // namespace mole
