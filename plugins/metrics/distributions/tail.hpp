// A power law p(x) ~ x^-alpha fitted to the tail of a histogram of whole numbers.
//
// For a tail of n values from m on, alpha = 1 + n / sum ln(x / (m - 1/2)) with standard error (alpha - 1) / sqrt n: Hill's
// estimator (B. M. Hill, A Simple General Approach to Inference About the Tail of a Distribution, Annals of Statistics 3, 1975)
// in its discrete approximation, accurate for m >= 6 (A. Clauset, C. R. Shalizi, M. E. J. Newman, Power-Law Distributions in
// Empirical Data, SIAM Review 51, 2009, equations 3.2 and 3.7). m is the power of two, at least 8 and with at least 100 values in
// its tail, whose fitted law has the smallest Kolmogorov-Smirnov distance from the data (same paper, section 3.3), evaluated at
// quarters of octaves. Each value is taken as the middle of its bucket, an error of at most 0.8 %.
#pragma once

#include <mole/sketches/log_histogram.hpp>
#include <mole/statistics/log2.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

struct Tail {
  double exponent, error;     // alpha and its standard error
  std::uint64_t from, count;  // start of the tail and number of its values
  double distance;            // Kolmogorov-Smirnov distance between data and law
};

class TailFit {
 public:
  TailFit() {
    log_middle_.resize(mole::LogHistogram::bucket_count);
    for (std::size_t b = 1; b < log_middle_.size(); ++b) log_middle_[b] = mole::log2(mole::LogHistogram::middle(b));
    for (int octave = 3; octave < 64; ++octave)
      for (std::uint64_t quarter = 4; quarter < 8; ++quarter) {
        const std::uint64_t x = quarter << (octave - 2);
        points_.push_back({x, mole::LogHistogram::bucket(x), mole::log2(static_cast<double>(x) - 0.5)});
      }
  }

  // nullopt if no tail has enough values.
  std::optional<Tail> operator()(const mole::LogHistogram& h) const {
    const auto tails = tails_of(h);
    std::optional<Tail> best;
    double min_distance = 2;
    for (std::size_t from = 0; from < tails.size() && tails[from].count >= min_values; from += 4) {
      const auto n = static_cast<double>(tails[from].count);
      const double log_sum = (tails[from].log_sum - n * points_[from].log) * ln_2;
      const double slope = n / log_sum;  // alpha - 1
      const double distance = distance_of(tails, from, slope);
      if (distance >= min_distance) continue;
      min_distance = distance;
      best = Tail{1 + slope, slope / std::sqrt(n), points_[from].x, tails[from].count, distance};
    }
    return best;
  }

 private:
  struct Point {  // a quarter of an octave
    std::uint64_t x;
    std::size_t bucket;
    double log;  // of x - 1/2
  };
  struct TailSum {  // the values from a point on
    std::uint64_t count = 0;
    double log_sum = 0;
  };
  static constexpr std::uint64_t min_values = 100;
  static constexpr double ln_2 = 0.6931471805599453;

  // By point, up to the first point above all values. Ignores empty buckets at the end: their number depends on how the flows
  // were divided into batches, and is not saved.
  std::vector<TailSum> tails_of(const mole::LogHistogram& h) const {
    const auto& counts = h.counts();
    std::size_t end = counts.size(), size = 0;
    while (end > 0 && counts[end - 1] == 0) --end;
    while (size < points_.size() && points_[size].bucket < end) ++size;
    std::vector<TailSum> out(std::min(size + 1, points_.size()));
    TailSum sum;
    for (std::size_t b = end, point = size; point > 0;) {
      --b;
      sum.count += counts[b];
      sum.log_sum += static_cast<double>(counts[b]) * log_middle_[b];
      if (b == points_[point - 1].bucket) out[--point] = sum;
    }
    return out;
  }

  double distance_of(const std::vector<TailSum>& tails, std::size_t from, double slope) const {
    const auto n = static_cast<double>(tails[from].count);
    double max = 0;
    for (std::size_t i = from; i < tails.size(); ++i) {
      const double law = mole::exp2(std::max(-900.0, slope * (points_[from].log - points_[i].log)));
      max = std::max(max, std::abs(static_cast<double>(tails[i].count) / n - law));
    }
    return max;
  }

  std::vector<double> log_middle_;  // by bucket
  std::vector<Point> points_;       // from 8 on, in ascending order
};
