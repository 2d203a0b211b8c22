// Our own decoder of bzip2 blocks: Huffman codes by table, the list of values moved as vectors, and the inverse block
// sort walked from many places in turn. docs/decode_speed.md tells what each of these gains.
//
// It says "whole" and nothing else: whatever it does not find whole (damaged, randomised, too large, followed by other
// things) is given to libbzip2, whose verdict stands.
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
  // wide: with the processor's AVX2, if it has it.
  explicit InterleavedDecoder(bool wide = true);
  void decode(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
              DecodedBlock& out) override;

  // The same without libbzip2: false, with `out` in any state, for what it would be asked about.
  bool decode_whole(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
                    DecodedBlock& out);

 private:
  SymbolDecoder symbols_;
  InverseBwt inverse_;
  std::unique_ptr<std::uint8_t[]> text_;
  std::unique_ptr<BlockDecoder> fallback_;  // made when first wanted
};

}  // namespace mole::runtime
