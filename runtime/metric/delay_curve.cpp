#include "runtime/metric/delay_curve.hpp"

#include <algorithm>

namespace mole::runtime {

DelayCurve::DelayCurve(const std::vector<DelayPoint>& points, Micros longest) {
  for (const auto& p : points) add(p);
  if (longest >= points_.back().delay) return;
  const double within = share(longest);
  points_.clear();
  for (const auto& p : points)
    if (p.delay < longest && within > 0) add({p.delay, p.share / within});
  add({longest, 1});
}

void DelayCurve::add(DelayPoint p) {
  const auto area = [&](const Point& last) { return static_cast<double>(p.delay - last.delay) * (p.share + last.share) / 2; };
  const double integral = points_.empty() ? 0 : points_.back().integral + area(points_.back());
  points_.push_back({p.delay, p.share, integral});
}

std::vector<DelayCurve::Point>::const_iterator DelayCurve::after(Micros delay) const {
  return std::upper_bound(points_.begin(), points_.end(), delay, [](Micros d, const Point& p) { return d < p.delay; });
}

double DelayCurve::share(Micros delay) const {
  const auto next = after(delay);
  if (next == points_.begin()) return 0;
  const auto& last = *std::prev(next);
  if (next == points_.end()) return last.share;
  return last.share +
         (next->share - last.share) * (static_cast<double>(delay - last.delay) / static_cast<double>(next->delay - last.delay));
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
