// Where the mean of a series changes: the segmentation that minimises
//
//   sum over segments of  sum w (x - mean)^2 / noise  +  penalty for each change,
//
// found exactly by pruned dynamic programming (PELT: Killick, Fearnhead and Eckley 2012). Gaps are skipped.
#pragma once

#include <mole/series.hpp>
#include <mole/statistics/statistics.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace mole {

// Estimates V (see below) from the differences of the means of neighbouring blocks, whose variance is 2 V / length.
inline double block_variance(const Grid& grid, std::size_t length) {
  std::vector<double> steps;
  double before = 0, weight_before = 0;
  for (std::size_t from = 0; from + length <= grid.size(); from += length) {
    double sum = 0, weight = 0;
    for (std::size_t k = from; k < from + length; ++k)
      if (grid.has(k)) sum += grid.weight[k] * grid.value[k], weight += grid.weight[k];
    if (weight > 0) sum /= weight;
    if (weight > 0 && weight_before > 0) steps.push_back((sum - before) / std::sqrt(1 / weight + 1 / weight_before));
    before = sum, weight_before = weight;
  }
  const double spread = spread_of(steps, 0);
  return spread * spread;
}
// Returns the long-run variance V of the noise, which determines the error of a mean of many values: the larger of two
// estimates from median absolute differences, which a few changes of the mean hardly affect. The first assumes a process
// x_t = phi x_{t-1} + e, where Var(x_t - x_{t-1}) = 2 s^2 (1 - phi), Var(x_t - x_{t-2}) = 2 s^2 (1 - phi^2) and
// V = s^2 (1 + phi) / (1 - phi). The second, for drifting noise, uses blocks of 4, 8, 16, ... cells.
inline double long_run_variance(const Grid& grid) {
  std::vector<double> one, two;
  double squares = 0;
  for (std::size_t k = 1; k < grid.size(); ++k) {
    if (!grid.has(k)) continue;
    if (grid.has(k - 1)) one.push_back(grid.value[k] - grid.value[k - 1]), squares += one.back() * one.back();
    if (k > 1 && grid.has(k - 2)) two.push_back(grid.value[k] - grid.value[k - 2]);
  }
  if (one.empty()) return 0;
  const double robust = spread_of(one, 0), first = robust * robust, second = spread_of(two, 0);
  if (first == 0) return squares / static_cast<double>(2 * one.size());  // most values equal the previous one
  const double phi = std::clamp(second * second / first - 1, 0.0, 0.95);
  double variance = first / 2 * (1 + phi) / ((1 - phi) * (1 - phi));
  constexpr std::size_t min_blocks = 20;
  for (std::size_t length = 4; length * min_blocks <= grid.size(); length *= 2)
    variance = std::max(variance, block_variance(grid, length));
  return variance;
}

class Pelt {
 public:
  // `noise` must be positive; segments have at least `min_length` values.
  Pelt(const Grid& grid, double noise, double penalty, std::size_t min_length)
      : cells_(grid.size()), noise_(noise), penalty_(penalty), min_length_(std::max<std::size_t>(min_length, 1)) {
    std::vector<Weighted> all;
    for (std::size_t k = 0; k < grid.size(); ++k)
      if (grid.has(k)) all.push_back({grid.value[k], grid.weight[k]}), cell_.push_back(k);
    if (all.empty()) return;
    const double centre = weighted_median(all);
    weight_.push_back(0), sum_.push_back(0), square_.push_back(0);
    for (const auto& [value, w] : all) {
      const double x = value - centre;
      weight_.push_back(weight_.back() + w), sum_.push_back(sum_.back() + w * x), square_.push_back(square_.back() + w * x * x);
    }
    centre_ = centre;
    search();
  }

  struct Segment {
    std::size_t first_cell;
    double mean, weight;
  };
  const std::vector<Segment>& segments() const { return segments_; }
  // The mean of each cell's segment minus the overall mean.
  std::vector<double> levels() const {
    double sum = 0, weight = 0;
    for (const auto& s : segments_) sum += s.weight * s.mean, weight += s.weight;
    std::vector<double> out(cells_);
    for (std::size_t i = 0; i < segments_.size(); ++i)
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(i == 0 ? 0 : segments_[i].first_cell), out.end(),
                segments_[i].mean - sum / weight);
    return out;
  }
  // Whether the segments are the same and their means differ by less than 1 % of their standard errors.
  bool same_as(const Pelt& other) const {
    return std::equal(segments_.begin(), segments_.end(), other.segments_.begin(), other.segments_.end(),
                      [&](const Segment& a, const Segment& b) {
                        return a.first_cell == b.first_cell && std::abs(a.mean - b.mean) <= 0.01 * std::sqrt(noise_ / a.weight);
                      });
  }
  double cost() const { return total_; }  // including penalties

 private:
  // Cost of values [i, j) as one segment.
  double cost(std::size_t i, std::size_t j) const {
    const double s = sum_[j] - sum_[i];
    return std::max(0.0, square_[j] - square_[i] - s * s / (weight_[j] - weight_[i])) / noise_;
  }
  void search() {
    const std::size_t n = cell_.size();
    constexpr double infinite = std::numeric_limits<double>::infinity();
    struct Candidate {
      std::size_t at, pruned_from;  // from here on, a different start of the last segment is always better
    };
    std::vector<double> best(n + 1, infinite);
    std::vector<std::size_t> before(n + 1, 0);
    std::vector<Candidate> candidates;
    best[0] = -penalty_;
    for (std::size_t t = min_length_; t <= n; ++t) {
      if (best[t - min_length_] < infinite) candidates.push_back({t - min_length_, n + 1});
      for (const auto& c : candidates) {
        const double total = best[c.at] + cost(c.at, t) + penalty_;
        if (total < best[t]) best[t] = total, before[t] = c.at;
      }
      for (auto& c : candidates)
        if (best[c.at] + cost(c.at, t) > best[t]) c.pruned_from = std::min(c.pruned_from, t + min_length_);
      std::erase_if(candidates, [&](const Candidate& c) { return c.pruned_from <= t + 1; });
    }
    if (!(best[n] < infinite)) return;
    total_ = best[n];
    for (std::size_t to = n; to > 0; to = before[to]) {
      const auto from = before[to];
      const double w = weight_[to] - weight_[from];
      segments_.insert(segments_.begin(), {cell_[from], centre_ + (sum_[to] - sum_[from]) / w, w});
    }
  }

  std::size_t cells_;
  double noise_, penalty_;
  std::size_t min_length_;
  std::vector<std::size_t> cell_;
  std::vector<double> weight_, sum_, square_;  // of the first k values
  double centre_ = 0, total_ = 0;
  std::vector<Segment> segments_;
};

}  // namespace mole
