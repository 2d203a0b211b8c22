// Cuts a bzip2 file at its block marks without decoding it.
//
//   "BZh9" | block mark, block ... | block mark, block ... | end mark, CRC, padding | "BZh9" | block mark, ...
//
// Marks are 48 bits at any bit position: 0x314159265359 begins a block, 0x177245385090 ends a stream. Their pattern can
// also occur inside a block by chance (2^-48 a bit): whoever decodes a segment joins it with the next one if it fails.
#pragma once

#include "runtime/decode/file_bytes.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace mole::runtime {

inline constexpr std::uint64_t block_mark = 0x314159265359, end_mark = 0x177245385090;
inline constexpr unsigned mark_bits = 48;

// "BZh" and a level from 1 to 9.
inline bool begins_bzip2_stream(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 4 && bytes[0] == 'B' && bytes[1] == 'Z' && bytes[2] == 'h' && bytes[3] >= '1' && bytes[3] <= '9';
}

// From one mark to the next (or to the end of the file). Positions are bits of the file.
struct Segment {
  enum class Kind { unmarked, block, end_of_stream };
  Kind kind = Kind::unmarked;  // unmarked: before the first mark, or the rest of a segment that was cut
  bool last = false;           // ended by the end of the file, not by a mark
  std::uint64_t from = 0, to = 0;
  std::vector<std::uint8_t> bytes;  // of the file, from byte from/8 on; ends with the byte that holds bit to-1

  std::uint64_t first_byte() const { return from / 8; }
  std::uint64_t end_byte() const { return (to + 7) / 8; }
};

class SegmentScanner {
 public:
  // A block has at most 900 k symbols of 20 bits, so what is longer holds something else and is cut here.
  static constexpr std::uint64_t longest = std::uint64_t{5} << 19;

  explicit SegmentScanner(FileBytes file) : file_(std::move(file)) {}

  // Next segment, reusing the memory of `out`; false after the last one (at once for an empty file).
  // transient if the disk fails.
  Result<bool> next(Segment& out);

 private:
  struct Mark {
    std::uint64_t bit;
    Segment::Kind kind;
  };
  bool find(Mark& mark);
  bool match(std::uint64_t from, Mark& mark) const;
  Result<> refill();
  void emit(Segment& out, std::uint64_t to, bool last);

  FileBytes file_;
  std::vector<std::uint8_t> window_;  // bytes of the file from base_ on, then 8 zero bytes
  std::uint64_t base_ = 0;            // a multiple of 4
  std::uint64_t filled_ = 0;          // end of the window, in bytes of the file
  bool at_end_ = false, finished_ = false;
  std::uint64_t probe_ = 4;     // byte of the next probe, a multiple of 4; marks before probe_-4 are known
  std::uint64_t earliest_ = 0;  // bit: the next mark stands here or later
  std::uint64_t start_ = 0;     // bit where the current segment begins
  Segment::Kind kind_ = Segment::Kind::unmarked;
};

}  // namespace mole::runtime
