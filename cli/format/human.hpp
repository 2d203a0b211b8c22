// Formats numbers and untrusted strings for display.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

std::string human_bytes(double bytes);     // "0 B", "999 B", "1.2 KiB", "38 MiB", "4.5 TiB"
std::string human_count(std::uint64_t n);  // "1,234,567"
std::string human_number(std::uint64_t n, std::string_view one, std::string_view many);  // "1 job", "1,200 jobs"
std::string human_share(double share);      // "99.93 %"; "0 %" and "100 %" only for exactly 0 and 1
std::string human_seconds(double seconds);  // "0.8 s", "42 s", "3m10s", "2h05m", "12d03h"
// "2h10m (1h50m to 2h40m)", or "2h10m" if the limits are written alike.
std::string human_seconds(double expected, double low, double high);

// Replaces control bytes by \xNN: strings from plugins and file names may contain terminal escape sequences.
std::string printable(std::string_view text);
std::string printable_list(const std::vector<std::string>& strings);  // "a, b"
// Returns a string as printable text and any other value as JSON; "" for null.
std::string text_of(const nlohmann::json& value);

}  // namespace mole::cli
