// Times and durations, and their text forms. All times are UTC in microseconds, all ranges half-open.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace mole {

using Micros = std::int64_t;  // time: since 1970-01-01T00:00:00Z; duration: length
inline constexpr Micros second_us = 1'000'000;
inline constexpr Micros minute_us = 60 * second_us;
inline constexpr Micros hour_us = 60 * minute_us;
inline constexpr Micros day_us = 24 * hour_us;

struct TimeRange {
  Micros from = 0, to = 0;  // [from, to)
  bool operator==(const TimeRange&) const = default;
  bool empty() const { return to <= from; }
  bool overlaps(TimeRange o) const { return from < o.to && o.from < to; }
  bool contains(Micros t) const { return from <= t && t < to; }
};

inline Micros floor_div(Micros a, Micros b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
inline Micros floor_to(Micros t, Micros step, Micros origin = 0) { return origin + floor_div(t - origin, step) * step; }
inline Micros ceil_to(Micros t, Micros step, Micros origin = 0) { return origin - floor_div(origin - t, step) * step; }

// RFC 3339 ("2007-09-22T20:00:00Z", with or without seconds, minutes, zone; an offset is applied), "2007-09-22",
// "2007-09-22T20", "@1190487600". invalid otherwise.
Result<Micros> parse_time(std::string_view text);
// "15m", "12h", "7d", "90s", "2w", "1h30m", "250ms", ISO 8601 "P7D" / "PT15M". invalid: zero, except "0s"; over 10,000 years.
Result<Micros> parse_duration(std::string_view text);
// "A/B", "A/P7D" or "A/12h". invalid: empty, or it ends after the year 9999.
Result<TimeRange> parse_range(std::string_view text);

std::string format_time(Micros t);      // "2007-09-22T20:00:00Z", fraction only if not zero
std::string format_duration(Micros d);  // "15m", "12h", "1h30m", "7d": the shortest form

}  // namespace mole
