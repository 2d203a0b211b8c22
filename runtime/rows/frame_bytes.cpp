#include "runtime/rows/frame_bytes.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mole::runtime {

std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace mole::runtime
