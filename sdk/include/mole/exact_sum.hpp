// ExactSum: a sum of doubles and of products of two doubles without rounding, so that its value does not depend on the order of
// additions and merges. Only the result is rounded.
//
//   double one() {
//     mole::ExactSum sum;
//     sum.add(1e300);
//     sum.add(1);
//     sum.add(-1e300);
//     return sum.round();   // 1
//   }
//
// A fixed-point number in two's complement: 67 words of 64 bits. Bit 0 has the weight 2^-2148 (the smallest product), the top bit
// 2^2139, enough for 2^64 additions of the largest product. 536 bytes; an addition changes two or three words.
#pragma once

#include <mole/fields.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

namespace mole {

class ExactSum {
 public:
  // Throws Failure(invalid) unless x is finite.
  void add(double x) {
    const Parts p = split(x);
    add_bits(p.mantissa, p.exponent - lowest_, p.negative);
  }
  // Adds a * b, exactly. Throws Failure(invalid) unless both are finite.
  void add_product(double a, double b) {
    const Parts p = split(a), q = split(b);
    add_bits(Wide{p.mantissa} * q.mantissa, p.exponent + q.exponent - lowest_, p.negative != q.negative);
  }
  // Adds s * c exactly. `s` must be a sum built only with add(double), or a multiple of such sums.
  void add_scaled(const ExactSum& s, double c) {
    const Parts p = split(c);
    add_multiple(s, p.mantissa, p.exponent, p.negative);
  }
  // Adds s * n or, if `subtract`, -s * n.
  void add_scaled(const ExactSum& s, std::uint64_t n, bool subtract = false) { add_multiple(s, n, 0, subtract); }
  void merge(const ExactSum& other) {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      const Wide sum = Wide{word_[i]} + other.word_[i] + carry;
      word_[i] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
  }

  // The nearest double, ties to even; infinite if beyond the range of double.
  double round() const { return round_magnitude(magnitude(), false); }
  // The double nearest to sum / n, rounded once. n must be positive.
  double divided_by(std::uint64_t n) const {
    Words q = magnitude();
    std::uint64_t remainder = 0;
    for (std::size_t i = size_; i-- > 0;) {
      if (remainder == 0 && q[i] == 0) continue;
      const Wide part = Wide{remainder} << 64 | q[i];
      q[i] = static_cast<std::uint64_t>(part / n);
      remainder = static_cast<std::uint64_t>(part % n);
    }
    return round_magnitude(q, remainder != 0);
  }
  bool operator==(const ExactSum&) const = default;

  // Saved: u16 index of the first non-zero word, u16 count, then that many words; the words above are the sign extension.
  static constexpr std::size_t min_size = 4;
  static std::string shape() { return "exact_sum"; }
  void save(StateWriter& w) const {
    const Extent e = extent();
    w.bytes(&e, sizeof e);
    w.bytes(word_.data() + e.first, 8 * std::size_t{e.count});
  }
  void load(StateReader& r) {
    Extent e;
    detail::load_value(r, e.first);
    detail::load_value(r, e.count);
    if (e.first + e.count > static_cast<int>(size_)) StateReader::reject("a sum has too many words");
    word_.fill(0);
    std::memcpy(word_.data() + e.first, r.take(8 * std::size_t{e.count}), 8 * std::size_t{e.count});
    const std::size_t end = std::size_t{e.first} + e.count;
    if (e.count > 0 && word_[end - 1] >> 63)
      std::fill(word_.begin() + static_cast<std::ptrdiff_t>(end), word_.end(), ~std::uint64_t{0});
    if (extent() != e) StateReader::reject("a sum is not in its shortest form");
  }

 private:
  __extension__ typedef unsigned __int128 Wide;
  static constexpr std::size_t size_ = 67;
  static constexpr int lowest_ = -2148;
  using Words = std::array<std::uint64_t, size_>;

  struct Parts {
    std::uint64_t mantissa;  // value = mantissa * 2^exponent
    int exponent;            // at least -1074
    bool negative;
  };
  struct Extent {
    std::uint16_t first = 0, count = 0;
    bool operator==(const Extent&) const = default;
  };

  static Parts split(double x) {
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const int biased = static_cast<int>(bits >> 52 & 0x7ff);
    if (biased == 0x7ff)
      throw Failure(invalid("a value is " + std::string(std::isnan(x) ? "not a number" : "infinite") +
                            " and cannot be summed; omit such rows upstream, or set the value to null in those rows"));
    const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
    const bool subnormal = biased == 0;
    return {subnormal ? fraction : fraction | std::uint64_t{1} << 52, (subnormal ? 1 : biased) - 1075, bits >> 63 != 0};
  }

