// Decodes a single bzip2 block.
#pragma once

#include "runtime/decode/content_source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace mole::runtime {

// A buffer that grows without clearing the new bytes.
class OutputBytes {
 public:
  std::uint8_t* data() { return data_.get(); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  std::span<const std::uint8_t> view() const { return {data_.get(), size_}; }
  void set_size(std::size_t size) { size_ = size; }
  void reserve(std::size_t capacity);  // keeps the content
  void release();                      // frees the memory

 private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_ = 0, capacity_ = 0;
};

struct DecodedBlock {
  enum class Outcome {
    whole,            // the bits are exactly one block
    whole_with_rest,  // the block is whole (its checksum matches); other data follows from bit rest_from on
    damaged,
    too_large  // more content than the limit
  };
  Outcome outcome = Outcome::damaged;
  OutputBytes content;          // of a whole block
  std::uint32_t checksum = 0;   // as stored in the block
  std::uint64_t rest_from = 0;  // bit of the input, accurate to two bytes
  std::string_view reason;      // of the damage; a static string

  bool is_whole() const { return outcome == Outcome::whole || outcome == Outcome::whole_with_rest; }
};

// Not thread-safe: use from one thread at a time. Keeps its tables between blocks.
class BlockDecoder {
 public:
  BlockDecoder() = default;
  BlockDecoder(const BlockDecoder&) = delete;
  BlockDecoder& operator=(const BlockDecoder&) = delete;
  virtual ~BlockDecoder() = default;

  // Decodes the block whose magic begins at bit `first` (0 to 7) of `bytes` and which is `bits` long, into at most `limit`
  // bytes. Reuses the memory of `out`. Throws bad_alloc if there is not enough memory.
  virtual void decode(std::span<const std::uint8_t> bytes, unsigned first, std::uint64_t bits, std::size_t limit,
                      DecodedBlock& out) = 0;
};

// All decoders return the same outcome, reason and content of whole blocks for the same bits.
std::unique_ptr<BlockDecoder> make_block_decoder(Bzip2Decoder kind);

}  // namespace mole::runtime
