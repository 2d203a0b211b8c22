#include "cell.hpp"

#include <mole/names.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mole::plugins::table {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  const bool padded = text.size() == 15;
  std::uint32_t address = 0;
  for (int i = 0; i < 4; ++i) {
    std::uint32_t number = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && digits < 4 && is_digit(text[digits]); ++digits)
      number = number * 10 + static_cast<std::uint32_t>(text[digits] - '0');
    if (digits == 0 || number > 255 || (digits > 1 && text[0] == '0' && !padded)) return std::nullopt;
    text.remove_prefix(digits);
    address = address << 8 | number;
    if (i == 3) break;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  return text.empty() ? std::optional(address) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t largest) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  if (error != std::errc() || number > largest) return std::nullopt;
  auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (rest.empty()) return number;
  if (hex || rest.size() < 2 || rest[0] != '.') return std::nullopt;
  return std::ranges::all_of(rest.substr(1), [](char c) { return c == '0'; }) ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> parse_decimal(std::string_view text, std::int64_t scale) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc() || whole < 0 || text[0] == '-' || whole > INT64_MAX / scale - 1) return std::nullopt;
  auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
  std::int64_t out = whole * scale;
  if (rest.empty()) return out;
  if (rest.size() < 2 || rest[0] != '.' || !std::ranges::all_of(rest.substr(1), is_digit)) return std::nullopt;
  for (const char c : rest.substr(1)) out += (scale /= 10) * (c - '0');
  return out;
}

std::optional<Addr> parse_address(std::string_view text) {
  if (text.find(':') == text.npos) {
    const auto number = parse_ipv4(text);
    return number ? std::optional(Addr::v4(*number)) : std::nullopt;
  }
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof terminated || text.find('\0') != text.npos) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  Addr address;
  return inet_pton(AF_INET6, terminated, address.bytes.data()) == 1 ? std::optional(address) : std::nullopt;
}

std::optional<std::uint8_t> parse_protocol(std::string_view text) {
  if (equal_names(text, "TCP")) return std::uint8_t{6};
  if (equal_names(text, "UDP")) return std::uint8_t{17};
  if (!text.empty() && is_digit(text[0]))
    if (const auto number = parse_number(text, 255)) return static_cast<std::uint8_t>(*number);
  if (const auto number = protocol_named(text)) return number;
  constexpr std::string_view others[] = {"ipv6-icmp", "icmpv6"};  // IANA's name, and a usual one
  return std::ranges::any_of(others, [&](auto name) { return equal_names(name, text); }) ? std::optional<std::uint8_t>(58)
                                                                                         : std::nullopt;
}

std::optional<std::uint16_t> parse_tcp_flags(std::string_view text) {
  if (!text.empty() && is_digit(text[0])) {
    const auto number = parse_number(text, 0xffff);
    return number ? std::optional(static_cast<std::uint16_t>(*number)) : std::nullopt;
  }
  constexpr std::string_view letters = "FSRPAUEC";
  std::uint16_t flags = 0;
  for (const char c : text) {
    if (c == '.' || c == ' ' || c == '-') continue;
    const auto bit = c == 'W' ? 7 : letters.find(c);  // CWR
    if (bit == letters.npos || (flags >> bit & 1) != 0) return std::nullopt;
    flags = static_cast<std::uint16_t>(flags | 1u << bit);
  }
  return flags;
}

std::optional<std::uint16_t> parse_icmp_port(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == text.npos || text.find('.', dot + 1) != text.npos) return std::nullopt;
  const auto type = parse_number(text.substr(0, dot), 255), code = parse_number(text.substr(dot + 1), 255);
  return type && code ? std::optional(static_cast<std::uint16_t>(*type << 8 | *code)) : std::nullopt;
}

std::optional<std::uint32_t> parse_mpls_label(std::string_view text) {
  const auto label = text.substr(0, text.find('-'));
  for (auto rest = text.substr(label.size()); !rest.empty();) {
    rest.remove_prefix(1);
    const auto number = rest.substr(0, rest.find('-'));
    if (!parse_number(number, 7)) return std::nullopt;
    rest.remove_prefix(number.size());
  }
  const auto number = parse_number(label, (1 << 20) - 1);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

}  // namespace mole::plugins::table
