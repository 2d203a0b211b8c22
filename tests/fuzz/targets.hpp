// The functions a fuzzer calls. Each aborts if a promise is broken.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mole::runtime::test {

// The bytes as a bzip2 block: the interleaved decoder and libbzip2 say the same of it, also with its checksum mended.
void fuzz_block(const std::uint8_t* data, std::size_t size);

// The bytes as a .bz2 file: libbzip2 in one thread and the interleaved decoder in three give the same content and
// losses, within the output budget.
void fuzz_content(const std::uint8_t* data, std::size_t size);

// The bytes as decompressed content of a v5 file, cut into chunks with gaps: offsets and rows stay in range, every byte
// is read or told as lost.
void fuzz_netflow5(const std::uint8_t* data, std::size_t size);

}  // namespace mole::runtime::test
