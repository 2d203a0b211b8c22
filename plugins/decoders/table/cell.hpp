// Reads the values of flow columns from text. Each function returns nothing for text that is not exactly such a value.
#pragma once

#include <mole/addr.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace mole::plugins::table {

// A whole number of at most `largest`; also 12.0 and 0x1b.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t largest);
// A number with a fraction in units of 1 / `scale` (a power of ten), without the digits beyond them: ("1.5", 1000) is 1500.
std::optional<std::int64_t> parse_decimal(std::string_view text, std::int64_t scale);
// IPv4 or IPv6. Numbers of an IPv4 address with leading zeros only if all four have three digits, as SiLK pads them.
std::optional<Addr> parse_address(std::string_view text);
// A number, or a name of nfdump in any case.
std::optional<std::uint8_t> parse_protocol(std::string_view text);
// A number, or letters as nfdump (...AP.SF) and SiLK (FS PA) print them.
std::optional<std::uint16_t> parse_tcp_flags(std::string_view text);
// Type and code of ICMP, as nfdump prints them instead of a destination port: 3.1 is 3 * 256 + 1.
std::optional<std::uint16_t> parse_icmp_port(std::string_view text);
// A label; or label-exp-bottom, as nfdump prints it.
std::optional<std::uint32_t> parse_mpls_label(std::string_view text);

}  // namespace mole::plugins::table
