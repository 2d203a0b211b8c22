// Sizes in bytes as people write them.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace mole {

// Parses "1000", "512MiB" or "4G" (also 4GiB).
Result<std::uint64_t> parse_size(std::string_view text);
// The same size as text, with the largest unit of which it is a whole number: "16GiB".
std::string format_size(std::uint64_t bytes);

}  // namespace mole
