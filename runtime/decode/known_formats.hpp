// Names the compressions and formats that are not read, by the first bytes of a file.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace mole::runtime {

// Returns why a file that begins with these bytes cannot be read, and how to convert it, if they show a compression or a
// container that open_content() does not read; otherwise an empty string. A static string.
std::string_view other_compression(std::span<const std::uint8_t> head);

// Returns the format of content that begins with these bytes, as in "nfcapd files (nfdump)", if it is a known one; otherwise an
// empty string. A static string.
std::string_view format_named_by(std::span<const std::uint8_t> head);

}  // namespace mole::runtime
