// Computes the anomaly score of the next value of a series, its distance from the profile in units of the noise, and the
// probability of such a score given the scores of earlier values.
//
//   residual  r_t = x_t - median of the other values at its time of the period
//   score     s_t = (r_t - median of r over the `memory` before t) / spread of r for similar expected values
//   p value   of |s|: the share of past scores beyond it; above the 98 % quantile u of the past |s|,
//             0.02 exp(-(|s| - u) / e), where e is (median excess over u) / log 2
//
// The tail is a peaks-over-threshold model with an exponential distribution (Pickands 1975; for streams: Siffer et al. 2017). It
// is fitted by the median, so that past anomalies neither hide the next one nor cause false alarms.
#pragma once

#include <mole/statistics/profile.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace mole {

class AnomalyScorer {
 public:
  // `history`: the values before the one to score. `memory`: in microseconds.
  AnomalyScorer(const Grid& history, const Period& period, std::int64_t memory)
      : profile_(history, period), score_(history.size()), scored_(history.size()) {
    const auto memory_cells = static_cast<std::size_t>(history.step > 0 ? memory / history.step : 0);
    std::vector<double> recent;  // residuals of the last `memory_cells` cells, sorted
    for (std::size_t k = 0; k < history.size(); ++k) {
      if (profile_.known(k)) {
        if (const auto level = level_of(recent, memory_cells)) {
          score_[k] = in_units(profile_.residual(k) - *level, profile_.expected_of(k));
          scored_[k] = 1;
        }
        recent.insert(std::lower_bound(recent.begin(), recent.end(), profile_.residual(k)), profile_.residual(k));
      }
      if (k >= memory_cells && profile_.known(k - memory_cells))
        recent.erase(std::lower_bound(recent.begin(), recent.end(), profile_.residual(k - memory_cells)));
    }
    level_ = level_of(recent, memory_cells);
    for (std::size_t k = 0; k < score_.size(); ++k)
      if (scored_[k]) sizes_.push_back(std::abs(score_[k]));
    std::sort(sizes_.begin(), sizes_.end());
    fit_tail();
  }

  // Expected value of the interval that starts at `start`: the profile plus the recent level. nullopt with too little history.
  std::optional<double> expected(std::int64_t start) const {
    const auto e = profile_.expected(start);
    if (!e || profile_.count(start) < 2 || !level_ || sizes_.size() < min_scores) return std::nullopt;
    return *e + *level_;
  }
  // Call only if expected() has a value.
  double score(std::int64_t start, double value) const { return in_units(value - *expected(start), *profile_.expected(start)); }
  // Scores of the history, by cell.
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
  // Absolute score with p value `p`, which must be less than tail_share.
  double limit_for(double p) const { return threshold_ + excess_ * log(tail_share / p); }
  double spread(std::int64_t start) const { return profile_.spread(*profile_.expected(start)); }

  static constexpr double tail_share = 0.02;
  static constexpr std::size_t min_scores = 200;  // 4 in the tail

 private:
  static std::optional<double> level_of(const std::vector<double>& sorted, std::size_t memory_cells) {
    if (memory_cells == 0) return 0;
    if (sorted.size() * 4 < memory_cells) return std::nullopt;
    const auto n = sorted.size();
    return n % 2 ? sorted[n / 2] : std::midpoint(sorted[n / 2 - 1], sorted[n / 2]);
  }
  // Without noise the spread is 0, and any difference that exceeds rounding errors counts as large.
  double in_units(double difference, double expected) const {
    return difference / std::max(profile_.spread(expected), 1e-9 * std::max(std::abs(expected), 1e-9));
  }
  void fit_tail() {
    if (sizes_.size() < min_scores) return;
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
  std::vector<double> sizes_;  // |score|, sorted
  std::optional<double> level_;
  double threshold_ = 0, excess_ = 1;
};

}  // namespace mole
