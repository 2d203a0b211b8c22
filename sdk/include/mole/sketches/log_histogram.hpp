// LogHistogram: counts of values in buckets whose width grows with the value: 64 buckets per power of two, so that the relative
// error is at most 1/128 (none below 128). Merging is exact. 8 bytes per bucket up to the largest value, at most 30 KB.
//
//   std::optional<double> median(std::span<const std::uint64_t> bytes) {
//     mole::LogHistogram h;
//     h.add_each(bytes.size(), [&](std::size_t i) { return bytes[i]; });
//     return h.quantile(0.5);   // within 0.8 % of the exact median
//   }
//
// Buckets as in G. Tene's HdrHistogram with 64 buckets per octave.
#pragma once

#include <mole/detail/leb128.hpp>
#include <mole/fields.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mole {

class LogHistogram {
 public:
  static constexpr std::size_t per_octave = 64;
  static constexpr std::size_t bucket_count = 59 * per_octave;

  // The bucket of a value, and the smallest and the middle value of a bucket.
  static constexpr std::size_t bucket(std::uint64_t value) {
    const int shift = 57 - std::countl_zero(value | per_octave);  // 0 below 128
    return static_cast<std::size_t>(shift) * per_octave + static_cast<std::size_t>(value >> shift);
  }
  static constexpr std::uint64_t min_value(std::size_t bucket) {
    if (bucket < 2 * per_octave) return bucket;
    return std::uint64_t{per_octave + bucket % per_octave} << (bucket / per_octave - 1);
  }
  static constexpr double middle(std::size_t bucket) {
    const auto width = bucket < 2 * per_octave ? 1 : std::uint64_t{1} << (bucket / per_octave - 1);
    return static_cast<double>(min_value(bucket)) + static_cast<double>(width - 1) / 2;
  }

  // Adds `times` occurrences of `value`.
  void add(std::uint64_t value, std::uint64_t times = 1) {
    const auto at = bucket(value);
    if (at >= counts_.size()) counts_.resize(at + 1);
    counts_[at] += times;
  }
  // Adds value_of(0) .. value_of(n - 1).
  template <class F>
  void add_each(std::size_t n, F value_of) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < n; ++i) bits |= value_of(i);
    auto* const counts = counters_for(bits);
    for (std::size_t i = 0; i < n; ++i) ++counts[bucket(value_of(i))];
  }
  // Returns the counters by bucket, for callers that count in their own loop. `bits` is the OR of the values to count. Valid
  // until the next change.
  std::uint64_t* counters_for(std::uint64_t bits) {
    if (bucket(bits) >= counts_.size()) counts_.resize(bucket(bits) + 1);  // no value is above `bits`
    return counts_.data();
  }
  void merge(const LogHistogram& other) {
    if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  }

  // By bucket; buckets beyond the end are 0.
  const std::vector<std::uint64_t>& counts() const { return counts_; }
  std::uint64_t total() const { return count_below(bucket_count); }
  // Number of values below `bucket`; count_below(bucket(1024)) is exact, as for every power of two.
  std::uint64_t count_below(std::size_t bucket) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < std::min(bucket, counts_.size()); ++i) sum += counts_[i];
    return sum;
  }
  // The smallest value v such that at least a share q of all values is at most v, given as the middle of its bucket. nullopt if
  // there are no values.
  std::optional<double> quantile(double q) const {
    const auto n = total();
    if (n == 0) return std::nullopt;
    const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(n))));
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if ((sum += counts_[i]) >= rank) return middle(i);
    return std::nullopt;  // counts wrapped around
  }

  // Saved: u64 number of non-empty buckets, then for each in ascending order: the bucket minus the previous, its count.
  static constexpr std::size_t min_size = 8;
  static std::string shape() { return "log_histogram"; }
  void save(StateWriter& w) const {
    detail::save_value(w,
                       static_cast<std::uint64_t>(std::count_if(counts_.begin(), counts_.end(), [](auto c) { return c > 0; })));
    std::size_t before = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      detail::save_leb128(w, i - before);
      detail::save_leb128(w, counts_[i]);
      before = i;
    }
  }
  void load(StateReader& r) {
    counts_.clear();
    const auto n = r.count(2);
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto step = detail::load_leb128(r), times = detail::load_leb128(r);
      if (step >= bucket_count || (at += step) >= bucket_count) StateReader::reject("a histogram has too many buckets");
      if ((i > 0 && step == 0) || times == 0) StateReader::reject("a histogram is not in its shortest form");
      counts_.resize(at + 1);
      counts_[at] = times;
    }
  }

 private:
  std::vector<std::uint64_t> counts_;
};

}  // namespace mole
