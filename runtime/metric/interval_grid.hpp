// The intervals of a block: of equal length and aligned to the Unix epoch.
#pragma once

#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <cstdint>

namespace mole::runtime {

class IntervalGrid {
 public:
  IntervalGrid() = default;
  // invalid unless the interval is positive and divides the range, and the range starts at a multiple of it.
  static Result<IntervalGrid> over(TimeRange range, Micros interval) {
    if (interval <= 0 || range.empty() || (range.to - range.from) % interval != 0 || floor_to(range.from, interval) != range.from)
      return invalid("interval " + format_duration(interval) + " does not divide the block " + format_time(range.from) + "/" +
                     format_time(range.to) + " into equal intervals; choose one that divides the block's start and length");
    if ((range.to - range.from) / interval > 10'000'000)
      return invalid("interval " + format_duration(interval) +
                     " divides the block into more than ten million intervals; choose a longer one");
    return IntervalGrid(range, interval);
  }

  TimeRange range() const { return range_; }
  Micros interval() const { return interval_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>((range_.to - range_.from) / interval_); }
  bool contains(Micros t) const { return t >= range_.from && t < range_.to; }
  // `t` is in range().
  std::uint32_t index_of(Micros t) const { return static_cast<std::uint32_t>((t - range_.from) / interval_); }
  TimeRange at(std::uint32_t i) const {
    const Micros from = range_.from + static_cast<Micros>(i) * interval_;
    return {from, from + interval_};
  }

 private:
  IntervalGrid(TimeRange range, Micros interval) : range_(range), interval_(interval) {}

  TimeRange range_;
  Micros interval_ = 1;
};

}  // namespace mole::runtime
