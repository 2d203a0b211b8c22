// Elementary functions with the same result on every machine, like those of log2.hpp: a row must not depend on the processor or
// the C library of the node.
//
//   double growth(double level) { return mole::expm1(level); }   // not std::expm1
//
// They use only IEEE 754 additions, multiplications and divisions. std::sqrt is exact and needs no replacement.
#pragma once

#include <mole/statistics/log2.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace mole {

// Natural logarithm within 2^-50, relative or absolute, whichever is larger. -infinity for 0, NaN for negative numbers.
inline double log(double x) {
  if (!(x > 0)) return x == 0 ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (x > std::numeric_limits<double>::max()) return x;
  if (x < std::numeric_limits<double>::min()) return (log2(x * 0x1p54) - 54) * std::numbers::ln2;
  return log2(x) * std::numbers::ln2;
}
// e^x, within (4 + |x|) 2^-52 relative; 0 below 2^-1000, infinity above 2^1000.
inline double exp(double x) {
  const double t = x * std::numbers::log2e;
  if (t >= -1000 && t <= 1000) return exp2(t);
  return t < 0 ? 0 : t + std::numeric_limits<double>::infinity();  // NaN stays NaN
}
// log(1 + x) for x >= 0, within 2^-45 relative, including small x.
inline double log1p(double x) {
  const double y = 1 + x;
  return y == 1 || !(y <= std::numeric_limits<double>::max()) ? x : log(y) * (x / (y - 1));
}
// e^x - 1, as accurate as exp, including small x.
inline double expm1(double x) {
  if (!(std::abs(x) < 0.5)) return exp(x) - 1;
  double sum = 1;
  for (int k = 16; k >= 2; --k) sum = 1 + sum * x / k;
  return x * sum;
}
inline double tanh(double x) {
  const double grown = expm1(2 * std::min(std::abs(x), 20.0));
  return std::copysign(grown / (grown + 2), x);
}
// Logarithm of the gamma function for x > 0: Stirling's series (Abramowitz and Stegun 6.1.41) from 10 on, recurrence below.
inline double log_gamma(double x) {
  double below = 1;
  for (; x < 10; ++x) below *= x;
  const double y = 1 / (x * x);
  const double rest = 1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y * (1.0 / 1188 - y * (691.0 / 360'360)))));
  return (x - 0.5) * log(x) - x + 0.5 * log(2 * std::numbers::pi) + rest / x - log(below);
}

}  // namespace mole
