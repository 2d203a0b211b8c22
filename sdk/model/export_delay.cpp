#include "sdk/model/export_delay.hpp"

namespace mole {

ExportDelay default_export_delay() {
  return {{{0, 0}, {15 * second_us, 0.35}, {minute_us, 0.8}, {5 * minute_us, 0.93}, {30 * minute_us, 0.98}, {31 * minute_us, 1}},
          {{0, 0.1}, {15 * second_us, 0.85}, {minute_us, 1}}};
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
