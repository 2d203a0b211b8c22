#include "runtime/decode/huffman_code.hpp"

#include <algorithm>

namespace mole::runtime {

void HuffmanCode::build(std::span<const std::uint8_t> lengths) {
  std::array<std::uint16_t, max_length + 2> count{};
  for (const auto length : lengths) ++count[length];
  std::array<std::uint16_t, max_length + 2> next{};
  for (unsigned length = 1; length <= max_length; ++length)
    next[length + 1] = static_cast<std::uint16_t>(next[length] + count[length]);
  std::copy_n(next.begin(), rank_.size(), rank_.begin());
  for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol)
    by_rank_[next[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);

  lookup_.fill(0);
  std::uint64_t code = 0;  // exceeds 2^length if there are too many codes; the excess ones are never reached
  for (unsigned length = 1; length <= max_length; ++length, code <<= 1) {
    codes_begin_[length] = code;
    codes_end_[length] = code + count[length];
    if (length <= lookup_bits) {
      const unsigned shift = lookup_bits - length;
      for (unsigned i = 0; i < count[length] && code + i < std::uint64_t{1} << length; ++i) {
        const auto entry = static_cast<std::uint16_t>(by_rank_[rank_[length] + i] << 5 | length);
        std::fill_n(lookup_.begin() + static_cast<std::ptrdiff_t>((code + i) << shift), std::size_t{1} << shift, entry);
      }
    }
    code += count[length];
  }
}

// The bits are passed by value: a BitReader whose address escapes would be kept in memory, not in registers, which is slower.
unsigned HuffmanCode::find_long(std::uint64_t ahead) const {
  for (unsigned length = lookup_bits + 1; length <= max_length; ++length) {
    const std::uint64_t code = ahead >> (64 - length);
    if (code < codes_end_[length]) return by_rank_[rank_[length] + code - codes_begin_[length]] << 5u | length;
  }
  return no_symbol << 5;
}

}  // namespace mole::runtime
