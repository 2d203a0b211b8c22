// minimise: finds the minimum of a smooth function of a few variables without derivatives, by the simplex method of Nelder and
// Mead (1965), restarted once at its result. Deterministic.
//
//   double root_of_four() {
//     const auto squares = [](const std::vector<double>& x) { return (x[0] * x[0] - 4) * (x[0] * x[0] - 4); };
//     return mole::minimise(squares, {1}, 0.5, 1e-9, 100).at[0];
//   }
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace mole {

struct Minimum {
  std::vector<double> at;
  double value;
};

namespace detail {

// One descent. Decrements `evaluations`.
template <class F>
Minimum descend(const F& f, const Minimum& from, double step, double tolerance, int& evaluations) {
  const std::size_t n = from.at.size();
  const auto value = [&](const std::vector<double>& x) {
    --evaluations;
    const double v = f(x);
    return std::isfinite(v) ? v : std::numeric_limits<double>::max();
  };
  std::vector<Minimum> corner{from};
  for (std::size_t i = 0; i < n; ++i) {
    auto x = from.at;
    x[i] += step;
    const double v = value(x);
    corner.push_back({std::move(x), v});
  }
  const auto lower = [](const Minimum& a, const Minimum& b) { return a.value != b.value ? a.value < b.value : a.at < b.at; };
  while (evaluations > 0) {
    std::sort(corner.begin(), corner.end(), lower);
    double width = 0;
    for (std::size_t i = 0; i < n; ++i) width = std::max(width, std::abs(corner[n].at[i] - corner[0].at[i]));
    if (width <= tolerance && corner[n].value - corner[0].value <= tolerance * (std::abs(corner[0].value) + tolerance)) break;

    std::vector<double> centre(n);
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t i = 0; i < n; ++i) centre[i] += corner[k].at[i] / static_cast<double>(n);
    const auto along = [&](double t) {  // from the centre away from the worst corner
      Minimum m{centre, 0};
      for (std::size_t i = 0; i < n; ++i) m.at[i] += t * (centre[i] - corner[n].at[i]);
      m.value = value(m.at);
      return m;
    };
    Minimum reflected = along(1);
    if (reflected.value < corner[0].value) {
      Minimum further = along(2);
      corner[n] = further.value < reflected.value ? std::move(further) : std::move(reflected);
    } else if (reflected.value < corner[n - 1].value) {
      corner[n] = std::move(reflected);
    } else {
      const bool outside = reflected.value < corner[n].value;
      Minimum nearer = along(outside ? 0.5 : -0.5);
      if (nearer.value < std::min(reflected.value, corner[n].value)) {
        corner[n] = std::move(nearer);
      } else {
        for (std::size_t k = 1; k <= n; ++k) {
          for (std::size_t i = 0; i < n; ++i) corner[k].at[i] = corner[0].at[i] + 0.5 * (corner[k].at[i] - corner[0].at[i]);
          corner[k].value = value(corner[k].at);
        }
      }
    }
  }
  return *std::min_element(corner.begin(), corner.end(), lower);
}

}  // namespace detail

// `start` must not be empty; `step` is the size of the first simplex. Stops when the size of the simplex and the relative
// difference of its values are below `tolerance`, or after about `evaluations` calls. Values that are not finite count as
// infinitely large.
template <class F>
Minimum minimise(const F& f, const std::vector<double>& start, double step, double tolerance, int evaluations) {
  Minimum best = detail::descend(f, {start, f(start)}, step, tolerance, evaluations);
  return evaluations > 0 ? detail::descend(f, best, step / 4, tolerance, evaluations) : best;
}

}  // namespace mole
