// Decodes a bzip2 block with libbzip2: the block's bits are made a stream of one block again. The reference.
#pragma once

#include "runtime/decode/block_decoder.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mole::runtime {

// Keeps libbzip2's tables (4 MB) between blocks: to get and clear them anew costs more than the walk through a small
// block.
class Libbzip2Decoder final : public BlockDecoder {
 public:
  Libbzip2Decoder();
  ~Libbzip2Decoder() override;
  void decode(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
              DecodedBlock& out) override;

 private:
  struct Arena;
  void make_stream(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, DecodedBlock& out);

  std::unique_ptr<Arena> arena_;
  std::vector<std::uint8_t> stream_;
};

}  // namespace mole::runtime
