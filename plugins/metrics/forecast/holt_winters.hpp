// Exponential smoothing of level, trend and season (Holt 1957, Winters 1960; damped: Gardner and McKenzie 1985), with gaps. In
// the multiplicative form
//
//   a_t = alpha y_t / s_{t-m} + (1 - alpha) (a_{t-1} + phi b_{t-1})
//   b_t = beta (a_t - a_{t-1}) + (1 - beta) phi b_{t-1}
//   s_t = gamma y_t / a_t + (1 - gamma) s_{t-m}
//   forecast of t + h: (a_t + (phi + .. + phi^h) b_t) s_{t+h-m ceil(h/m)}
//
// and in the additive form with - for / and + for the last product. A value with coverage w is smoothed with alpha w, beta w and
// gamma w; in a gap, level and trend continue and the season is unchanged. Start values are those of R's HoltWinters: a classical
// decomposition of the first two seasons; smoothing starts with the second.
#pragma once

#include <mole/series.hpp>
#include <mole/statistics/minimise.hpp>
#include <mole/statistics/statistics.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace mole {

struct Smoothing {
  double level = 0.3, trend = 0.1, season = 0.1, damping = 1;  // alpha, beta, gamma, phi
};

class HoltWinters {
 public:
  // `season`: cells per season; 1: no season. The grid needs two seasons and two cells with values, and must outlive this object.
  HoltWinters(const Grid& grid, std::size_t season, bool multiplicative)
      : grid_(grid), m_(season), multiplicative_(multiplicative && season > 1) {
    initialise();
  }

  struct State {
    double level, trend;
    std::vector<double> season;  // by cell % m
  };
  struct Error {
    std::size_t cell;
    double error;  // value minus forecast
  };

  // Smooths all cells. `errors` receives the errors of the forecasts made `ahead` >= 1 cells earlier.
  State run(const Smoothing& p, std::size_t ahead, std::vector<Error>* errors, double* squares = nullptr) const {
    State s = start_;
    const double factor = trend_factor(p.damping, ahead);
    double sum = 0;
    // Includes the forecast made before the first smoothed cell.
    for (std::size_t k = first_; k <= grid_.size(); ++k) {
      const std::size_t target = k - 1 + ahead;
      if (target < grid_.size() && grid_.has(target)) {
        const double e = grid_.value[target] - combined(s.level + factor * s.trend, s.season[target % m_]);
        sum += grid_.weight[target] * e * e;
        if (errors) errors->push_back({target, e});
      }
      if (k == grid_.size()) break;
      smooth(p, k, s);
    }
    if (squares) *squares = sum;
    return s;
  }
  // Forecast, after run(), of the cell `ahead` cells after the last.
  double forecast(const State& s, const Smoothing& p, std::size_t ahead) const {
    return combined(s.level + trend_factor(p.damping, ahead) * s.trend, s.season[(grid_.size() - 1 + ahead) % m_]);
  }

  // Returns the smoothing that minimises the squared errors of forecasts `ahead` cells ahead.
  Smoothing fit(std::size_t ahead, bool damped, double tolerance, int evaluations) const {
    const auto smoothing_of = [&](const std::vector<double>& x) {
      const auto share = [](double v) { return 1 / (1 + exp(-v)); };
      std::size_t i = 0;
      Smoothing p{share(x[i++]), share(x[i++]), 0, 1};
      if (m_ > 1) p.season = share(x[i++]);
      if (damped) p.damping = 0.8 + 0.2 * share(x[i]);
      return p;
    };
    const auto cost = [&](const std::vector<double>& x) {
      double squares = 0;
      run(smoothing_of(x), ahead, nullptr, &squares);
      return squares;
    };
    std::vector<double> start{log(0.3 / 0.7), log(0.1 / 0.9)};  // alpha 0.3, beta 0.1, gamma 0.1, phi 0.98
    if (m_ > 1) start.push_back(log(0.1 / 0.9));
    if (damped) start.push_back(log(9.0));
    return smoothing_of(minimise(cost, start, 0.8, tolerance, evaluations).at);
  }
  bool multiplicative() const { return multiplicative_; }

