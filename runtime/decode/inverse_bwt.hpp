// The way back from the last column of the sorted rotations (Burrows and Wheeler 1994) to the text.
//
// Each byte of the text tells where the next one stands, so one walk waits for memory at each step. The rows of the
// matrix are one ring (or several, if the text is periodic), so it can be entered anywhere: pieces of the text are
// walked from several hundred rows, 24 of them in turn, each until it comes upon the beginning of another; then they
// are put in order. The waits overlap, and the table of one block is all that has to stay in the cache.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mole::runtime {

// One thread at a time. Keeps its memory: 4 bytes per byte of the largest block, and the walkers' pieces.
class InverseBwt {
 public:
  static constexpr std::size_t most = 900'000;  // bytes of a block

  InverseBwt();

  // `text` = the text whose last column is `column`, `counts` the number of each value in it; at most `most` bytes,
  // `origin` below their number, both spans of equal length, which is not 0.
  void invert(std::span<const std::uint8_t> column, const std::array<std::uint32_t, 256>& counts, std::uint32_t origin,
              std::span<std::uint8_t> text);

  // The two halves of it, for those who measure.
  void link(std::span<const std::uint8_t> column, const std::array<std::uint32_t, 256>& counts, std::uint32_t origin);
  void walk(std::span<std::uint8_t> text);

 private:
  static constexpr unsigned walkers = 24;
  struct Piece {
    std::uint8_t* bytes;
    std::uint32_t size;
    std::uint32_t next;  // piece that follows in the text
  };
  struct Walker {
    std::uint32_t row, piece;
    std::uint8_t* from;   // of the piece
    std::uint8_t* bytes;  // where this walker writes, step by step
  };

  std::uint32_t piece_at(std::uint32_t row) const;
  std::uint32_t row_of(std::uint32_t piece) const;
  void walk_pieces();
  bool end_piece(Walker& walker, std::uint32_t next_row, std::uint8_t* end);
  void join(std::span<std::uint8_t> text) const;

  std::unique_ptr<std::uint32_t[]> rows_;   // next row << 8 | byte; the highest bit: a piece begins at the next row
  std::unique_ptr<std::uint8_t[]> output_;  // of the walkers
  std::vector<Piece> pieces_;               // the first begins at the origin
  std::uint32_t size_ = 0, origin_ = 0;
  unsigned stride_bits_ = 0;  // other pieces begin at rows that are multiples of the stride
  std::uint32_t begun_ = 0;   // pieces given to walkers
};

}  // namespace mole::runtime
