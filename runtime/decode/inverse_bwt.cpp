#include "runtime/decode/inverse_bwt.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mole::runtime {
namespace {

constexpr std::uint32_t begins_piece = 0x80000000;
constexpr std::uint32_t pieces_wanted = 512, shortest_stride = 64;
// Space for the output of one walker: a whole block, because one walker may produce all of it. Unused pages occupy no memory. The
// size is not a power of two, so that the walkers use different cache sets.
constexpr std::size_t walker_room = InverseBwt::max_bytes + 1024 + 320 - InverseBwt::max_bytes % 1024;

}  // namespace

InverseBwt::InverseBwt()
    : rows_(std::make_unique_for_overwrite<std::uint32_t[]>(max_bytes)),
      output_(std::make_unique_for_overwrite<std::uint8_t[]>(walkers * walker_room)) {}

void InverseBwt::invert(std::span<const std::uint8_t> column, const std::array<std::uint32_t, 256>& counts, std::uint32_t origin,
                        std::span<std::uint8_t> text) {
  link(column, counts, origin);
  walk(text);
}

void InverseBwt::link(std::span<const std::uint8_t> column, const std::array<std::uint32_t, 256>& counts, std::uint32_t origin) {
  size_ = static_cast<std::uint32_t>(column.size());
  origin_ = origin;
  stride_bits_ = static_cast<unsigned>(std::bit_width(std::max(size_ / pieces_wanted, shortest_stride)) - 1);

  std::array<std::uint32_t*, 256> at;
  std::uint32_t* next = rows_.get();
  for (unsigned value = 0; value < 256; ++value) {
    at[value] = next;
    next += counts[value];
  }
  const auto put = [&](std::uint32_t row, std::uint32_t mark) {
    const std::uint8_t value = column[row];
    *at[value]++ = row << 8 | value | mark;
  };
  const auto put_range = [&](std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t row = from; row < to; ++row) put(row, 0);
  };
  const std::uint32_t stride = 1u << stride_bits_;
  for (std::uint32_t from = 0; from < size_; from += stride) {
    const std::uint32_t to = std::min(from + stride, size_);
    put(from, begins_piece);
    if (from < origin && origin < to) {
      put_range(from + 1, origin);
      put(origin, begins_piece);
      put_range(origin + 1, to);
    } else {
      put_range(from + 1, to);
    }
  }
}

// Piece 0 begins at the origin, piece i at row (i-1) * stride.
std::uint32_t InverseBwt::piece_at(std::uint32_t row) const { return row == origin_ ? 0 : 1 + (row >> stride_bits_); }
std::uint32_t InverseBwt::row_of(std::uint32_t piece) const { return piece == 0 ? origin_ : (piece - 1) << stride_bits_; }

void InverseBwt::walk(std::span<std::uint8_t> text) {
  pieces_.assign(1 + ((size_ - 1) >> stride_bits_) + 1, Piece{nullptr, 0, 0});
  walk_pieces();
  join(text);
}

// Records the piece that ended before `end` and begins the next unassigned one. Returns false if there is none.
bool InverseBwt::end_piece(Walker& walker, std::uint32_t next_row, std::uint8_t* end) {
  pieces_[walker.piece] = {walker.from, static_cast<std::uint32_t>(end - walker.from), piece_at(next_row)};
  // A multiple of the stride that is the origin is walked as piece 0.
  if (assigned_ < pieces_.size() && row_of(assigned_) == origin_) ++assigned_;
  if (assigned_ == pieces_.size()) return false;
  walker.piece = assigned_++;
  walker.row = row_of(walker.piece);
  walker.from = end;
  return true;
}

void InverseBwt::walk_pieces() {
  std::array<Walker, walkers> walker;
  unsigned active = 0;
  assigned_ = 0;
  while (active < walkers && assigned_ < pieces_.size()) {
    if (assigned_ > 0 && row_of(assigned_) == origin_) {
      ++assigned_;
      continue;
    }
    std::uint8_t* const bytes = output_.get() + active * walker_room;
    walker[active] = {row_of(assigned_), assigned_, bytes, bytes};
    ++assigned_;
    ++active;
  }
  const std::uint32_t* const rows = rows_.get();
  // Every row belongs to one piece, so all walkers together make at most size_ steps.
  std::size_t step = 0;
  if (active == walkers) {
    bool more = true;
    while (more) {
      for (unsigned i = 0; i < walkers; ++i) {
        const std::uint32_t entry = rows[walker[i].row];
        walker[i].bytes[step] = static_cast<std::uint8_t>(entry);
        walker[i].row = entry >> 8;
        if (static_cast<std::int32_t>(entry) < 0) [[unlikely]]
          if (!end_piece(walker[i], (entry & ~begins_piece) >> 8, walker[i].bytes + step + 1)) {
            walker[i].piece = static_cast<std::uint32_t>(pieces_.size());
            more = false;
          }
      }
      ++step;
    }
    // Removes walkers without work.
    active = static_cast<unsigned>(
        std::remove_if(walker.begin(), walker.end(), [&](const Walker& w) { return w.piece == pieces_.size(); }) -
        walker.begin());
  }
  for (; active > 0; ++step)
    for (unsigned i = 0; i < active;) {
      const std::uint32_t entry = rows[walker[i].row];
      walker[i].bytes[step] = static_cast<std::uint8_t>(entry);
      walker[i].row = entry >> 8;
      if (static_cast<std::int32_t>(entry) < 0) [[unlikely]]
        if (!end_piece(walker[i], (entry & ~begins_piece) >> 8, walker[i].bytes + step + 1)) {
          walker[i] = walker[--active];
          continue;
        }
      ++i;
    }
}

// The ring of a periodic text is shorter than the text and is repeated.
void InverseBwt::join(std::span<std::uint8_t> text) const {
  std::size_t done = 0;
  for (std::uint32_t i = 0; done < text.size(); i = pieces_[i].next) {
    const std::size_t size = std::min<std::size_t>(pieces_[i].size, text.size() - done);
    std::memcpy(text.data() + done, pieces_[i].bytes, size);
    done += size;
  }
}

}  // namespace mole::runtime
