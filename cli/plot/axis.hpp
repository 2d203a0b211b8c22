// Where the ticks of an axis stand and what they say.
#pragma once

#include "sdk/descriptor/time.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

struct ValueTick {
  double at = 0;
  std::string label;  // in the axis' unit
};

struct ValueAxis {
  double low = 0, high = 1;  // ends, at ticks
  std::vector<ValueTick> ticks;
  std::string unit;  // "MB", "10⁶ flow", "10¹² B²"; "" if there is nothing to say
};

// An axis of about `most` ticks at round numbers that shows [low, high], both within 1e300; from zero unless that would
// flatten the lines.
ValueAxis value_axis(double low, double high, std::string_view unit, int most);

struct TimeTick {
  Micros at = 0;
  std::string time;  // "18:00"; of ticks at whole days "22 Sep"
  std::string date;  // second line: "22 Sep 2007" where the day (of day ticks: the year) begins, else ""
};

// At most `most` ticks at round times of UTC: minutes to hours, days, Mondays, firsts of months, years.
std::vector<TimeTick> time_ticks(TimeRange range, int most);

// "B^2/s" -> "B²/s".
std::string pretty_unit(std::string_view unit);

}  // namespace mole::cli
