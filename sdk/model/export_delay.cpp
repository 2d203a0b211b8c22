#include "sdk/model/export_delay.hpp"

#include <array>
#include <cmath>
#include <numeric>

namespace mole {
namespace {

constexpr auto bounds =
    std::to_array<Micros>({1 * second_us,  2 * second_us,  3 * second_us,  5 * second_us,  7 * second_us,  10 * second_us,
                           15 * second_us, 20 * second_us, 30 * second_us, 45 * second_us, 1 * minute_us,  90 * second_us,
                           2 * minute_us,  3 * minute_us,  5 * minute_us,  7 * minute_us,  10 * minute_us, 15 * minute_us,
                           20 * minute_us, 25 * minute_us, 30 * minute_us, 31 * minute_us, 35 * minute_us, 45 * minute_us,
                           60 * minute_us, 90 * minute_us, 2 * hour_us,    3 * hour_us,    6 * hour_us});

constexpr double tolerance = 0.005;

// Whether a line from `a` to `b` passes all points between them closely enough.
bool is_straight(const std::vector<DelayPoint>& points, std::size_t a, std::size_t b) {
  for (std::size_t i = a + 1; i < b; ++i) {
    const double part =
        static_cast<double>(points[i].delay - points[a].delay) / static_cast<double>(points[b].delay - points[a].delay);
    if (std::abs(points[a].share + part * (points[b].share - points[a].share) - points[i].share) > tolerance) return false;
  }
  return true;
}

void add(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& from) {
  if (to.size() < from.size()) to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

}  // namespace

std::span<const Micros> delay_bounds() { return bounds; }

DelayCounts& DelayCounts::operator+=(const DelayCounts& other) {
  add(start, other.start);
  add(end, other.end);
  late += other.late;
  return *this;
}

std::vector<DelayPoint> distribution_of(const std::vector<std::uint64_t>& counts) {
  const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  std::vector<DelayPoint> points{{0, 0}};
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds.size() && i < counts.size() && points.back().share < 1; ++i) {
    below += counts[i];
    points.push_back({bounds[i], std::round(static_cast<double>(below) / all * 1e4) / 1e4});
  }
  points.back().share = 1;
  std::vector<DelayPoint> out{points.front()};
  for (std::size_t from = 0; from + 1 < points.size();) {
    std::size_t to = from + 1;
    while (to + 1 < points.size() && is_straight(points, from, to + 1)) ++to;
    out.push_back(points[to]);
    from = to;
  }
  return out;
}

ExportDelay default_export_delay() {
  return {{{0, 0}, {15 * second_us, 0.4}, {minute_us, 0.74}, {2 * minute_us, 0.82}, {31 * minute_us, 1}},
          {{0, 0}, {15 * second_us, 0.6}, {30 * second_us, 0.85}, {2 * minute_us, 0.93}, {31 * minute_us, 1}}};
}

std::string problem_of(const std::vector<DelayPoint>& points) {
  if (points.empty() || points.back().share != 1) return "must end with the share 1";
  DelayPoint before{-1, 0};
  for (const auto& point : points) {
    if (point.delay <= before.delay) return "must be in ascending order of delay, from 0s";
    if (!(point.share >= before.share && point.share <= 1)) return "must have shares in ascending order, from 0 to 1";
    before = point;
  }
  return {};
}

}  // namespace mole
