// Decodes a bzip2 block with libbzip2, by wrapping its bits into a stream of one block. The reference decoder.
#pragma once

#include "runtime/decode/block_decoder.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mole::runtime {

// Keeps the tables of libbzip2 (4 MB) between blocks: allocating and clearing them costs more than decoding a small block.
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
