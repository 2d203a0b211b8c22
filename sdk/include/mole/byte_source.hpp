// ByteSource: the decompressed bytes of a file, pulled. Records that lie across the host's chunks are stitched; across
// lost bytes they never are.
//
//   while (true) {
//     auto head = in.peek(24);
//     if (head.size() < 24) {                    // fewer only at the end of the file or before a gap
//       if (!in.gap()) break;
//       told.skipped(in.offset(), head.size(), "cut short by damage");
//       in.cross_gap();                          // drops what is left before the gap
//       continue;                                // now resynchronise
//     }
//     ...
//     in.skip(24);
//   }
//
// One thread. What peek returns is valid until the next call of any member but offset() and gap().
#pragma once

#include <mole/detail/boundary.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mole {

class ByteSource {
 public:
  using Bytes = std::span<const std::byte>;

  explicit ByteSource(const mole_source* source) : source_(source) {}
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  // The next n bytes without consuming them; fewer only at the end of the file or before a gap.
  // Throws Failure if the host cannot read on.
  Bytes peek(std::size_t n) {
    fill(n);
    return {front_.data, front_.size < n ? front_.size : n};
  }
  // All bytes that lie in one piece, at least n where there are as many: for searching.
  Bytes window(std::size_t n) {
    fill(n);
    return {front_.data, front_.size};
  }
  // Consumes n bytes that peek or window has shown.
  void skip(std::size_t n) {
    front_.data += n;
    front_.size -= n;
    offset_ += n;
  }
  // peek and skip; empty, with nothing consumed, if there are not n.
  Bytes take(std::size_t n) {
    const auto b = peek(n);
    if (b.size() < n) return {};
    skip(n);
    return b;
  }

  // Where the next byte stands in the decompressed file, as far as that could be read.
  std::uint64_t offset() const { return offset_; }
  // Bytes were lost right behind those that the last short peek returned.
  bool gap() const { return gap_; }
  // Drops the bytes before the gap and goes on behind it. Only if gap().
  void cross_gap() {
    front_ = behind_gap_.bytes;
    offset_ = behind_gap_.offset;
    stitched_ = gap_ = false;
  }

 private:
  struct Piece {
    const std::byte* data = nullptr;
    std::size_t size = 0;
  };
  struct Chunk {
    Piece bytes;
    std::uint64_t offset = 0;
    bool gap = false;
  };

  void fill(std::size_t n) {
    while (true) {
      if (stitched_ && front_.size <= copied_) {  // all that is unread lies in the host's chunk: leave the stitch
        front_ = {chunk_.data - front_.size, chunk_.size + front_.size};
        stitched_ = false;
      }
      if (front_.size >= n) return;
      if (stitched_ && chunk_.size > 0) {
        append(n - front_.size < chunk_.size ? n - front_.size : chunk_.size);
      } else {
        if (gap_ || end_) return;
        pull();
      }
    }
  }

  // Copies k bytes of the chunk behind the unread ones.
  void append(std::size_t k) {
    keep_front();
    stitch_.insert(stitch_.end(), chunk_.data, chunk_.data + k);
    chunk_ = {chunk_.data + k, chunk_.size - k};
    copied_ += k;
    front_ = {stitch_.data(), stitch_.size()};
  }

  // Moves the unread bytes to the start of the stitch.
  void keep_front() {
    if (stitched_)
      stitch_.erase(stitch_.begin(), stitch_.begin() + (front_.data - stitch_.data()));
    else
      stitch_.assign(front_.data, front_.data + front_.size);
    front_ = {stitch_.data(), stitch_.size()};
    stitched_ = true;
  }

  void pull() {
    if (front_.size > 0)
      keep_front();  // the host's chunk is about to go
    else
      stitched_ = false;
    copied_ = 0;
    chunk_ = {};
    Chunk next;
    if (!read(next)) {
      end_ = true;
    } else if (next.gap) {
      behind_gap_ = next;
      gap_ = true;
    } else if (stitched_) {
      chunk_ = next.bytes;
    } else {
      front_ = next.bytes;
      offset_ = next.offset;
    }
  }

  bool read(Chunk& next) {
    const std::uint8_t* data = nullptr;
    std::uint64_t size = 0;
    std::int32_t gap = 0;
    const auto code = source_->next(source_->self, &data, &size, &next.offset, &gap);
    if (code == MOLE_END) return false;
    if (code != MOLE_OK) throw Failure({static_cast<Code>(code), "the host could not read on in this file"});
    next.bytes = {reinterpret_cast<const std::byte*>(data), size};
    next.gap = gap != 0;
    return true;
  }

  const mole_source* source_;
  Piece front_;             // unread, in one piece: of the host's chunk, or of stitch_ if stitched_
  Piece chunk_;             // stitched_: the part of the host's chunk that was not copied
  std::size_t copied_ = 0;  // bytes of the host's chunk in stitch_
  bool stitched_ = false;
  bool gap_ = false, end_ = false;
  Chunk behind_gap_;
  std::vector<std::byte> stitch_;
  std::uint64_t offset_ = 0;
};

}  // namespace mole
