// Exact Gaussian likelihood of an ARMA(p, q) process with a mean,
//
//   x_t - mu = ar_1 (x_{t-1} - mu) + .. + ar_p (x_{t-p} - mu) + e_t + ma_1 e_{t-1} + .. + ma_q e_{t-q},
//
// by the Kalman filter on Harvey's state space, which handles gaps (Gardner, Harvey and Phillips 1980; Jones 1980). A value
// with coverage w is observed with noise of variance (1 - w) / w, in units of the variance of e: none at full coverage, infinite
// if it is missing. Mean and variance have a closed form (generalised least squares), so the search is over ar and ma only, as
// partial autocorrelations, which keeps the process stationary and invertible (Monahan 1984).
#pragma once

#include <mole/series.hpp>
#include <mole/statistics/minimise.hpp>
#include <mole/statistics/statistics.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

namespace mole {

struct ArmaModel {
  std::vector<double> ar, ma;
};

// Sums of the innovations of x and of a series of ones, which give the likelihood for any mean.
struct Innovations {
  double xx = 0, x1 = 0, one = 0, log_f = 0, n = 0;

  double best_mean() const { return x1 / one; }
  double variance(double mean) const { return (xx - 2 * mean * x1 + mean * mean * one) / n; }
  double log_likelihood(double mean) const {
    const double v = variance(mean);
    return v > 0 ? -0.5 * (n * log(2 * std::numbers::pi * v) + n + log_f) : -std::numeric_limits<double>::infinity();
  }
};

class ArmaFilter {
 public:
  static constexpr std::size_t max_size = 6;

  explicit ArmaFilter(const ArmaModel& model) : size_(std::max(model.ar.size(), model.ma.size() + 1)) {
    std::copy(model.ar.begin(), model.ar.end(), ar_.begin());
    shock_[0] = 1;
    std::copy(model.ma.begin(), model.ma.end(), shock_.begin() + 1);
    init_stationary();
  }
  bool stationary() const { return stationary_; }

  // `residuals` receives the standardised innovation of each cell about `mean`, in units of e, and nullopt for gaps.
  Innovations run(const Grid& grid, double mean = 0, std::vector<std::optional<double>>* residuals = nullptr) const {
    Innovations sum;
    Matrix p = first_, last_predicted{};
    Vector x{}, one{};
    bool steady = false;
    Vector gain{};
    double f = 0, log_f = 0;
    for (std::size_t k = 0; k < grid.size(); ++k) {
      if (residuals) residuals->emplace_back();
      // After a run of fully covered values the variance converges; it and the gain stay constant until the next gap.
      const bool full = grid.weight[k] == 1;
      if (!(steady && full)) {
        steady = false;
        f = p[0][0] + (grid.has(k) ? (1 - grid.weight[k]) / grid.weight[k] : 0);
        log_f = log(f);
        for (std::size_t i = 0; i < size_; ++i) gain[i] = p[i][0] / f;
      }
      if (grid.has(k)) {
        const double off = grid.value[k] - x[0], off_one = 1 - one[0];
        sum.xx += off * off / f, sum.x1 += off * off_one / f, sum.one += off_one * off_one / f;
        sum.log_f += log_f, ++sum.n;
        if (residuals) residuals->back() = (off - mean * off_one) / std::sqrt(f);
        for (std::size_t i = 0; i < size_; ++i) x[i] += gain[i] * off, one[i] += gain[i] * off_one;
        if (!steady)
          for (std::size_t i = 0; i < size_; ++i)
            for (std::size_t j = 0; j < size_; ++j) p[i][j] -= gain[i] * gain[j] * f;
      }
      x = predicted(x), one = predicted(one);
      if (steady) continue;
      p = predicted(p);
      steady = full && close(p, last_predicted);
      last_predicted = p;
    }
    return sum;
  }

 private:
  using Vector = std::array<double, max_size>;
  using Matrix = std::array<Vector, max_size>;

  Vector predicted(const Vector& a) const {
    Vector out{};
    for (std::size_t i = 0; i < size_; ++i) out[i] = ar_[i] * a[0] + (i + 1 < size_ ? a[i + 1] : 0);
    return out;
  }
  // T P T' + R R'
  Matrix predicted(const Matrix& p) const {
    Matrix half{}, out{};
    for (std::size_t i = 0; i < size_; ++i)
      for (std::size_t j = 0; j < size_; ++j) half[i][j] = ar_[i] * p[0][j] + (i + 1 < size_ ? p[i + 1][j] : 0);
    for (std::size_t i = 0; i < size_; ++i)
      for (std::size_t j = 0; j < size_; ++j)
        out[i][j] = half[i][0] * ar_[j] + (j + 1 < size_ ? half[i][j + 1] : 0) + shock_[i] * shock_[j];
    return out;
  }
  bool close(const Matrix& a, const Matrix& b) const {
    for (std::size_t i = 0; i < size_; ++i)
      for (std::size_t j = 0; j < size_; ++j)
        if (std::abs(a[i][j] - b[i][j]) > 1e-12 * (1 + std::abs(a[i][j]))) return false;
    return true;
  }
  Matrix product(const Matrix& a, const Matrix& b, bool transpose_b) const {
    Matrix out{};
    for (std::size_t i = 0; i < size_; ++i)
      for (std::size_t k = 0; k < size_; ++k)
        for (std::size_t j = 0; j < size_; ++j) out[i][j] += a[i][k] * (transpose_b ? b[j][k] : b[k][j]);
    return out;
  }
  // The stationary variance, sum of T^k R R' T'^k, by doubling the number of terms.
  void init_stationary() {
    Matrix t{}, sum{};
    for (std::size_t i = 0; i < size_; ++i) {
      t[i][0] = ar_[i];
      if (i + 1 < size_) t[i][i + 1] = 1;
      for (std::size_t j = 0; j < size_; ++j) sum[i][j] = shock_[i] * shock_[j];
    }
    for (int i = 0; i < 64; ++i) {
      const Matrix more = product(product(t, sum, false), t, true);
      double change = 0, scale = 0;
      for (std::size_t a = 0; a < size_; ++a)
        for (std::size_t b = 0; b < size_; ++b)
          sum[a][b] += more[a][b], change = std::max(change, std::abs(more[a][b])), scale = std::max(scale, std::abs(sum[a][b]));
      if (!std::isfinite(scale) || scale > 1e12) return;
      if (change <= 1e-16 * scale) {
        first_ = sum;
        stationary_ = true;
        return;
      }
      t = product(t, t, false);
    }
  }

  std::size_t size_;
  Vector ar_{}, shock_{};
  Matrix first_{};
  bool stationary_ = false;
};

// Returns the coefficients of a stationary autoregression for any numbers: tanh maps the numbers to partial autocorrelations,
// which the Durbin-Levinson recursion converts to coefficients.
inline std::vector<double> stationary_from(const double* free, std::size_t n) {
  std::vector<double> a(n);
  for (std::size_t k = 0; k < n; ++k) {
    const double partial = tanh(free[k]);
    const auto before = a;
    for (std::size_t i = 0; i < k; ++i) a[i] = before[i] - partial * before[k - 1 - i];
    a[k] = partial;
  }
  return a;
}

inline double log_likelihood(const Grid& grid, const ArmaModel& model, std::optional<double> mean = std::nullopt) {
  const ArmaFilter filter(model);
  if (!filter.stationary()) return -std::numeric_limits<double>::infinity();
  const auto sum = filter.run(grid);
  return sum.log_likelihood(mean ? *mean : sum.best_mean());
}

}  // namespace mole
