#include "runtime/decode/bzip2_checksum.hpp"

#include "runtime/decode/bit_reader.hpp"

#include <array>

namespace mole::runtime {
namespace {

constexpr unsigned slice = 16;  // bytes at a time: their 16 lookups are independent of each other

// tables[k][b]: the contribution of byte b followed by k bytes.
constexpr auto tables = [] {
  std::array<std::array<std::uint32_t, 256>, slice> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i << 24;
    for (int bit = 0; bit < 8; ++bit) value = value << 1 ^ (value >> 31 ? 0x04c11db7u : 0);
    t[0][i] = value;
  }
  for (unsigned k = 1; k < slice; ++k)
    for (unsigned i = 0; i < 256; ++i) t[k][i] = t[k - 1][i] << 8 ^ t[0][t[k - 1][i] >> 24];
  return t;
}();

}  // namespace

std::uint32_t bzip2_checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0xffffffff;
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= slice; left -= slice, p += slice) {
    const std::uint64_t high = load_big_endian(p) ^ std::uint64_t{sum} << 32, low = load_big_endian(p + 8);
    sum = 0;
    for (unsigned i = 0; i < 8; ++i) {
      sum ^= tables[8 + i][high >> (8 * i) & 255];
      sum ^= tables[i][low >> (8 * i) & 255];
    }
  }
  for (; left > 0; --left, ++p) sum = sum << 8 ^ tables[0][sum >> 24 ^ *p];
  return ~sum;
}

}  // namespace mole::runtime
