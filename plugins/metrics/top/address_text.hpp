// Addresses as text.
#pragma once

#include <mole/addr.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <string>

// Formats an address as 10.0.0.1 or 2001:db8::1. IPv6 addresses follow RFC 5952: lower case, no leading zeros, and "::" for the
// first of the longest runs of two or more zero groups.
inline std::string address_text(const mole::Addr& a) {
  std::string out;
  if (a.is_v4()) {
    for (std::size_t i = 12; i < 16; ++i) out += (i > 12 ? "." : "") + std::to_string(a.bytes[i]);
    return out;
  }
  std::array<unsigned, 8> group;
  for (std::size_t i = 0; i < 8; ++i) group[i] = a.bytes[2 * i] * 256u + a.bytes[2 * i + 1];
  std::size_t gap = 8, gap_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && group[end] == 0) ++end;
    if (end - i > gap_length) {
      gap = i;
      gap_length = end - i;
    }
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap) {
      out += "::";
      i += gap_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char digits[4];
    out.append(digits, std::to_chars(digits, digits + 4, group[i], 16).ptr);
  }
  return out;
}
