// The distribution of a positive number, usually small, over many hosts.
#pragma once

#include <mole/output.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

// '*' is replaced by what is counted.
struct DegreeRow {
  std::optional<double> mean;
  std::optional<std::uint64_t> p50, p90, p99;
  static constexpr auto output =
      mole::columns(mole::column("*_mean", &DegreeRow::mean, mole::unit::host, "Mean number of *; null if there are no hosts"),
                    mole::column("*_p50", &DegreeRow::p50, mole::unit::host, "Median number of * (nearest rank)"),
                    mole::column("*_p90", &DegreeRow::p90, mole::unit::host, "90 % quantile of the number of *"),
                    mole::column("*_p99", &DegreeRow::p99, mole::unit::host, "99 % quantile of the number of *"));
};

class Degrees {
 public:
  static constexpr std::array class_names{"1",      "2_3",     "4_7",     "8_15",     "16_31", "32_63",
                                          "64_127", "128_255", "256_511", "512_1023", "1024"};  // the last has no upper limit
  using Classes = std::array<std::uint64_t, class_names.size()>;

  void add(std::uint64_t degree) {
    if (degree == 0) return;
    ++count_;
    sum_ += degree;
    max_ = std::max(max_, degree);
    if (degree < small_.size())
      ++small_[degree];
    else
      large_.push_back(degree);
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  Classes by_class() const {
    Classes out{};
    const auto class_of = [](std::uint64_t d) {
      return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(d)), class_names.size()) - 1;
    };
    for (std::size_t d = 1; d < small_.size(); ++d) out[class_of(d)] += small_[d];
    for (const auto d : large_) ++out[class_of(d)];
    return out;
  }
  DegreeRow row() {
    std::sort(large_.begin(), large_.end());
    if (count_ == 0) return {};
    return {static_cast<double>(sum_) / static_cast<double>(count_), quantile(0.5), quantile(0.9), quantile(0.99)};
  }

 private:
  // Nearest rank: the smallest degree that at least `share` of the hosts do not exceed.
  std::uint64_t quantile(double share) const {
    const auto rank =
        std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))), 1, count_);
    std::uint64_t seen = 0;
    for (std::size_t d = 1; d < small_.size(); ++d)
      if ((seen += small_[d]) >= rank) return d;
    return large_[static_cast<std::size_t>(rank - seen - 1)];
  }

  std::vector<std::uint64_t> small_ = std::vector<std::uint64_t>(2048);
  std::vector<std::uint64_t> large_;
  std::uint64_t count_ = 0, sum_ = 0, max_ = 0;
};
