// Where the ticks of an axis stand and what they say.
#pragma once

#include "sdk/model/time.hpp"

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
  bool log = false;          // places go by the logarithm
  std::vector<ValueTick> ticks;
  std::string unit;  // "MB", "10⁶ flow", "10¹² B²"; "" if there is nothing to say
};

// An axis of about `most` ticks at round numbers that shows [low, high], both within 1e300; from zero unless that would
// flatten the lines. Of amounts (B, bit/s, flow, packet, host, port, as) that is when they vary by less than 40 %, of all others
// unless they come near zero; these have some room above and below.
ValueAxis value_axis(double low, double high, std::string_view unit, int most);

// The same by the logarithm: powers of ten, of few decades also their two- and fivefold. Both ends are above zero.
ValueAxis log_axis(double low, double high, std::string_view unit, int most);

// Where a value stands, 0 at the foot and 1 at the top.
double place_of(const ValueAxis& axis, double value);

struct TimeTick {
  Micros at = 0;
  std::string time;  // "18:00"; of ticks at whole days "22 Sep"
  std::string date;  // second line: "22 Sep 2007" where the day (of day ticks: the year) begins, else ""
};

// At most `most` ticks at round times of UTC: minutes to hours, days, Mondays, firsts of months, years.
std::vector<TimeTick> time_ticks(TimeRange range, int most);

// Ticks of a day or a week that stands for all: "06:00", "Mon". Those of a week name the day that begins.
std::vector<TimeTick> day_ticks(Micros start, int most);
std::vector<TimeTick> weekday_ticks(Micros monday);

// "17 Sep 2007"
std::string date_text(Micros t);

// "B^2/s" -> "B²/s".
std::string pretty_unit(std::string_view unit);

}  // namespace mole::cli
