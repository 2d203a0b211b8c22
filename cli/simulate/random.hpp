// Random numbers that are identical on every machine: integer arithmetic only, no libm.
#pragma once

#include <cstdint>

namespace mole::cli {

// splitmix64 (Steele, Lea, Flood 2014): works with any seed; streams of different seeds are independent.
class Random {
 public:
  // One stream per (seed, a, b), so that work can be done in any order and on any thread.
  explicit Random(std::uint64_t seed, std::uint64_t a = 0, std::uint64_t b = 0) : state_(mixed(mixed(mixed(seed) + a) + b)) {}

  std::uint64_t next() { return mixed(state_ += golden); }
  std::uint64_t below(std::uint64_t n) { return scaled(next(), n); }  // [0, n), 0 if n is 0
  bool chance(std::uint64_t per_million) { return below(1'000'000) < per_million; }
  // Returns the smallest of three draws: small values are much more likely than large ones.
  std::uint64_t skewed_below(std::uint64_t n) {
    std::uint64_t smallest = below(n);
    for (int i = 0; i < 2; ++i)
      if (const auto other = below(n); other < smallest) smallest = other;
    return smallest;
  }

  // Returns a rank below 2^octaves - 1 with a probability of about 1/rank. `octaves` must be at least 1.
  std::uint64_t zipf_below(unsigned octaves) {
    const auto size = 1ULL << below(octaves);
    return size - 1 + below(size);
  }
  // Returns an approximately normal value with mean 0, in millionths of the standard deviation and within 3.5 deviations: the
  // sum of four draws.
  std::int64_t normal() {
    std::int64_t sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<std::int64_t>(below(1U << 20)) - (1 << 19);
    return sum * 1'732'051 / (1 << 20);
  }

  static std::uint64_t mixed(std::uint64_t z) {
    z += golden;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U;
  static std::uint64_t scaled(std::uint64_t x, std::uint64_t n) {
    return static_cast<std::uint64_t>((static_cast<Wide>(x) * n) >> 64);
  }
  std::uint64_t state_;
};

}  // namespace mole::cli
