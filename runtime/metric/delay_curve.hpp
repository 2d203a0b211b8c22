// A cumulative distribution of the export delay and its integral.
#pragma once

#include "sdk/model/export_delay.hpp"
#include "sdk/model/time.hpp"

#include <vector>

namespace mole::runtime {

class DelayCurve {
 public:
  // `points`: valid (problem_of), linear in between. The distribution is that of the flows exported at most `longest` (>= 0)
  // after their start or end.
  DelayCurve(const std::vector<DelayPoint>& points, Micros longest);

  // Returns the share of flows exported at most `delay` after their start or end.
  double share(Micros delay) const;
  // Returns the share of the flows of an interval, if they are spread evenly over it, that are exported in `exported`.
  double share_exported(TimeRange interval, TimeRange exported) const;
  Micros longest() const { return points_.back().delay; }

 private:
  struct Point {
    Micros delay;
    double share, integral;  // of the share from 0 to the delay, in us
  };
  void add(DelayPoint point);
  double integral(Micros delay) const;
  // The first point after `delay`, or past the last one.
  std::vector<Point>::const_iterator after(Micros delay) const;

  std::vector<Point> points_;
};

}  // namespace mole::runtime
