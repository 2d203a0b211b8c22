// A fast decoder of bzip2 blocks: Huffman codes by table, move-to-front with vector instructions, and many interleaved walks of
// the inverse block sort. docs/decode_speed.md lists the gain of each.
//
// It only decodes whole blocks. All others (damaged, randomised, too large, followed by other data) are decoded again with
// libbzip2, which determines the outcome.
#pragma once

#include "runtime/decode/block_decoder.hpp"
#include "runtime/decode/inverse_bwt.hpp"
#include "runtime/decode/symbol_decoder.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace mole::runtime {

class InterleavedDecoder final : public BlockDecoder {
 public:
  // wide: use AVX2 if the processor supports it.
  explicit InterleavedDecoder(bool wide = true);
  void decode(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
              DecodedBlock& out) override;

  // Decodes without libbzip2. Returns false, and leaves `out` unspecified, if the block is not whole.
  bool decode_whole(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
                    DecodedBlock& out);

 private:
  SymbolDecoder symbols_;
  InverseBwt inverse_;
  std::unique_ptr<std::uint8_t[]> text_;
  std::unique_ptr<BlockDecoder> fallback_;  // created on first use
};

}  // namespace mole::runtime
