// LEB128 for states with many small counts: 7 bits per byte, least significant first, the high bit set in all but the last byte.
#pragma once

#include <mole/fields.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace mole::detail {

inline constexpr std::size_t max_leb128_size = 10;

// Writes n to `to`, which must have room for max_leb128_size bytes, and returns the end of the written bytes.
inline std::uint8_t* put_leb128(std::uint8_t* to, std::uint64_t n) {
  for (; n >= 128; n >>= 7) *to++ = static_cast<std::uint8_t>(n | 128);
  *to++ = static_cast<std::uint8_t>(n);
  return to;
}
inline void save_leb128(StateWriter& w, std::uint64_t n) {
  std::array<std::uint8_t, max_leb128_size> out;
  w.bytes(out.data(), static_cast<std::size_t>(put_leb128(out.data(), n) - out.data()));
}

// Rejects bytes that save_leb128 does not write.
inline std::uint64_t load_leb128(StateReader& r) {
  std::uint64_t n = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(*r.take(1));
    if (shift == 63 && byte > 1) StateReader::reject("a number has more than 64 bits");
    n |= std::uint64_t{byte & 127u} << shift;
    if (byte < 128) {
      if (byte == 0 && shift > 0) StateReader::reject("a number is not in its shortest form");
      return n;
    }
  }
}

}  // namespace mole::detail
