// Fits ARMA processes: selects the orders by an information criterion, computes standard errors from the curvature of the
// likelihood, and tests the residuals for autocorrelation (Ljung and Box 1978).
#pragma once

#include "likelihood.hpp"

#include <utility>

namespace mole {

struct ArmaFit {
  ArmaModel model;
  double mean = 0, variance = 0, log_likelihood = 0, n = 0;

  double parameters() const { return static_cast<double>(model.ar.size() + model.ma.size()) + 2; }  // including mean and variance
  double aic() const { return -2 * log_likelihood + 2 * parameters(); }
  // Hurvich and Tsai (1989)
  double aicc() const {
    return n - parameters() > 1 ? aic() + 2 * parameters() * (parameters() + 1) / (n - parameters() - 1)
                                : std::numeric_limits<double>::infinity();
  }
  // Schwarz (1978)
  double bic() const { return -2 * log_likelihood + parameters() * log(n); }
};

inline ArmaFit fit_arma(const Grid& grid, std::size_t p, std::size_t q, double tolerance = 1e-6, int evaluations = 400) {
  const auto model_of = [&](const std::vector<double>& x) {
    ArmaModel m{stationary_from(x.data(), p), stationary_from(x.data() + p, q)};
    for (auto& b : m.ma) b = -b;
    return m;
  };
  std::vector<double> at(p + q, 0.1);
  if (!at.empty())
    at = minimise([&](const std::vector<double>& x) { return -log_likelihood(grid, model_of(x)); }, at, 0.4, tolerance,
                  evaluations)
             .at;
  ArmaFit fit{model_of(at)};
  const auto sum = ArmaFilter(fit.model).run(grid);
  fit.mean = sum.best_mean();
  fit.variance = sum.variance(fit.mean);
  fit.log_likelihood = sum.log_likelihood(fit.mean);
  fit.n = sum.n;
  return fit;
}

// Fits all orders up to the given ones and returns the fit with the smallest criterion.
inline ArmaFit choose_arma(const Grid& grid, std::size_t max_ar, std::size_t max_ma, bool by_bic) {
  std::optional<ArmaFit> best;
  const auto cost = [&](const ArmaFit& f) { return by_bic ? f.bic() : f.aicc(); };
  for (std::size_t p = 0; p <= max_ar; ++p)
    for (std::size_t q = 0; q <= max_ma; ++q)
      if (auto fit = fit_arma(grid, p, q, 1e-4, 60 + 60 * static_cast<int>(p + q)); !best || cost(fit) < cost(*best))
        best = std::move(fit);
  return fit_arma(grid, best->model.ar.size(), best->model.ma.size());
}

// Returns the standard errors of ar, ma and the mean, in this order: from the inverse of the second derivatives of the log
// likelihood (with the best variance), by central differences. Empty if the fit is not at a maximum.
inline std::vector<double> standard_errors(const Grid& grid, const ArmaFit& fit) {
  const std::size_t p = fit.model.ar.size(), n = p + fit.model.ma.size() + 1;
  const auto value = [&](const std::vector<double>& off) {
    ArmaModel m = fit.model;
    for (std::size_t i = 0; i < m.ar.size(); ++i) m.ar[i] += off[i];
    for (std::size_t i = 0; i < m.ma.size(); ++i) m.ma[i] += off[p + i];
    return log_likelihood(grid, m, fit.mean + off[n - 1]);
  };
  std::vector<double> step(n, 1e-3);
  step[n - 1] = 0.1 * std::sqrt(fit.variance / ArmaFilter(fit.model).run(grid).one);  // a tenth of its standard error
  std::vector<std::vector<double>> h(n, std::vector<double>(2 * n));  // the negative curvature, and the identity to its right
  for (std::size_t i = 0; i < n; ++i) {
    h[i][n + i] = 1;
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (const int a : {1, -1})
        for (const int b : {1, -1}) {
          std::vector<double> off(n);
          off[i] += a * step[i], off[j] += b * step[j];
          sum += a * b * value(off);
        }
      h[i][j] = h[j][i] = -sum / (4 * step[i] * step[j]);
    }
  }
  for (std::size_t i = 0; i < n; ++i) {  // Gauss-Jordan elimination; needs no pivoting at a maximum
    if (!(h[i][i] > 0) || !std::isfinite(h[i][i])) return {};
    const double scale = h[i][i];
    for (auto& v : h[i]) v /= scale;
    for (std::size_t k = 0; k < n; ++k) {
      if (k == i) continue;
      const double times = h[k][i];
      for (std::size_t j = 0; j < 2 * n; ++j) h[k][j] -= times * h[i][j];
    }
  }
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i) {
    if (!(h[i][n + i] > 0)) return {};
    out.push_back(std::sqrt(h[i][n + i]));
  }
  return out;
}

struct LjungBox {
  double statistic = 0, p = 1;
};

// Tests standardised residuals. With gaps, correlations use the pairs that exist. `lags` must exceed `fitted`, the number of
// coefficients.
inline LjungBox ljung_box(const std::vector<std::optional<double>>& residuals, std::size_t lags, std::size_t fitted) {
  double n = 0, mean = 0, squares = 0;
  for (const auto& e : residuals)
    if (e) ++n, mean += *e;
  mean /= n;
  for (const auto& e : residuals)
    if (e) squares += (*e - mean) * (*e - mean);
  LjungBox out;
  if (!(squares > 0)) return out;
  std::size_t used = 0;
  for (std::size_t lag = 1; lag <= lags && lag < residuals.size(); ++lag) {
    double products = 0, pairs = 0;
    for (std::size_t k = lag; k < residuals.size(); ++k)
      if (residuals[k] && residuals[k - lag]) products += (*residuals[k] - mean) * (*residuals[k - lag] - mean), ++pairs;
    if (pairs == 0) continue;
    const double r = products / squares;  // with gaps its variance follows from the number of pairs
    out.statistic += n * (n + 2) * r * r / pairs;
    ++used;
  }
  if (used > fitted) out.p = chi_square_tail(out.statistic, static_cast<double>(used - fitted));
  return out;
}

}  // namespace mole
