// Decompresses the blocks of nfcapd files. Each block is compressed independently.
#pragma once

#include "file_header.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace mole::plugins::nfcapd {

class BlockCodec {
 public:
  // Returns the content of a block, valid until the next call; nothing if the block is damaged or its content is larger than
  // BlockHeader::max_size.
  std::optional<std::span<const std::byte>> decompress(Compression compression, std::span<const std::byte> block);

 private:
  std::unique_ptr<std::byte[]> content_;  // max_size bytes; memory is committed as far as blocks use it
};

}  // namespace mole::plugins::nfcapd
