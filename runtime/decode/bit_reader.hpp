// Reads bits from memory, most significant first, as bzip2 writes them.
#pragma once

#include <cstdint>
#include <cstring>

namespace mole::runtime {

inline std::uint64_t load_big_endian(const std::uint8_t* p) {
  std::uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return __builtin_bswap64(value);
}

// Does not check for the end of the input: the caller must check past_end() at least once per `slack` bytes read, and the input
// must be followed by `slack` readable bytes.
class BitReader {
 public:
  // Upper bound on the bytes read between two calls of past_end().
  static constexpr std::size_t slack = 160;

  BitReader() = default;
  BitReader(const std::uint8_t* bytes, std::uint64_t first_bit, std::uint64_t end_bit)
      : begin_(bytes), next_(bytes + first_bit / 8), end_(end_bit) {
    refill();
    skip(first_bit % 8);
  }

  // Makes at least 56 bits available to peek() and skip().
  void refill() {
    ahead_ |= load_big_endian(next_) >> count_;
    next_ += (63 - count_) >> 3;
    count_ |= 56;
  }
  std::uint64_t ahead() const { return ahead_; }  // the next bit is the most significant one
  std::uint32_t peek(unsigned bits) const { return static_cast<std::uint32_t>(ahead_ >> (64 - bits)); }  // 1 to 32
  void skip(unsigned bits) {
    ahead_ <<= bits;
    count_ -= bits;
  }
  std::uint32_t take(unsigned bits) {  // 1 to 32
    refill();
    const std::uint32_t value = peek(bits);
    skip(bits);
    return value;
  }

  std::uint64_t position() const { return static_cast<std::uint64_t>(next_ - begin_) * 8 - count_; }  // of the next bit
  bool past_end() const { return position() > end_; }
  bool at_end() const { return position() == end_; }

 private:
  const std::uint8_t* begin_ = nullptr;
  const std::uint8_t* next_ = nullptr;
  std::uint64_t end_ = 0, ahead_ = 0;
  unsigned count_ = 0;
};

}  // namespace mole::runtime
