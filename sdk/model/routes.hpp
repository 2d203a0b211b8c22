// Routing tables as lists of prefixes with their origin AS, and their text form, one prefix per line:
//
//   # a comment; empty lines are skipped
//   192.0.2.0/24 64500          prefix as a.b.c.d/len (or IPv6), then the AS number, with or without "AS"
//   198.51.100.0<tab>24<tab>64501_64502    or address, length and origin in three columns, as in pfx2as files
//   2001:db8::/32 AS64500
//   203.0.113.0/24 {64502,64503}
//
// If there are several origins (AS sets, prefixes with more than one origin), the first is used.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mole {

// The lines of a table that could not be used.
struct UnusableLines {
  std::uint64_t count = 0;
  std::vector<std::string> first;  // what is wrong with the first of them: "line 7: ..."
  bool operator==(const UnusableLines&) const = default;
};

struct RouteList {
  struct V4 {
    std::uint32_t network = 0;  // bits beyond `length` are zero
    std::uint32_t as = 0;
    std::uint8_t length = 0;  // 0..32
  };
  struct V6 {
    std::uint64_t high = 0, low = 0;  // the network, most significant half first
    std::uint32_t as = 0;
    std::uint8_t length = 0;  // 0..128
  };
  std::vector<V4> v4;
  std::vector<V6> v6;
  UnusableLines unusable = {};
};

inline constexpr std::size_t max_routes = 8'000'000;  // of a table, both families together
inline constexpr std::uint64_t max_route_file_bytes = std::uint64_t{1} << 29;

inline constexpr std::size_t max_lines_reported = 3;
inline constexpr std::uint64_t max_unusable_percent = 1;  // of the lines that are not empty

// Returns the routes in the order of the text and the lines that cannot be used. invalid: more than max_unusable_percent, which
// is not a table or one written by hand with a mistake (the message begins with "line N: "), or no routes, which is more likely a
// failed download than a day without routes. exhausted: more than max_routes.
Result<RouteList> parse_routes(std::string_view text);

// Checks a table's bytes without looking anything up in it. invalid: cause and remedy.
Result<UnusableLines> check_route_table(std::string_view format, std::string_view bytes);

}  // namespace mole
