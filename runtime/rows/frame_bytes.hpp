// Appends little-endian fields of binary formats, and parses them from untrusted bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace mole::runtime {

static_assert(std::endian::native == std::endian::little, "the formats use the byte order of the machine");

template <class... T>
void put(std::string& out, T... values) {
  static_assert((std::is_arithmetic_v<T> && ...));
  (out.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
}

// Appends zeros up to the next multiple of 8.
inline void pad8(std::string& out) { out.append((8 - out.size() % 8) % 8, '\0'); }
inline std::uint64_t padded8(std::uint64_t size) { return (size + 7) / 8 * 8; }

// Reads fields from the front of a view. Reading past the end returns zero or an empty view and sets failed() permanently, so
// that a sequence of reads needs only one check at its end.
class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : rest_(bytes) {}

  bool failed() const { return failed_; }
  // Marks the bytes as invalid, for example if a value is out of range.
  void fail() { failed_ = true; }
  std::size_t left() const { return rest_.size(); }

  template <class T>
  T take() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    const auto bytes = take(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  // Reads several fields, in this order.
  template <class... T>
  void take_all(T&... values) {
    ((values = take<T>()), ...);
  }

  std::string_view take(std::uint64_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const auto front = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return front;
  }

  // Reads `size` bytes and skips the padding to a multiple of 8, which must be zeros.
  std::string_view take_padded(std::uint64_t size) {
    const auto front = take(size);
    const auto zeros = take(failed_ ? 0 : padded8(size) - size);
    if (zeros.find_first_not_of('\0') != std::string_view::npos) failed_ = true;
    return failed_ ? std::string_view{} : front;
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

// Returns the checksum of frames and entries (XXH3, 64 bits), which detects damage but not forgery.
std::uint64_t checksum(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace mole::runtime
