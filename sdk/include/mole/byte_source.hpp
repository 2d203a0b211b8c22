// ByteSource: reads the decompressed bytes of a file. Records that span the host's chunks are joined; bytes on both sides of a
// gap (lost bytes) never are.
//
//   std::size_t count_records(mole::ByteSource& in) {
//     for (std::size_t n = 0;; ++n) {
//       const auto record = in.peek(24);
//       if (record.size() < 24) {         // only at the end of the file or before a gap
//         if (!in.gap()) return n;
//         in.cross_gap();                 // drops the bytes before the gap; resynchronise after it
//       } else {
//         in.skip(24);
//       }
//     }
//   }
//
// Use from one thread. The bytes that peek() returns are valid until the next call of a member other than offset() and gap().
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

  // Returns the next n bytes without consuming them; fewer only at the end of the file or before a gap.
  // Throws Failure if the host cannot read the file.
  Bytes peek(std::size_t n) {
    fill(n);
    return {front_.data, front_.size < n ? front_.size : n};
  }
  // Returns all contiguous bytes, for searching: at least n if there are that many.
  Bytes window(std::size_t n) {
    fill(n);
    return {front_.data, front_.size};
  }
  // Consumes n bytes that peek() or window() has returned.
  void skip(std::size_t n) {
    front_.data += n;
    front_.size -= n;
    offset_ += n;
  }
  // peek() and skip(). With fewer than n bytes left, consumes nothing and returns an empty span.
  Bytes take(std::size_t n) {
    const auto b = peek(n);
    if (b.size() < n) return {};
    skip(n);
    return b;
  }

  // Offset of the next byte in the readable part of the decompressed file.
  std::uint64_t offset() const { return offset_; }
  // Whether bytes are missing right after those that the last short peek() returned.
  bool gap() const { return gap_; }
  // Drops the bytes before the gap and continues after it. Only if gap().
  void cross_gap() {
    front_ = after_gap_.bytes;
    offset_ = after_gap_.offset;
    joined_ = gap_ = false;
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
      if (joined_ && front_.size <= copied_) {  // all unread bytes are in the host's chunk: stop using the copy
        front_ = {chunk_.data - front_.size, chunk_.size + front_.size};
        joined_ = false;
      }
      if (front_.size >= n) return;
      if (joined_ && chunk_.size > 0) {
        append(n - front_.size < chunk_.size ? n - front_.size : chunk_.size);
      } else {
        if (gap_ || end_) return;
        pull();
      }
    }
  }

  // Appends a copy of k bytes of the chunk to the unread bytes.
  void append(std::size_t k) {
    keep_front();
    buffer_.insert(buffer_.end(), chunk_.data, chunk_.data + k);
    chunk_ = {chunk_.data + k, chunk_.size - k};
    copied_ += k;
    front_ = {buffer_.data(), buffer_.size()};
  }

  // Moves the unread bytes to the start of buffer_.
  void keep_front() {
    if (joined_)
      buffer_.erase(buffer_.begin(), buffer_.begin() + (front_.data - buffer_.data()));
    else
      buffer_.assign(front_.data, front_.data + front_.size);
    front_ = {buffer_.data(), buffer_.size()};
    joined_ = true;
  }

  void pull() {
    if (front_.size > 0)
      keep_front();  // the host's chunk becomes invalid
    else
      joined_ = false;
    copied_ = 0;
    chunk_ = {};
    Chunk next;
    if (!read(next)) {
      end_ = true;
    } else if (next.gap) {
      after_gap_ = next;
      gap_ = true;
    } else if (joined_) {
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
    if (code != MOLE_OK) throw Failure({static_cast<Code>(code), "the host could not read the file"});
    next.bytes = {reinterpret_cast<const std::byte*>(data), size};
    next.gap = gap != 0;
    return true;
  }

  const mole_source* source_;
  Piece front_;             // unread and contiguous: in the host's chunk, or in buffer_ if joined_
  Piece chunk_;             // if joined_: the part of the host's chunk not copied to buffer_
  std::size_t copied_ = 0;  // bytes of the host's chunk copied to buffer_
  bool joined_ = false;
  bool gap_ = false, end_ = false;
  Chunk after_gap_;
  std::vector<std::byte> buffer_;
  std::uint64_t offset_ = 0;
};

}  // namespace mole
