#include "runtime/decode/block_content.hpp"

#include "runtime/decode/bit_reader.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace mole::runtime {
namespace {

constexpr std::size_t run = 4;

// Returns the first position at or after `at` where four equal bytes begin, or the size. Compares eight bytes with their
// neighbours at once; a run that begins at one of the first six is fully visible.
std::size_t find_run(std::span<const std::uint8_t> text, std::size_t at) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t low = 0x7f7f7f7f7f7f7f7f;
  for (; at + 9 <= text.size(); at += 6) {
    std::uint64_t a, b;
    std::memcpy(&a, text.data() + at, sizeof a);
    std::memcpy(&b, text.data() + at + 1, sizeof b);
    const std::uint64_t differ = a ^ b;
    const std::uint64_t equal = ~(((differ & low) + low) | differ | low);  // 0x80 in each byte that is 0
    const std::uint64_t begins = equal & equal >> 8 & equal >> 16;
    if (begins != 0) return at + static_cast<std::size_t>(std::countr_zero(begins)) / 8;
  }
  for (; at + run <= text.size(); ++at)
    if (text[at] == text[at + 1] && text[at] == text[at + 2] && text[at] == text[at + 3]) return at;
  return text.size();
}

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

bool expand_runs(std::span<const std::uint8_t> text, std::size_t limit, OutputBytes& out) {
  out.set_size(0);
  if (text.size() > limit) {
    // At least four of five bytes remain: expanding a run adds bytes and removes only the count.
    if (text.size() / 5 * 4 > limit) return false;
  }
  std::size_t size = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t found = find_run(text, at);
    const bool ends = found == text.size();
    if (!ends && found + run == text.size()) return false;
    const std::size_t plain = (ends ? found : found + run) - at, more = ends ? 0 : text[found + run];
    if (plain + more > limit - size) return false;
    if (size + plain + more > out.capacity()) {
      out.set_size(size);
      out.reserve(std::min(limit, std::max(text.size() + text.size() / 8, (size + plain + more) * 2)));
    }
    std::memcpy(out.data() + size, text.data() + at, plain);
    if (more > 0) std::memset(out.data() + size + plain, text[found], more);
    size += plain + more;
    at = ends ? found : found + run + 1;
  }
  out.set_size(size);
  return true;
}

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
