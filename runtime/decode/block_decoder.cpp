#include "runtime/decode/block_decoder.hpp"

#include "runtime/decode/interleaved_decoder.hpp"
#include "runtime/decode/libbzip2_decoder.hpp"

#include <cstring>

namespace mole::runtime {

void OutputBytes::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return;
  auto grown = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
  if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
  data_ = std::move(grown);
  capacity_ = capacity;
}

void OutputBytes::release() {
  data_.reset();
  size_ = capacity_ = 0;
}

std::unique_ptr<BlockDecoder> make_block_decoder(Bzip2Decoder kind) {
  if (kind == Bzip2Decoder::interleaved) return std::make_unique<InterleavedDecoder>();
  return std::make_unique<Libbzip2Decoder>();
}

}  // namespace mole::runtime
