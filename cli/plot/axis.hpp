// Positions and labels of axis ticks.
#pragma once

#include "sdk/model/time.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

struct ValueTick {
  double at = 0;
  std::string label;  // in the unit of the axis
};

struct ValueAxis {
  double low = 0, high = 1;  // both are ticks
  bool log = false;          // logarithmic
  std::vector<ValueTick> ticks;
  std::string unit;  // "MB", "10⁶ flow", "10¹² B²"; "" for a plain number
};

// Returns an axis of about `max_ticks` ticks at round numbers that covers [low, high], both within ±1e300. It starts at zero
// unless that would flatten the lines: for amounts (B, bit/s, flow, packet, host, port, as) if they vary by less than 40 %,
// for other units unless the values come near zero. Axes of other units have space above and below the lines.
ValueAxis value_axis(double low, double high, std::string_view unit, int max_ticks);

// Returns a logarithmic axis with ticks at powers of ten (with few decades also at 2 and 5 times these). low and high: positive.
ValueAxis log_axis(double low, double high, std::string_view unit, int max_ticks);

// Returns the position of a value: 0 at the bottom, 1 at the top.
double position_of(const ValueAxis& axis, double value);

struct TimeTick {
  Micros at = 0;
  std::string time;  // "18:00"; for ticks at whole days "22 Sep"
  std::string date;  // second line: "22 Sep 2007" where a day starts (for day ticks: "2007" where a year starts), else ""
};

// Returns at most `max_ticks` ticks at round times in UTC: minutes to hours, days, Mondays, first days of months, years.
std::vector<TimeTick> time_ticks(TimeRange range, int max_ticks);

// Ticks of the common day or week of an overlay: "06:00", "Mon". Week ticks name the day that starts there.
std::vector<TimeTick> day_ticks(Micros start, int max_ticks);
std::vector<TimeTick> weekday_ticks(Micros monday);

// "17 Sep 2007"
std::string date_text(Micros t);

// "B^2/s" -> "B²/s".
std::string pretty_unit(std::string_view unit);

}  // namespace mole::cli
