// Entropy: Shannon entropy of a distribution of counts, exact except for the rounding of one logarithm per count. The sum uses
// integers and does not depend on the order of the counts, so that counts from a hash table need no sorting.
//
//   std::optional<double> entropy() {
//     mole::Entropy e;
//     for (const std::uint64_t count : {2, 1, 1}) e.add(count);
//     return e.bits();   // 1.5
//   }
//
// H = log2 N - (1/N) sum c log2 c, with N = sum c. C. E. Shannon, A Mathematical Theory of Communication, Bell System
// Technical Journal 27 (1948); of addresses and ports: A. Lakhina, M. Crovella, C. Diot, Mining Anomalies Using Traffic
// Feature Distributions, SIGCOMM 2005.
#pragma once

#include <mole/statistics/log2.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>

namespace mole {

namespace detail {

// log2 of x >= 1 in units of 2^-52.
constexpr std::uint64_t computed_fixed_log2(std::uint64_t x) {
  const int exponent = 63 - std::countl_zero(x);
  const std::uint64_t mantissa = x << (63 - exponent) >> 11;  // the upper 53 bits
  const double m = std::bit_cast<double>((mantissa & 0x000fffffffffffffu) | 0x3ff0000000000000u);
  return (static_cast<std::uint64_t>(exponent) << 52) + static_cast<std::uint64_t>(log2_mantissa(m) * 0x1p52);
}
inline constexpr auto small_fixed_log2 = [] {  // most counts are small
  std::array<std::uint64_t, 256> out{};
  for (std::uint64_t x = 1; x < out.size(); ++x) out[x] = computed_fixed_log2(x);
  return out;
}();
// Returns 0 for 0, so that 0 log 0 is 0.
inline std::uint64_t fixed_log2(std::uint64_t x) {
  return x < small_fixed_log2.size() ? small_fixed_log2[x] : computed_fixed_log2(x);
}

}  // namespace detail

class Entropy {
 public:
  // Adds a value that occurs `count` times; 0 adds nothing.
  void add(std::uint64_t count) { add({&count, 1}); }
  // Adds `values` values that occur `count` times each.
  void add(std::uint64_t count, std::uint64_t values) {
    if (count == 0) return;
    distinct_ += values;
    total_ += Wide{count} * values;
    sum_ += Wide{count} * detail::fixed_log2(count) * values;
  }
  // Adds a value for each count.
  void add(std::span<const std::uint64_t> counts) {
    Wide total = 0, sum = 0;  // locals stay in registers
    std::uint64_t distinct = 0;
    for (const auto count : counts) {
      distinct += count != 0;
      total += count;
      sum += Wide{count} * detail::fixed_log2(count);
    }
    total_ += total;
    sum_ += sum;
    distinct_ += distinct;
  }

  std::uint64_t distinct() const { return distinct_; }
  // Sum of the counts; nullopt if it is 2^64 or more.
  std::optional<std::uint64_t> total() const {
    if (total_ >> 64 != 0) return std::nullopt;
    return static_cast<std::uint64_t>(total_);
  }
  // In bits, 0 to log2(distinct). nullopt if there are no counts or their sum is 2^64 or more.
  std::optional<double> bits() const {
    if (total_ == 0 || total_ >> 64 != 0) return std::nullopt;
    const auto n = static_cast<std::uint64_t>(total_);
    const Wide whole = total_ * detail::fixed_log2(n);
    const Wide rest = whole > sum_ ? whole - sum_ : 0;  // rounding may make the sum slightly larger
    const double h = static_cast<double>(rest) / static_cast<double>(n) * 0x1p-52;
    return std::min(h, log2(static_cast<double>(distinct_)));
  }
  // bits() / log2(distinct), 0 to 1. nullopt if there are fewer than two values.
  std::optional<double> normalised() const {
    const auto h = bits();
    if (!h || distinct_ < 2) return std::nullopt;
    return *h / log2(static_cast<double>(distinct_));
  }

 private:
  __extension__ typedef unsigned __int128 Wide;
  Wide total_ = 0, sum_ = 0;  // sum of c log2 c, in units of 2^-52
  std::uint64_t distinct_ = 0;
};

}  // namespace mole
