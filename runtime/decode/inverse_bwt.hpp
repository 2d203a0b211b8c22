// The inverse Burrows-Wheeler transform: from the last column of the sorted rotations to the text.
//
// Each byte of the text gives the position of the next one, so a single walk waits for memory at every step. The rows form a ring
// (or several, if the text is periodic) that can be entered anywhere: pieces of the text are walked from several hundred rows, 24
// of them interleaved, each until it reaches the beginning of another piece; then the pieces are put in order. The memory
// accesses overlap, and only the table of one block has to fit into the cache.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mole::runtime {

// Not thread-safe: use from one thread at a time. Keeps its memory: 4 bytes per byte of the largest block, and the pieces.
class InverseBwt {
 public:
  static constexpr std::size_t max_bytes = 900'000;  // of a block

  InverseBwt();

  // Writes the text whose last column is `column` to `text`. `counts`: the number of each value in it. Both spans have the same
  // size, from 1 to max_bytes, and `origin` is less than that size.
  void invert(std::span<const std::uint8_t> column, const std::array<std::uint32_t, 256>& counts, std::uint32_t origin,
              std::span<std::uint8_t> text);

  // The two halves of invert(), for measurements.
  void link(std::span<const std::uint8_t> column, const std::array<std::uint32_t, 256>& counts, std::uint32_t origin);
  void walk(std::span<std::uint8_t> text);

 private:
  static constexpr unsigned walkers = 24;
  struct Piece {
    std::uint8_t* bytes;
    std::uint32_t size;
    std::uint32_t next;  // the piece that follows in the text
  };
  struct Walker {
    std::uint32_t row, piece;
    std::uint8_t* from;   // start of the piece
    std::uint8_t* bytes;  // where this walker writes next
  };

  std::uint32_t piece_at(std::uint32_t row) const;
  std::uint32_t row_of(std::uint32_t piece) const;
  void walk_pieces();
  bool end_piece(Walker& walker, std::uint32_t next_row, std::uint8_t* end);
  void join(std::span<std::uint8_t> text) const;

  std::unique_ptr<std::uint32_t[]> rows_;   // next row << 8 | byte; highest bit set: a piece begins at the next row
  std::unique_ptr<std::uint8_t[]> output_;  // of the walkers
  std::vector<Piece> pieces_;               // the first begins at the origin
  std::uint32_t size_ = 0, origin_ = 0;
  unsigned stride_bits_ = 0;    // other pieces begin at rows that are multiples of the stride
  std::uint32_t assigned_ = 0;  // pieces assigned to walkers
};

}  // namespace mole::runtime
