// Statistics of weighted numbers, and the distributions for statistical tests. Results do not depend on the order of the numbers.
//
//   const double median = mole::weighted_median({{1, 1}, {2, 1}, {9, 3}});   // 9
#pragma once

#include <mole/statistics/elementary.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <numeric>
#include <span>
#include <vector>

namespace mole {

struct Weighted {
  double value, weight;  // weight > 0
  friend bool operator<(const Weighted& a, const Weighted& b) {
    return a.value != b.value ? a.value < b.value : a.weight < b.weight;
  }
};

// Median of x, which must not be empty; if its size is even, the mean of the middle two elements. Reorders x.
inline double median_of(std::span<double> x) {
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  std::nth_element(x.begin(), middle, x.end());
  if (x.size() % 2) return *middle;
  return std::midpoint(*std::max_element(x.begin(), middle), *middle);
}

// Weighted quantile of sorted numbers without interpolation; the mean of two neighbours if the weight below is exactly p of the
// total. `x` must not be empty.
inline double step_quantile(std::span<const Weighted> x, double p) {
  double total = 0, below = 0;
  for (const auto& w : x) total += w.weight;
  for (std::size_t i = 0; i < x.size(); ++i) {
    below += x[i].weight;
    if (below > p * total || i + 1 == x.size()) return x[i].value;
    if (below == p * total) return std::midpoint(x[i].value, x[i + 1].value);
  }
  return x.back().value;
}
inline double weighted_median(std::vector<Weighted> x) {
  std::sort(x.begin(), x.end());
  return step_quantile(x, 0.5);
}

// Quantile of sorted numbers: type 7 of Hyndman and Fan (1996), linear between order statistics, with weights as in Akinshin
// (2023, "Weighted quantile estimators", 2.3), where the sample size is Kish's effective size (sum w)^2 / sum w^2. Equal weights
// give type 7 itself. `x` must not be empty.
inline double quantile_of(std::span<const Weighted> x, double p) {
  double sum = 0, squares = 0;
  for (const auto& w : x) sum += w.weight, squares += w.weight * w.weight;
  const double size = sum * sum / squares, left = (size - 1) * p / size;  // the window (left, left + 1 / size] of the weights
  const auto inside = [&](double t) { return std::clamp((t - left) * size, 0.0, 1.0); };
  double done = 0, before = 0, out = 0;
  for (const auto& w : x) {
    done += w.weight / sum;
    const double now = &w == &x.back() ? 1 : inside(done);
    if (now > before) out += (now - before) * w.value;
    before = now;
  }
  return out;
}

// Ratio of standard deviation to median absolute deviation of the normal distribution: 1 / z(3/4).
inline constexpr double normal_spread = 1.482602218505602;

// Standard deviation estimated by the median absolute deviation from `centre`. 0 if `x` is empty.
inline double spread_of(std::span<const double> x, double centre) {
  if (x.empty()) return 0;
  std::vector<double> d(x.begin(), x.end());
  for (auto& v : d) v = std::abs(v - centre);
  return normal_spread * median_of(d);
}

// P(X > x) of the chi-square distribution: the regularised incomplete gamma function Q(k / 2, x / 2), by its series where it
// converges fast, else by its continued fraction with Lentz's method (Abramowitz and Stegun 6.5.29 and 6.5.31).
inline double chi_square_tail(double x, double degrees) {
  const double a = degrees / 2, y = x / 2;
  if (!(y > 0)) return 1;
  if (!(y <= std::numeric_limits<double>::max())) return 0;
  const double front = exp(a * log(y) - y - log_gamma(a));
  if (y < a + 1) {
    double term = 1 / a, sum = term;
    for (double n = a + 1; term > sum * 1e-17; ++n) sum += term *= y / n;
    return 1 - front * sum;
  }
  constexpr double tiny = std::numeric_limits<double>::min();
  double b = y + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
  for (int i = 1; i < 10'000; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = an * d + b;
    c = b + an / c;
    d = 1 / (std::abs(d) < tiny ? tiny : d);
    c = std::abs(c) < tiny ? tiny : c;
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return front * h;
}

// P(Z > z) of the standard normal distribution: Z^2 has the chi-square distribution with one degree of freedom.
inline double normal_tail(double z) {
  const double both = chi_square_tail(z * z, 1);
  return z < 0 ? 1 - 0.5 * both : 0.5 * both;
}

// z with P(Z > z) = p, 0 < p < 1, accurate except for the last few bits: Newton's method on the tail, which converges
// monotonically from 0.
inline double normal_point(double p) {
  if (p > 0.5) return -normal_point(1 - p);
  double z = 0;
  for (int i = 0; i < 60; ++i) {
    const double density = exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    const double next = z + (normal_tail(z) - p) / density;
    if (!(std::abs(next - z) > 1e-15 * std::abs(z))) break;
    z = next;
  }
  return z;
}

}  // namespace mole
