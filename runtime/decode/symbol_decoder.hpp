// Decodes the header, Huffman codes, run lengths and move-to-front coding of a bzip2 block, up to the last column of the sorted
// rotations.
#pragma once

#include "runtime/decode/bit_reader.hpp"
#include "runtime/decode/huffman_code.hpp"
#include "runtime/decode/inverse_bwt.hpp"
#include "runtime/decode/move_to_front.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mole::runtime {

// Not thread-safe: use from one thread at a time.
class SymbolDecoder {
 public:
  // wide: use AVX2 if the processor supports it.
  explicit SymbolDecoder(bool wide = true);

  // Reads the block whose magic begins at bit `first` of `bytes` and which is `bits` long. Returns false if the block is damaged
  // or randomised, or has a different length.
  bool read(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits);

  // Of the block just read:
  std::uint32_t checksum() const { return checksum_; }
  std::uint32_t origin() const { return origin_; }
  std::span<const std::uint8_t> column() const { return {column_.get(), size_}; }
  const std::array<std::uint32_t, 256>& counts() const { return counts_; }

 private:
  static constexpr unsigned max_codes = 6, symbols_per_group = 50;
  static constexpr unsigned max_selectors = 18'002;  // libbzip2 reads and ignores further ones

  bool read_header();
  bool read_values();
  bool read_selectors();
  bool read_codes();
  bool read_symbols();
  bool apply_steps(std::size_t count);
  bool end_run(std::uint32_t run);

  std::vector<std::uint8_t> input_;  // the block, padded by BitReader::slack
  BitReader bits_;
  std::uint32_t checksum_ = 0, origin_ = 0;
  MoveToFront list_;
  unsigned alphabet_size_ = 0, codes_used_ = 0, selectors_used_ = 0;
  std::array<std::uint8_t, max_selectors> selectors_;
  std::array<HuffmanCode, max_codes> codes_;
  std::vector<MtfStep> steps_;
  std::array<std::uint32_t, 256> counts_;
  std::unique_ptr<std::uint8_t[]> column_;
  std::size_t size_ = 0;
};

}  // namespace mole::runtime