  bool is_negative() const { return word_[size_ - 1] >> 63 != 0; }

  // Adds or subtracts value shifted left by `position` bits. Bits beyond the top are dropped.
  void add_bits(Wide value, int position, bool negative) {
    if (value == 0) return;
    const auto at = static_cast<std::size_t>(position / 64);
    const int shift = position % 64;
    const auto low = static_cast<std::uint64_t>(value), high = static_cast<std::uint64_t>(value >> 64);
    std::uint64_t piece[3] = {low << shift, high << shift, 0};
    if (shift > 0) {
      piece[1] |= low >> (64 - shift);
      piece[2] = high >> (64 - shift);
    }
    bool carry = false;  // or borrow
    for (std::size_t i = at; i < size_ && (i < at + 3 || carry); ++i) {
      const std::uint64_t x = i < at + 3 ? piece[i - at] : 0;
      std::uint64_t out;
      bool over;
      if (negative) {
        over = __builtin_sub_overflow(word_[i], x, &out);
        carry = static_cast<int>(__builtin_sub_overflow(out, std::uint64_t{carry}, &word_[i])) | static_cast<int>(over);
      } else {
        over = __builtin_add_overflow(word_[i], x, &out);
        carry = static_cast<int>(__builtin_add_overflow(out, std::uint64_t{carry}, &word_[i])) | static_cast<int>(over);
      }
    }
  }

  void add_multiple(const ExactSum& s, std::uint64_t m, int exponent, bool negative) {
    const Words words = s.magnitude();
    const bool minus = s.is_negative() != negative;
    for (std::size_t i = 0; i < size_; ++i) {
      Wide part = Wide{words[i]} * m;
      int position = static_cast<int>(64 * i) + exponent;
      if (position < 0) {  // these low bits are 0 in a sum of doubles
        part = position <= -128 ? 0 : part >> -position;
        position = 0;
      }
      add_bits(part, position, minus);
    }
  }

  Words magnitude() const {
    Words out = word_;
    if (!is_negative()) return out;
    bool carry = true;
    for (auto& w : out) carry = __builtin_add_overflow(~w, std::uint64_t{carry}, &w);
    return out;
  }

  static bool bit(const Words& w, int at) { return at >= 0 && (w[static_cast<std::size_t>(at / 64)] >> (at % 64) & 1); }

  // `more`: whether there is a remainder below bit 0.
  double round_magnitude(const Words& w, bool more) const {
    int top = static_cast<int>(size_) - 1;
    while (top >= 0 && w[static_cast<std::size_t>(top)] == 0) --top;
    if (top < 0) return 0;
    const int highest = 64 * top + 63 - std::countl_zero(w[static_cast<std::size_t>(top)]);
    const int keep = std::max(highest - 52, -1074 - lowest_);  // the lowest bit that a double of this magnitude can represent
    std::uint64_t mantissa = 0;
    for (int i = highest; i >= keep; --i) mantissa = mantissa << 1 | static_cast<std::uint64_t>(bit(w, i));
    if (bit(w, keep - 1)) {
      bool above_half = more;
      for (int i = keep - 2; i >= 0 && !above_half; --i) {
        if (i % 64 == 63 && w[static_cast<std::size_t>(i / 64)] == 0)
          i -= 63;
        else
          above_half = bit(w, i);
      }
      if (above_half || (mantissa & 1)) ++mantissa;
    }
    const double value = std::ldexp(static_cast<double>(mantissa), keep + lowest_);
    return is_negative() ? -value : value;
  }

  Extent extent() const {
    std::size_t end = size_;
    const std::uint64_t fill = is_negative() ? ~std::uint64_t{0} : 0;
    while (end > 0 && word_[end - 1] == fill && (end == 1 ? fill == 0 : (word_[end - 2] >> 63 != 0) == (fill != 0))) --end;
    std::size_t first = 0;
    while (first < end && word_[first] == 0) ++first;
    if (first == end) return {};
    return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(end - first)};
  }

  Words word_{};
};

// Converts a weight between 0 and 1 to an integer in units of 2^-20, because multiplying an exact sum by an integer is exact.
inline std::uint64_t integer_weight(double weight) {
  return weight > 0 ? static_cast<std::uint64_t>(std::min(weight, 1.0) * (1 << 20) + 0.5) : 0;
}

}  // namespace mole
