#include "coordinator/leases/staging_rates.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

namespace mole::coordinator::leases {
namespace {

constexpr std::size_t terms = 3;  // mount, files, bytes
using Vector = std::array<double, terms>;
using Matrix = std::array<Vector, terms>;

// The terms of a batch in seconds, according to the assumptions before anything has been learned.
Vector terms_of(bool mounts, std::uint64_t files, std::uint64_t bytes) {
  const StagingRates assumed;
  return {mounts ? assumed.mount_seconds : 0, assumed.file_seconds * static_cast<double>(files),
          static_cast<double>(bytes) / assumed.bytes_per_second};
}

double product(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// Solves a * x = b by elimination. `a` is positive definite, so no pivoting is needed.
Vector solve(Matrix a, Vector b) {
  for (std::size_t pivot = 0; pivot < terms; ++pivot)
    for (std::size_t row = pivot + 1; row < terms; ++row) {
      const double factor = a[row][pivot] / a[pivot][pivot];
      for (std::size_t column = pivot; column < terms; ++column) a[row][column] -= factor * a[pivot][column];
      b[row] -= factor * b[pivot];
    }
  Vector x{};
  for (std::size_t row = terms; row-- > 0;) {
    double rest = b[row];
    for (std::size_t column = row + 1; column < terms; ++column) rest -= a[row][column] * x[column];
    x[row] = rest / a[row][row];
  }
  return x;
}

double weight_of(std::size_t age) { return std::exp2(-static_cast<double>(age) / 30); }

// Returns the factors of the assumptions that fit best: weighted least squares of relative errors, drawn towards one common
// factor as strongly as by a tenth of a batch, so that terms that the batches cannot tell apart keep their proportion.
Vector fit(std::span<const StagedBatch> log, double common) {
  std::array<bool, terms> is_free{true, true, true};
  Vector factors{};
  for (std::size_t round = 0; round < terms; ++round) {
    Matrix a{};
    Vector b{};
    for (std::size_t t = 0; t < terms; ++t) {
      a[t][t] = is_free[t] ? 0.1 : 1;
      b[t] = is_free[t] ? 0.1 : 0;
    }
    for (std::size_t i = 0; i < log.size(); ++i) {
      const auto& batch = log[i];
      const Vector x = terms_of(batch.mounts, batch.files, batch.bytes);
      const double size = std::max(1e-9, common * (x[0] + x[1] + x[2])), weight = weight_of(log.size() - 1 - i);
      for (std::size_t t = 0; t < terms; ++t) {
        if (!is_free[t]) continue;
        const double share = common * x[t] / size;
        b[t] += weight * share * batch.seconds / size;
        for (std::size_t u = 0; u < terms; ++u)
          if (is_free[u]) a[t][u] += weight * share * common * x[u] / size;
      }
    }
    factors = solve(a, b);
    bool negative = false;
    for (std::size_t t = 0; t < terms; ++t)
      if (is_free[t] && factors[t] < 0) {
        is_free[t] = false;
        negative = true;
      }
    if (!negative) break;
  }
  for (double& factor : factors) factor = std::max(0.0, factor) * common;
  return factors;
}

double quantile(std::vector<double>& values, double share) {
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

// Notes how the times of groups of five tasks differ from the expected ones.
template <class Rates>
void add_spread(std::span<const StagedBatch> log, const std::function<double(const StagedBatch&)>& expected_of, Rates& rates) {
  constexpr std::size_t group = 5;
  std::vector<double> ratios;
  for (std::size_t first = 0; first + group <= log.size(); ++first) {
    double seen = 0, expected = 0;
    for (const auto& batch : log.subspan(first, group)) {
      seen += batch.seconds;
      expected += expected_of(batch);
    }
    if (expected > 0) ratios.push_back(seen / expected);
  }
  if (ratios.empty()) return;
  rates.low = std::min(1.0, quantile(ratios, 0.1));
  rates.high = std::max(1.0, quantile(ratios, 0.9));
}

}  // namespace

double seconds_of(const StagingRates& rates, bool mounts, std::uint64_t files, std::uint64_t bytes) {
  return (mounts ? rates.mount_seconds : 0) + rates.file_seconds * static_cast<double>(files) +
         static_cast<double>(bytes) / rates.bytes_per_second;
}

StagingRates learn_rates(std::span<const StagedBatch> log) {
  StagingRates rates;
  double seen = 0, assumed = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const Vector x = terms_of(log[i].mounts, log[i].files, log[i].bytes);
    seen += weight_of(log.size() - 1 - i) * log[i].seconds;
    assumed += weight_of(log.size() - 1 - i) * (x[0] + x[1] + x[2]);
  }
  if (!(seen > 0) || !(assumed > 0)) return rates;
  Vector factors = fit(log, seen / assumed);
  // The sum of the times is met exactly: what matters is the sum of many batches.
  double expected = 0;
  for (std::size_t i = 0; i < log.size(); ++i)
    expected += weight_of(log.size() - 1 - i) * product(factors, terms_of(log[i].mounts, log[i].files, log[i].bytes));
  if (expected > 0)
    for (double& factor : factors) factor *= seen / expected;
  rates.mount_seconds *= factors[0];
  rates.file_seconds *= factors[1];
  rates.bytes_per_second /= std::max(1e-6, factors[2]);
  rates.batches = log.size();
  const auto known = rates;
  add_spread(
      log, [&](const StagedBatch& b) { return seconds_of(known, b.mounts, b.files, b.bytes); }, rates);
  return rates;
}

DecodeRate learn_decode_rate(std::span<const StagedBatch> log) {
  DecodeRate rate;
  double seconds = 0, bytes = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    seconds += weight_of(log.size() - 1 - i) * log[i].seconds;
    bytes += weight_of(log.size() - 1 - i) * static_cast<double>(log[i].bytes);
  }
  if (!(seconds > 0) || !(bytes > 0)) return rate;
  rate.bytes_per_second = std::max(1e3, bytes / seconds);  // an absurd report must not stop estimates
  rate.tasks = log.size();
  add_spread(
      log, [speed = rate.bytes_per_second](const StagedBatch& b) { return static_cast<double>(b.bytes) / speed; }, rate);
  return rate;
}

}  // namespace mole::coordinator::leases
