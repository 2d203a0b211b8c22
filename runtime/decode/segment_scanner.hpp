// Splits a bzip2 file at its block magics without decoding it.
//
//   "BZh9" | block magic, block ... | block magic, block ... | end-of-stream magic, CRC, padding | "BZh9" | ...
//
// A magic is 48 bits long and may begin at any bit: 0x314159265359 begins a block, 0x177245385090 ends a stream. Either pattern
// can also occur inside a block by chance (2^-48 per bit), so a segment that fails to decode must be joined with the next one.
#pragma once

#include "runtime/decode/file_bytes.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace mole::runtime {

inline constexpr std::uint64_t block_magic = 0x314159265359, end_magic = 0x177245385090;
inline constexpr unsigned magic_bits = 48;

// Whether the bytes begin with "BZh" and a level from 1 to 9.
inline bool begins_bzip2_stream(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 4 && bytes[0] == 'B' && bytes[1] == 'Z' && bytes[2] == 'h' && bytes[3] >= '1' && bytes[3] <= '9';
}

// The part from one magic to the next, or to the end of the file. Positions are bits of the file.
struct Segment {
  enum class Kind { no_magic, block, end_of_stream };
  Kind kind = Kind::no_magic;  // no_magic: before the first magic, or the rest of a segment that was too long
  bool last = false;           // ends at the end of the file, not at a magic
  std::uint64_t from = 0, to = 0;
  std::vector<std::uint8_t> bytes;  // of the file, from byte from/8 on; ends with the byte that holds bit to-1

  std::uint64_t first_byte() const { return from / 8; }
  std::uint64_t end_byte() const { return (to + 7) / 8; }
};

class SegmentScanner {
 public:
  // A block has at most 900 k symbols of 20 bits; a longer segment is not one block and is split at this size.
  static constexpr std::uint64_t max_bytes = std::uint64_t{5} << 19;

  explicit SegmentScanner(FileBytes file) : file_(std::move(file)) {}

  // Reads the next segment, reusing the memory of `out`; false after the last one. transient: the disk failed.
  Result<bool> next(Segment& out);

 private:
  struct Magic {
    std::uint64_t bit;
    Segment::Kind kind;
  };
  bool find(Magic& magic);
  bool match(std::uint64_t from, Magic& magic) const;
  Result<> refill();
  void emit(Segment& out, std::uint64_t to, bool last);

  FileBytes file_;
  std::vector<std::uint8_t> window_;  // bytes of the file from base_ on, then 8 zero bytes
  std::uint64_t base_ = 0;            // a multiple of 4
  std::uint64_t filled_ = 0;          // end of the window, in bytes of the file
  bool at_end_ = false, finished_ = false;
  std::uint64_t probe_ = 4;     // byte of the next probe, a multiple of 4; all magics before probe_-4 have already been found
  std::uint64_t earliest_ = 0;  // the next magic begins at this bit or later
  std::uint64_t start_ = 0;     // bit where the current segment begins
  Segment::Kind kind_ = Segment::Kind::no_magic;
};

}  // namespace mole::runtime
