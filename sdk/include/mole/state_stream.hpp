// StateWriter and StateReader: how a saved state is written and read. Only types with their own `save` and `load` (fields.hpp)
// use them directly.
#pragma once

#include <mole/detail/boundary.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

namespace mole {

// Buffers bytes and passes them to the host in pieces. Throws Failure if the host rejects them.
class StateWriter {
 public:
  explicit StateWriter(const mole_writer* to) : to_(to) {}

  void bytes(const void* data, std::size_t size) {
    if (size == 0) return;  // data may be null
    if (size > buffer_.size() - used_) {
      flush();
      if (size >= buffer_.size()) return write(data, size);
    }
    std::memcpy(buffer_.data() + used_, data, size);
    used_ += size;
  }
  void flush() {
    if (used_ > 0) write(buffer_.data(), std::exchange(used_, 0));
  }

 private:
  void write(const void* data, std::size_t size) {
    const auto code = to_->write(to_->self, data, size);
    if (code != MOLE_OK) throw Failure({static_cast<Code>(code), "the host could not store the state"});
  }
  const mole_writer* to_;
  std::array<char, 4096> buffer_;
  std::size_t used_ = 0;
};

// Reads a saved state. Throws Failure(corrupt) if bytes are missing or could not have come from `save`.
class StateReader {
 public:
  StateReader(const void* data, std::size_t size) : at_(static_cast<const char*>(data)), left_(size) {}

  std::size_t left() const { return left_; }
  // Returns the next `size` bytes, in the host's memory.
  const char* take(std::size_t size) {
    if (size > left_) reject("it is truncated");
    left_ -= size;
    return std::exchange(at_, at_ + size);
  }
  // Reads the number of elements that follow, each of at least `min_size` bytes.
  std::size_t count(std::size_t min_size) {
    std::uint64_t n;
    std::memcpy(&n, take(sizeof n), sizeof n);
    if (n > left_ / (min_size ? min_size : 1)) reject("a count exceeds the bytes that follow");
    return static_cast<std::size_t>(n);
  }
  [[noreturn]] static void reject(const char* why) {
    throw Failure(corrupt(std::string("corrupt saved state: ") + why + "; it will be recomputed from the flows"));
  }

 private:
  const char* at_;
  std::size_t left_;
};

}  // namespace mole
