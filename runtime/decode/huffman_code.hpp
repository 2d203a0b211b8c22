// A canonical Huffman code of bzip2: codes of one length are consecutive numbers in the order of their symbols.
#pragma once

#include "runtime/decode/bit_reader.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace mole::runtime {

class HuffmanCode {
 public:
  static constexpr unsigned max_length = 20, max_symbols = 258, no_symbol = 511;

  // Builds the code from the length of each symbol's code, 1 to 20 bits. Lengths that do not form a complete code are treated
  // as in libbzip2: the shortest code that fits is used, and bits that match no code yield no_symbol.
  void build(std::span<const std::uint8_t> lengths);

  // Reads one symbol. At least max_length bits must be available.
  unsigned next(BitReader& bits) const {
    unsigned entry = lookup_[bits.peek(lookup_bits)];
    if (entry == 0) [[unlikely]]
      entry = find_long(bits.ahead());
    bits.skip(entry & 31);
    return entry >> 5;
  }

 private:
  static constexpr unsigned lookup_bits = 10;  // 99 % of the codes of flow records; six tables of 2 kB stay in L1
  unsigned find_long(std::uint64_t ahead) const;

  std::array<std::uint16_t, 1u << lookup_bits> lookup_;  // symbol << 5 | length; 0: a longer code, or none
  std::array<std::uint64_t, max_length + 1> codes_end_;  // per length: one past its last code
  std::array<std::uint64_t, max_length + 1> codes_begin_;
  std::array<std::uint16_t, max_length + 1> rank_;  // per length: rank of its first code among all codes
  std::array<std::uint16_t, max_symbols> by_rank_;
};

}  // namespace mole::runtime
