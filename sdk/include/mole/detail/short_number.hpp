// Numbers of a state in as few bytes as they need (LEB128): 7 bits a byte, the lowest first, the upper bit set in all
// bytes but the last. For states of many small counts.
#pragma once

#include <mole/fields.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace mole::detail {

inline constexpr std::size_t longest_number = 10;

// Writes n to `to`, which has room for longest_number bytes; the end of what was written.
inline std::uint8_t* put_number(std::uint8_t* to, std::uint64_t n) {
  for (; n >= 128; n >>= 7) *to++ = static_cast<std::uint8_t>(n | 128);
  *to++ = static_cast<std::uint8_t>(n);
  return to;
}
inline void save_number(StateWriter& w, std::uint64_t n) {
  std::array<std::uint8_t, longest_number> out;
  w.bytes(out.data(), static_cast<std::size_t>(put_number(out.data(), n) - out.data()));
}

// Refuses what save_number does not write.
inline std::uint64_t load_number(StateReader& r) {
  std::uint64_t n = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(*r.take(1));
    if (shift == 63 && byte > 1) StateReader::refuse("a number has more than 64 bits");
    n |= std::uint64_t{byte & 127u} << shift;
    if (byte < 128) {
      if (byte == 0 && shift > 0) StateReader::refuse("a number is not in its shortest form");
      return n;
    }
  }
}

}  // namespace mole::detail
