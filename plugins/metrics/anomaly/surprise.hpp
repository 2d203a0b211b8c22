// How surprising the next value of a series is: its distance from the profile, in units of the noise, judged by how far values
// of the same series have been from theirs.
//
//   residual  r_t = x_t - median of the other values at its time of the period
//   score     s_t = (r_t - median of r over the `memory` before t) / spread of r where so much is expected
//   p value   of |s|: the share of past scores beyond it; in the tail, above the 98 % quantile u of the past |s|,
//             0.02 exp(-(|s| - u) / e), e being the median excess over u / log 2
//
// The tail is the peaks-over-threshold model with an exponential law (Pickands 1975; for streams: Siffer et al. 2017), fitted by
// the median, so that an anomaly in the past neither hides the next nor makes one of what is not.
#pragma once

#include <mole/statistics/profile.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace mole {

class Surprise {
 public:
  // `history`: what came before the value to be judged. `memory`: microseconds.
  Surprise(const Grid& history, const Period& period, std::int64_t memory)
      : profile_(history, period), score_(history.size()), scored_(history.size()) {
    const auto reach = static_cast<std::size_t>(history.step > 0 ? memory / history.step : 0);
    std::vector<double> recent;  // residuals of the cells in reach, rising
    for (std::size_t k = 0; k < history.size(); ++k) {
      if (profile_.known(k)) {
        if (const auto level = level_of(recent, reach)) {
          score_[k] = in_units(profile_.residual(k) - *level, profile_.expected_of(k));
          scored_[k] = 1;
        }
        recent.insert(std::lower_bound(recent.begin(), recent.end(), profile_.residual(k)), profile_.residual(k));
      }
      if (k >= reach && profile_.known(k - reach))
        recent.erase(std::lower_bound(recent.begin(), recent.end(), profile_.residual(k - reach)));
    }
    level_ = level_of(recent, reach);
    for (std::size_t k = 0; k < score_.size(); ++k)
      if (scored_[k]) sizes_.push_back(std::abs(score_[k]));
    std::sort(sizes_.begin(), sizes_.end());
    fit_tail();
  }

  // What is expected of the interval that starts at `start`: the profile, moved by the level of late. None: too little is known.
  std::optional<double> expected(std::int64_t start) const {
    const auto e = profile_.expected(start);
    if (!e || profile_.count(start) < 2 || !level_ || sizes_.size() < least_scores) return std::nullopt;
    return *e + *level_;
  }
  // Where expected() is something.
  double score(std::int64_t start, double value) const { return in_units(value - *expected(start), *profile_.expected(start)); }
  // Of the past, by cell.
  std::size_t size() const { return score_.size(); }
  bool scored(std::size_t k) const { return scored_[k] != 0; }
  double score_of(std::size_t k) const { return score_[k]; }

  double p(double score) const {
    const double size = std::abs(score);
    if (size <= threshold_) {
      const auto beyond = sizes_.end() - std::lower_bound(sizes_.begin(), sizes_.end(), size);
      return std::min(1.0, (static_cast<double>(beyond) + 1) / (static_cast<double>(sizes_.size()) + 1));
    }
    return tail_share * exp(-(size - threshold_) / excess_);
  }
  // The least size of a score with this p value, below tail_share.
  double size_of(double p) const { return threshold_ + excess_ * log(tail_share / p); }
  double spread(std::int64_t start) const { return profile_.spread(*profile_.expected(start)); }

  static constexpr double tail_share = 0.02;
  static constexpr std::size_t least_scores = 200;  // 4 in the tail

 private:
  static std::optional<double> level_of(const std::vector<double>& rising, std::size_t reach) {
    if (reach == 0) return 0;
    if (rising.size() * 4 < reach) return std::nullopt;
    const auto n = rising.size();
    return n % 2 ? rising[n / 2] : std::midpoint(rising[n / 2 - 1], rising[n / 2]);
  }
  // A series without noise has a spread of 0: then any difference beyond rounding is large.
  double in_units(double difference, double expected) const {
    return difference / std::max(profile_.spread(expected), 1e-9 * std::max(std::abs(expected), 1e-9));
  }
  void fit_tail() {
    if (sizes_.size() < least_scores) return;
    const auto in_tail = static_cast<std::size_t>(tail_share * static_cast<double>(sizes_.size()));
    const std::size_t from = sizes_.size() - in_tail;
    threshold_ = sizes_[from - 1];
    std::vector<double> over;
    for (std::size_t i = from; i < sizes_.size(); ++i) over.push_back(sizes_[i] - threshold_);
    excess_ = std::max(median_of(over) / log(2), 0.1 * threshold_ + 1e-9);
  }

  Profile profile_;
  std::vector<double> score_;
  std::vector<std::uint8_t> scored_;
  std::vector<double> sizes_;  // |score|, rising
  std::optional<double> level_;
  double threshold_ = 0, excess_ = 1;
};

}  // namespace mole
