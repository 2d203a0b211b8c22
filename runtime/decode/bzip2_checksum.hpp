#pragma once

#include <cstdint>
#include <span>

namespace mole::runtime {

// Returns the CRC-32 that bzip2 uses (polynomial 0x04c11db7, most significant bit first).
std::uint32_t bzip2_checksum(std::span<const std::uint8_t> bytes);

}  // namespace mole::runtime
