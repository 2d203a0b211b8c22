#include "runtime/decode/run_length.hpp"

#include <algorithm>
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

}  // namespace

bool expand_runs(std::span<const std::uint8_t> text, std::size_t limit, OutputBytes& out) {
  out.set_size(0);
  if (text.size() > limit) {
    // At least four of five bytes remain: a run adds bytes and loses only its count.
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

}  // namespace mole::runtime
