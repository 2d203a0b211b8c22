// log2 and exp2 with the same result on every machine: they use only IEEE 754 additions and multiplications. The functions of
// <cmath> differ in the last bit between processors and versions of the C library.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace mole {
namespace detail {

// 1/c rounded, and -log2 of that number, for c = 1 + i/128.
struct Log2Table {
  std::array<double, 128> inverse{}, log{};
  constexpr Log2Table() {
    for (std::size_t i = 0; i < 128; ++i) {
      inverse[i] = 1 / (1 + static_cast<double>(i) / 128);
      // ln x = 2 artanh((x-1)/(x+1)); the argument is at most 1/3
      const double y = (1 - inverse[i]) / (1 + inverse[i]);
      double sum = 0;
      for (int k = 41; k >= 1; k -= 2) sum = sum * y * y + 1.0 / k;
      log[i] = 2 * y * sum * 1.4426950408889634;
    }
  }
};
inline constexpr Log2Table log2_table;

// log2 of m in [1, 2); exactly 0 for 1.
constexpr double log2_mantissa(double m) {
  const auto i = static_cast<std::size_t>(std::bit_cast<std::uint64_t>(m) >> 45 & 127);
  const double r = m * log2_table.inverse[i] - 1;  // [0, 2^-7)
  const double ln = r * (1 - r * (1.0 / 2 - r * (1.0 / 3 - r * (1.0 / 4 - r * (1.0 / 5 - r * (1.0 / 6 - r * (1.0 / 7)))))));
  return log2_table.log[i] + ln * 1.4426950408889634;
}

}  // namespace detail

// For a positive, finite, normal x; within 2^-50, relative or absolute, whichever is larger. Exact for powers of two.
inline double log2(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const double m = std::bit_cast<double>((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
  return static_cast<double>(static_cast<int>(bits >> 52) - 1023) + detail::log2_mantissa(m);
}

// 2^x for x in [-1000, 1000], within 2^-50 relative. Exact for whole numbers.
inline double exp2(double x) {
  const int whole = static_cast<int>(x < 0 ? x - 0.5 : x + 0.5);
  const double y = (x - whole) * 0.6931471805599453;  // |y| < 0.35
  double sum = 1;
  for (int k = 16; k >= 1; --k) sum = 1 + sum * y * (1.0 / k);
  return sum * std::bit_cast<double>(static_cast<std::uint64_t>(whole + 1023) << 52);
}

}  // namespace mole
