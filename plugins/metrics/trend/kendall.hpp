// Robust trend: slopes between all pairs of values at the same time of the season (Theil 1950, Sen 1968; seasonal: Hirsch et al.
// 1982), and Kendall's S of their signs with a variance that allows for dependence between seasons (Hirsch and Slack 1984).
//
// With weights w, A_ij = sum over seasons of w_i w_j sign(x_j - x_i) for two cycles i < j, A_ji = -A_ij, and
//   S = sum_{i<j} A_ij,   Var S = (sum_{i<j} A_ij^2 + sum_i (sum_j A_ij)^2) / 3,
// which is the estimate of Hirsch and Slack, and with one season and weights 1 equals the usual
// (n(n-1)(2n+5) - sum t(t-1)(2t+5)) / 18 for groups of t ties.
#pragma once

#include <mole/statistics/profile.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace mole {

// The values of one season, for example one week, in time order.
struct Cycle {
  struct Value {
    std::int64_t slot;
    double day, value, weight;  // day: time since the first, in days
  };
  std::vector<Value> values;
};

// Without a season, each value is a separate cycle.
inline std::vector<Cycle> cycles_of(const Grid& grid, const Period& season) {
  constexpr double day_us = 86'400e6;
  std::vector<Cycle> out;
  std::int64_t cycle_start = 0;
  for (std::size_t k = 0; k < grid.size(); ++k) {
    if (!grid.has(k)) continue;
    const auto since = static_cast<std::int64_t>(k) * grid.step, start = grid.first + since, phase = season.phase(start);
    const auto slot = season.none() ? 0 : phase / grid.step;
    if (out.empty() || season.none() || start - phase != cycle_start) out.emplace_back();
    cycle_start = start - phase;
    if (!out.back().values.empty() && out.back().values.back().slot == slot) continue;  // cells do not divide the season evenly
    out.back().values.push_back({slot, static_cast<double>(since) / day_us, grid.value[k], grid.weight[k]});
  }
  return out;
}

struct Kendall {
  double s = 0, variance = 0, pairs = 0;  // pairs: their total weight
  std::vector<Weighted> slopes;           // per day, sorted

  double tau() const { return s / pairs; }
  // Two-sided, from the normal distribution with a continuity correction of one (average) pair.
  double p() const {
    const double step = pairs / static_cast<double>(slopes.size());
    return variance > 0 ? std::min(1.0, 2 * normal_tail(std::max(std::abs(s) - step, 0.0) / std::sqrt(variance))) : 1;
  }
  double slope() const { return step_quantile(slopes, 0.5); }
  // Sen's confidence limits, rounded outward; nullopt with too few pairs.
  std::optional<std::pair<double, double>> limits(double confidence) const {
    const double beyond = (pairs - normal_point((1 - confidence) / 2) * std::sqrt(variance)) / 2;
    const auto limit = [&](auto from, auto to) {
      double sum = 0;
      auto at = from;
      while (at != to && sum + at->weight <= beyond) sum += (at++)->weight;
      return at == from ? std::optional<double>() : (at - 1)->value;
    };
    const auto low = limit(slopes.begin(), slopes.end()), high = limit(slopes.rbegin(), slopes.rend());
    if (!low || !high) return std::nullopt;
    return std::pair(*low, *high);
  }
};

inline Kendall kendall_of(const std::vector<Cycle>& cycles) {
  Kendall out;
  std::vector<double> row_sums(cycles.size());
  double squares = 0;
  for (std::size_t i = 0; i < cycles.size(); ++i) {
    for (std::size_t j = i + 1; j < cycles.size(); ++j) {
      double a = 0;
      auto x = cycles[i].values.begin();
      auto y = cycles[j].values.begin();
      while (x != cycles[i].values.end() && y != cycles[j].values.end()) {
        if (x->slot < y->slot)
          ++x;
        else if (y->slot < x->slot)
          ++y;
        else {
          const double weight = x->weight * y->weight, rise = y->value - x->value;
          out.slopes.push_back({rise / (y->day - x->day), weight});
          out.pairs += weight;
          a += rise > 0 ? weight : rise < 0 ? -weight : 0;
          ++x, ++y;
        }
      }
      out.s += a;
      squares += a * a;
      row_sums[i] += a;
      row_sums[j] -= a;
    }
  }
  for (const double l : row_sums) squares += l * l;
  out.variance = squares / 3;
  std::sort(out.slopes.begin(), out.slopes.end());
  return out;
}

}  // namespace mole
