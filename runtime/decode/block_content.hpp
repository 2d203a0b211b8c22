// The last step of decoding a bzip2 block: expands its text to its content and computes the checksum of the content.
#pragma once

#include "runtime/decode/block_decoder.hpp"

#include <cstdint>
#include <span>

namespace mole::runtime {

// Undoes the run-length coding that bzip2 applies before the block sort: four equal bytes are followed by the number of further
// equal bytes. Returns false, and leaves `out` unspecified, if the last number is missing or the result exceeds `limit`.
bool expand_runs(std::span<const std::uint8_t> text, std::size_t limit, OutputBytes& out);

// Returns the CRC-32 that bzip2 uses (polynomial 0x04c11db7, most significant bit first).
std::uint32_t bzip2_checksum(std::span<const std::uint8_t> bytes);

}  // namespace mole::runtime
