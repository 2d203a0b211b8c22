// The distribution of a small positive number over many hosts.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

class Degrees {
 public:
  static constexpr std::size_t classes = 11;  // 1, 2-3, 4-7, .. 512-1023, 1024 and more

  void add(std::uint64_t degree) {
    if (degree == 0) return;
    ++count_;
    sum_ += degree;
    max_ = std::max(max_, degree);
    if (degree < small_.size()) ++small_[degree];
    else large_.push_back(degree);
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  std::optional<double> mean() const {
    return count_ > 0 ? std::optional(static_cast<double>(sum_) / static_cast<double>(count_)) : std::nullopt;
  }
  // Nearest rank: the least degree that at least `share` of the hosts do not pass.
  std::optional<std::uint64_t> quantile(double share) {
    if (count_ == 0) return std::nullopt;
    const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t d = 1; d < small_.size(); ++d)
      if ((seen += small_[d]) >= rank) return d;
    std::sort(large_.begin(), large_.end());
    return large_[static_cast<std::size_t>(std::min(rank, count_) - seen - 1)];
  }
  std::vector<std::uint64_t> by_class() const {
    std::vector<std::uint64_t> out(classes);
    const auto class_of = [](std::uint64_t d) { return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(d)), classes) - 1; };
    for (std::size_t d = 1; d < small_.size(); ++d) out[class_of(d)] += small_[d];
    for (const auto d : large_) ++out[class_of(d)];
    return out;
  }

 private:
  std::vector<std::uint64_t> small_ = std::vector<std::uint64_t>(2048);
  std::vector<std::uint64_t> large_;
  std::uint64_t count_ = 0, sum_ = 0, max_ = 0;
};
