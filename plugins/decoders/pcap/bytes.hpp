// Reads numbers of either byte order.
#pragma once

#include <mole/decoder.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mole::plugins::capture {

constexpr auto u8 = big_endian<std::uint8_t>;
constexpr auto u16 = big_endian<std::uint16_t>;
constexpr auto u32 = big_endian<std::uint32_t>;

inline std::uint32_t read32(const std::byte* p, bool big) { return big ? u32(p) : __builtin_bswap32(u32(p)); }
inline std::uint16_t read16(const std::byte* p, bool big) { return big ? u16(p) : __builtin_bswap16(u16(p)); }

}  // namespace mole::plugins::capture
