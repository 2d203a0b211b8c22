// HyperLogLog: estimates the number of distinct elements added, in 2^precision bytes. Merging takes the maximum of each register,
// so the result does not depend on the order of adding and merging.
//
//   double distinct(std::span<const std::uint32_t> addresses) {
//     mole::HyperLogLog sketch(12);
//     for (const auto address : addresses) sketch.add(mole::stable_hash(address));
//     return sketch.estimate();
//   }
//
// Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog", AofA 2007. The estimator is from Ertl, "New cardinality estimation algorithms
// for HyperLogLog sketches", arXiv 1702.01284 (2017), section 2: unbiased for all sizes, without tables.
#pragma once

#include <mole/addr.hpp>
#include <mole/fields.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace mole {

// A hash that is the same in every process, since sketches are stored and sent (the finaliser of MurmurHash3). Keys can be
// crafted to collide; count exactly where that matters.
template <std::unsigned_integral T>
constexpr std::uint64_t stable_hash(T key) {
  std::uint64_t x = key + 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
  x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
  return x ^ x >> 33;
}
inline std::uint64_t stable_hash(const Addr& address) {
  std::uint64_t half[2];
  std::memcpy(half, address.bytes.data(), sizeof half);
  return stable_hash(stable_hash(half[0]) ^ half[1]);
}
template <std::size_t N>
constexpr std::uint64_t stable_hash(const std::array<std::uint64_t, N>& key) {
  std::uint64_t x = 0;
  for (const auto word : key) x = stable_hash(x ^ word);
  return x;
}

namespace detail {

// Operations on the registers of both sketches below.
struct Registers {
  static void put(std::uint8_t* registers, unsigned precision, std::uint64_t hash) {
    auto& r = registers[hash >> (64 - precision)];
    // The lowest bit is a sentinel in case no other bit is set.
    const int rank = std::countl_zero(hash << precision | std::uint64_t{1} << (precision - 1)) + 1;
    r = std::max(r, static_cast<std::uint8_t>(rank));
  }
  static void merge(std::span<std::uint8_t> into, std::span<const std::uint8_t> from) {
    for (std::size_t i = 0; i < into.size(); ++i) into[i] = std::max(into[i], from[i]);
  }
  static double estimate(std::span<const std::uint8_t> registers, unsigned precision) {
    const unsigned q = 64 - precision;
    std::array<std::uint32_t, 66> count{};  // registers by value
    for (const auto r : registers) ++count[std::min<unsigned>(r, q + 1)];
    const double m = static_cast<double>(registers.size());
    double z = m * tau(1 - count[q + 1] / m);
    for (unsigned k = q; k >= 1; --k) z = 0.5 * (z + count[k]);
    z += m * sigma(count[0] / m);
    constexpr double alpha = 0.721347520444481703680;  // 1 / (2 ln 2)
    return alpha * m * m / z;
  }

 private:
  static double sigma(double x) {
    if (x == 1) return std::numeric_limits<double>::infinity();
    double y = 1, z = x, before;
    do {
      x *= x;
      before = z;
      z += x * y;
      y += y;
    } while (z != before);
    return z;
  }
  static double tau(double x) {
    if (x == 0 || x == 1) return 0;
    double y = 1, z = 1 - x, before;
    do {
      x = std::sqrt(x);
      before = z;
      y *= 0.5;
      z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
  }
};

}  // namespace detail

class HyperLogLog {
 public:
  // precision: 4 to 18.
  explicit HyperLogLog(unsigned precision) : precision_(precision) {}

  void add(std::uint64_t hash) {
    if (registers_.empty()) registers_.resize(std::size_t{1} << precision_);
    detail::Registers::put(registers_.data(), precision_, hash);
  }
  void merge(const HyperLogLog& other) {
    if (other.registers_.empty()) return;
    registers_.resize(other.registers_.size());
    detail::Registers::merge(registers_, other.registers_);
  }
  double estimate() const { return registers_.empty() ? 0 : detail::Registers::estimate(registers_, precision_); }
  // Relative standard error of the estimate, 1.04 / sqrt(2^precision). 99.7 % of estimates are within three times that.
  static double standard_error(unsigned precision) {
    return 1.04 / std::sqrt(static_cast<double>(std::uint64_t{1} << precision));
  }

  // Saved: u64 count, the registers; no registers if nothing was added.
  static constexpr std::size_t min_size = 8;
  static std::string shape() { return "hyperloglog"; }
  void save(StateWriter& w) const { detail::save_value(w, registers_); }
  void load(StateReader& r) {
    detail::load_value(r, registers_);
    if (!registers_.empty() && registers_.size() != std::size_t{1} << precision_)
      StateReader::reject("a sketch has the wrong size");
    std::uint8_t max = 0;
    for (const auto x : registers_) max = std::max(max, x);
    if (max > 64 - precision_ + 1) StateReader::reject("a register of a sketch is out of range");
    if (!registers_.empty() && max == 0) StateReader::reject("an empty sketch has registers");
  }

 private:
  unsigned precision_;
  std::vector<std::uint8_t> registers_;  // empty if nothing was added
};

// The same without allocation, in 2^Precision bytes of the object itself, for values of a FlatMap.
template <unsigned Precision>
struct TinyHyperLogLog {
  std::array<std::uint8_t, std::size_t{1} << Precision> registers{};
  static constexpr auto state = mole::fields(&TinyHyperLogLog::registers);

  void add(std::uint64_t hash) { detail::Registers::put(registers.data(), Precision, hash); }
  void merge(const TinyHyperLogLog& other) { detail::Registers::merge(registers, other.registers); }
  double estimate() const { return detail::Registers::estimate(registers, Precision); }
};

}  // namespace mole
