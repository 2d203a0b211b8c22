// Ids of files whose names are any bytes. Ids are UTF-8: a byte that is not becomes "\xHH" in the id, and so does a backslash
// that would otherwise be read as such.
//
//   const std::string id = mole::file_id("z\xfcrich");      // z, then \xFC as four characters, then rich
//   const std::string name = mole::file_name(id);           // the same bytes as before
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace mole {
namespace detail {

// Length of the UTF-8 character at the start of `s`; 0 if there is none.
inline std::size_t utf8_length(std::string_view s) {
  const auto c = static_cast<unsigned char>(s[0]);
  const std::size_t length = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  if (length == 0 || s.size() < length) return 0;
  for (std::size_t k = 1; k < length; ++k)
    if ((static_cast<unsigned char>(s[k]) & 0xc0) != 0x80) return 0;
  return length;
}

inline constexpr std::string_view hex_digits = "0123456789ABCDEF";

// The value of "\\xHH" at the start of `s` if an id can contain it: a byte that is not ASCII, or a backslash. Otherwise -1.
inline int escaped_byte(std::string_view s) {
  if (s.size() < 4 || s[0] != '\\' || s[1] != 'x') return -1;
  const auto high = hex_digits.find(s[2]), low = hex_digits.find(s[3]);
  if (high == std::string_view::npos || low == std::string_view::npos) return -1;
  const auto value = static_cast<int>(high * 16 + low);
  return value >= 0x80 || value == '\\' ? value : -1;
}

}  // namespace detail

inline std::string file_id(std::string_view name) {
  std::string id;
  while (!name.empty()) {
    const auto length = detail::utf8_length(name);
    if (length > 0 && detail::escaped_byte(name) < 0) {
      id += name.substr(0, length);
    } else {
      const auto byte = static_cast<unsigned char>(name[0]);
      id += std::string("\\x") + detail::hex_digits[byte >> 4] + detail::hex_digits[byte & 15];
    }
    name.remove_prefix(std::max<std::size_t>(1, length));
  }
  return id;
}

inline std::string file_name(std::string_view id) {
  std::string name;
  while (!id.empty()) {
    const int byte = detail::escaped_byte(id);
    name += byte < 0 ? id[0] : static_cast<char>(byte);
    id.remove_prefix(byte < 0 ? 1 : 4);
  }
  return name;
}

}  // namespace mole
