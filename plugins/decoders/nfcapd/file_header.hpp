// The headers of nfdump's files: layout 1 (nfdump 1.6) and layout 2 (nfdump 1.7). docs/formats/nfcapd.md describes the records.
// Numbers have the byte order of the machine that wrote the file; only little-endian files are read.
//
//   layout 1, 276 bytes                            layout 2, 40 bytes
//   0    magic 0xA50C | 2 layout                   0  magic 0xA50C | 2 layout | 4 version of nfdump
//   4    flags: compression, anonymised            8  time of creation, s
//   8    number of blocks                          16 compression | 17 encryption | 18 appendix blocks | 20 creator
//   12   ident (128)                               24 offset of the appendix | 32 largest block | 36 number of blocks
//   140  statistics (136)
#pragma once

#include <mole/addr.hpp>
#include <mole/result.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mole::plugins::nfcapd {

// Reads an unsigned number in little-endian byte order.
template <class T>
T load(const std::byte* p) {
  static_assert(std::endian::native == std::endian::little, "nfcapd files are read on little-endian machines only");
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Reads an IPv6 address, which is stored as two numbers.
inline Addr load_address6(const std::byte* p) {
  const std::uint64_t parts[2] = {__builtin_bswap64(load<std::uint64_t>(p)), __builtin_bswap64(load<std::uint64_t>(p + 8))};
  return Addr::v6(parts);
}

enum class Compression : std::uint8_t { none, lzo, bz2, lz4, zstd };

struct FileHeader {
  std::uint16_t layout = 0;
  Compression compression = Compression::none;
  std::uint32_t size = 0;               // bytes of the header
  std::uint32_t blocks = 0;             // blocks of flows
  std::uint32_t appendix_blocks = 0;    // blocks after those
  bool is_closed = true;                // false: the collector has not written the totals
  std::uint64_t created_ms = 0;         // layout 1: the time of the last flow
  std::uint64_t sequence_failures = 0;  // layout 1

  static constexpr std::size_t largest = 276;

  // Whether the bytes begin like a file of nfdump, in any byte order and layout.
  static bool recognises(std::span<const std::byte> head);
  // `head`: the first `largest` bytes, or fewer at the end of the file.
  static Result<FileHeader> read(std::span<const std::byte> head);
};

// The header of a block, 12 bytes: number of records, size without this header, type, flags.
struct BlockHeader {
  std::uint32_t records, size;
  std::uint16_t type, flags;

  static constexpr std::size_t bytes = 12;
  static constexpr std::uint32_t max_size = 16 << 20;  // nfdump writes 1 to 2 MiB and reads up to 5 MiB

  static BlockHeader read(const std::byte* p) {
    return {load<std::uint32_t>(p), load<std::uint32_t>(p + 4), load<std::uint16_t>(p + 8), load<std::uint16_t>(p + 10)};
  }
  bool is_array() const { return type == 4; }  // elements of a table, no flows
  bool plausible() const { return type >= 1 && type <= 4 && flags <= 7 && size <= max_size && (records > 0 || size == 0); }
  // Whether the block is stored without the compression of the file.
  bool is_plain(std::uint16_t layout) const { return layout == 2 && (flags & 1) != 0; }
};

}  // namespace mole::plugins::nfcapd
