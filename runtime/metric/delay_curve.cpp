#include "runtime/metric/delay_curve.hpp"

#include <algorithm>

namespace mole::runtime {

DelayCurve::DelayCurve(const std::vector<DelayPoint>& points) {
  double integral = 0;
  for (const auto& p : points) {
    if (!points_.empty())
      integral += static_cast<double>(p.delay - points_.back().delay) * (p.share + points_.back().share) / 2;
    points_.push_back({p.delay, p.share, integral});
  }
}

std::vector<DelayCurve::Point>::const_iterator DelayCurve::after(Micros delay) const {
  return std::upper_bound(points_.begin(), points_.end(), delay, [](Micros d, const Point& p) { return d < p.delay; });
}

double DelayCurve::share(Micros delay) const {
  const auto next = after(delay);
  if (next == points_.begin()) return 0;
  const auto& last = *std::prev(next);
  if (next == points_.end()) return last.share;
  return last.share + (next->share - last.share) * (static_cast<double>(delay - last.delay) / static_cast<double>(next->delay - last.delay));
}

double DelayCurve::integral(Micros delay) const {
  const auto next = after(delay);
  if (next == points_.begin()) return 0;
  const auto& last = *std::prev(next);
  return last.integral + static_cast<double>(delay - last.delay) * (last.share + share(delay)) / 2;
}

double DelayCurve::share_exported(TimeRange interval, TimeRange exported) const {
  const auto until = [&](Micros t) { return integral(t - interval.from) - integral(t - interval.to); };
  return (until(exported.to) - until(exported.from)) / static_cast<double>(interval.to - interval.from);
}

}  // namespace mole::runtime