 private:
  double combined(double level, double season) const { return multiplicative_ ? level * season : level + season; }

  static double trend_factor(double damping, std::size_t ahead) {
    const auto h = static_cast<double>(ahead);
    return damping == 1 ? h : damping * (1 - exp(h * log(damping))) / (1 - damping);
  }
  void smooth(const Smoothing& p, std::size_t k, State& s) const {
    const double projected = s.level + p.damping * s.trend, w = grid_.weight[k];
    s.trend *= p.damping;
    if (!(w > 0)) {
      s.level = projected;
      return;
    }
    double& season = s.season[k % m_];
    const double y = grid_.value[k], before = s.level,
                 deseasonalised = multiplicative_ ? (season == 0 ? projected : y / season) : y - season;
    s.level = projected + p.level * w * (deseasonalised - projected);
    s.trend += p.trend * w * (s.level - before - s.trend);
    if (m_ == 1) return;
    const double of_season = multiplicative_ ? (s.level == 0 ? season : y / s.level) : y - s.level;
    season += p.season * w * (of_season - season);
  }

  // The first two seasons with gaps filled: from the same time in the other season, else by interpolation.
  std::vector<double> filled() const {
    const std::size_t n = 2 * m_;
    std::vector<double> x(grid_.value.begin(), grid_.value.begin() + static_cast<std::ptrdiff_t>(n));
    std::vector<std::uint8_t> present(n);
    for (std::size_t k = 0; k < n; ++k) present[k] = grid_.has(k);
    for (std::size_t k = 0; k < n; ++k)
      if (const auto other = (k + m_) % n; !present[k] && grid_.has(other)) x[k] = x[other], present[k] = 1;
    for (std::size_t k = 0; k < n; ++k) {
      if (present[k]) continue;
      std::size_t after = k;
      while (after < n && !present[after]) ++after;
      const bool left = k > 0, right = after < n;
      if (!left && !right) return x;
      const double from = left ? x[k - 1] : x[after], to = right ? x[after] : x[k - 1];
      for (std::size_t i = k; i < after; ++i)
        x[i] = from + (to - from) * static_cast<double>(i - k + 1) / static_cast<double>(after - k + 1), present[i] = 1;
    }
    return x;
  }
  void initialise() {
    if (m_ == 1) return initialise_without_season();
    const auto x = filled();
    const std::size_t half = m_ / 2;
    const auto m = static_cast<double>(m_);
    std::vector<double> season(m_), count(m_);
    double st = 0, sy = 0, sty = 0, stt = 0, n = 0;  // regression of the moving average on 1, 2, ...
    for (std::size_t k = half; k + half < 2 * m_; ++k) {
      double sum = 0;
      for (std::size_t i = k - half; i <= k + half; ++i)
        sum += (m_ % 2 == 0 && (i == k - half || i == k + half) ? 0.5 : 1) * x[i];
      const double average = sum / m, t = ++n;
      st += t, sy += average, sty += t * average, stt += t * t;
      season[k % m_] += multiplicative_ ? (average == 0 ? 1 : x[k] / average) : x[k] - average;
      ++count[k % m_];
    }
    start_.trend = n > 1 ? (n * sty - st * sy) / (n * stt - st * st) : 0;
    start_.level = (sy - start_.trend * st) / n;
    double mean = 0;
    for (std::size_t i = 0; i < m_; ++i) season[i] /= std::max(count[i], 1.0), mean += season[i] / m;
    for (auto& s : season) s = multiplicative_ ? (mean == 0 ? 1 : s / mean) : s - mean;
    start_.season = std::move(season);
    first_ = m_;
  }
  void initialise_without_season() {
    std::size_t one = 0;
    while (!grid_.has(one)) ++one;
    std::size_t two = one + 1;
    while (!grid_.has(two)) ++two;
    start_ = {grid_.value[two], (grid_.value[two] - grid_.value[one]) / static_cast<double>(two - one), {0}};
    first_ = two + 1;
  }

  const Grid& grid_;
  std::size_t m_, first_ = 0;
  bool multiplicative_;
  State start_{};
};

}  // namespace mole
