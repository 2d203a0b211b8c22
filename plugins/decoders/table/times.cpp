#include "times.hpp"

#include "cell.hpp"

#include <cctz/civil_time.h>

#include <algorithm>
#include <array>

namespace mole::plugins::table {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::string_view specifications = "YymdebHMSfzsTF%";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Removes a number of `least` to `most` digits from the front of the text.
std::optional<int> take_number(std::string_view& text, std::size_t least, std::size_t most) {
  int number = 0;
  std::size_t digits = 0;
  for (; digits < most && digits < text.size() && is_digit(text[digits]); ++digits) number = number * 10 + (text[digits] - '0');
  if (digits < least) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

// Removes the digits of a fraction of a second; digits beyond microseconds are dropped.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  std::int64_t unit = second_us, fraction = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) fraction += (unit /= 10) * (text[digits] - '0');
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return fraction;
}

// Removes Z, UTC, +02:00, +0200 or +02: seconds east of UTC.
std::optional<int> take_offset(std::string_view& text) {
  for (const std::string_view zero : {"Z", "z", "UTC", "GMT"})
    if (text.starts_with(zero)) {
      text.remove_prefix(zero.size());
      return 0;
    }
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2, 2);
  if (!hours || *hours > 14) return std::nullopt;
  if (text.starts_with(':')) text.remove_prefix(1);
  const auto minutes = text.empty() || !is_digit(text[0]) ? std::optional(0) : take_number(text, 2, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

std::optional<int> take_month(std::string_view& text) {
  constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                    "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto same = [&](std::string_view month) {
    return text.size() >= 3 &&
           std::equal(month.begin(), month.end(), text.begin(), [](char a, char b) { return a == (b | 0x20); });
  };
  const auto found = std::ranges::find_if(months, same);
  if (found == months.end()) return std::nullopt;
  text.remove_prefix(3);
  return static_cast<int>(found - months.begin()) + 1;
}

bool assign(int& to, std::optional<int> number) {
  if (number) to = *number;
  return number.has_value();
}

}  // namespace

Result<Times> Times::make(const std::string& format, const std::string& zone) {
  Times times;
  constexpr std::array<std::string_view, 5> units{"auto", "seconds", "milliseconds", "microseconds", "nanoseconds"};
  if (const auto found = std::ranges::find(units, format); found != units.end()) {
    times.unit_ = static_cast<TimeUnit>(found - units.begin());
  } else {
    if (format.find('%') == format.npos)
      return invalid("the parameter time is \"" + format +
                     "\"; give auto, seconds, milliseconds, microseconds, nanoseconds, or a format such as %Y-%m-%d %H:%M:%S");
    for (std::size_t at = format.find('%'); at != format.npos; at = format.find('%', at + 2))
      if (at + 1 == format.size() || specifications.find(format[at + 1]) == specifications.npos)
        return invalid("the parameter time contains \"" + format.substr(at, 2) +
                       "\"; use %Y %y %m %d %e %b %H %M %S %f %z %s %T %F %%");
    times.format_ = format;
  }
  if (!cctz::load_time_zone(zone, &times.zone_))
    return invalid("the parameter zone is \"" + zone + "\", which is not installed here; give a name such as Europe/Zurich");
  times.utc_ = times.zone_ == cctz::utc_time_zone();
  return times;
}

std::optional<std::int64_t> Times::from_number(std::int64_t number, TimeUnit unit) const {
  if (unit_ != TimeUnit::any) unit = unit_;
  if (number < 0) return std::nullopt;
  constexpr std::int64_t largest_seconds = 100'000'000'000;  // the year 5138; as milliseconds, 1973
  if (unit == TimeUnit::any)
    unit = number < largest_seconds               ? TimeUnit::seconds
           : number < largest_seconds * 1000      ? TimeUnit::milliseconds
           : number < largest_seconds * 1'000'000 ? TimeUnit::microseconds
                                                  : TimeUnit::nanoseconds;
  const std::int64_t factor = unit == TimeUnit::seconds ? second_us : unit == TimeUnit::milliseconds ? 1000 : 1;
  if (unit == TimeUnit::nanoseconds) number /= 1000;
  return number < end_of_time / factor ? std::optional(number * factor) : std::nullopt;
}

std::optional<std::int64_t> Times::parse(std::string_view text, TimeUnit unit) {
  if (format_.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    if (digits == text.size() || text[digits] == '.') {
      const auto whole = parse_decimal(text.substr(0, digits), 1);
      if (!whole) return std::nullopt;
      const auto time = from_number(*whole, unit);
      if (digits == text.size() || !time) return time;
      if (unit_ != TimeUnit::any) unit = unit_;
      if (unit == TimeUnit::any)
        unit = *time / second_us == *whole ? TimeUnit::seconds
               : *time / 1000 == *whole    ? TimeUnit::milliseconds
                                           : TimeUnit::microseconds;
      if (unit > TimeUnit::milliseconds)  // digits beyond microseconds are dropped, but have to be digits
        return parse_decimal(text, 1) ? time : std::nullopt;
      return parse_decimal(text, unit == TimeUnit::milliseconds ? 1000 : second_us);
    }
    if (unit_ != TimeUnit::any) return std::nullopt;
  }
  const auto fields = read(text);
  return fields ? to_time(*fields) : std::nullopt;
}

std::optional<Times::Fields> Times::read(std::string_view text) const {
  constexpr std::string_view date_and_time = "%Y-%m-%d %T";
  Fields f;
  std::string_view format = format_.empty() ? date_and_time : std::string_view(format_);
  bool expanded = false;   // format is that of %T or %F
  std::string_view after;  // what follows %T or %F in the format
  while (true) {
    if (format.empty()) {
      if (!expanded) break;
      expanded = false;
      format = after;
      continue;
    }
    const char c = format[0];
    if (c != '%') {
      if (text.empty()) return std::nullopt;
      const bool separator =
          format_.empty() && ((c == '-' && text[0] == '/') || (c == ' ' && (text[0] == 'T' || text[0] == 't')));
      if (text[0] != c && !separator) return std::nullopt;
      text.remove_prefix(1);
      format.remove_prefix(1);
      continue;
    }
    const char what = format[1];
    format.remove_prefix(2);
    bool good = true;
    switch (what) {
      case 'T':
        after = format;
        format = "%H:%M:%S";
        expanded = true;
        break;
      case 'F':
        after = format;
        format = "%Y-%m-%d";
        expanded = true;
        break;
      case 'Y':
        good = assign(f.year, take_number(text, 4, 4));
        break;
      case 'y':
        good = assign(f.year, take_number(text, 2, 2));
        f.year += f.year < 70 ? 2000 : 1900;
        break;
      case 'm':
        good = assign(f.month, take_number(text, 1, 2));
        break;
      case 'b':
        good = assign(f.month, take_month(text));
        break;
      case 'e':
        if (text.starts_with(' ')) text.remove_prefix(1);
        [[fallthrough]];
      case 'd':
        good = assign(f.day, take_number(text, 1, 2));
        break;
      case 'H':
        good = assign(f.hour, take_number(text, 1, 2));
        break;
      case 'M':
        good = assign(f.minute, take_number(text, 2, 2));
        break;
      case 'S':
        good = assign(f.second, take_number(text, 2, 2));
        // A fraction, unless the format has something to say about what follows.
        if (good && text.size() > 1 && text[0] == '.' && is_digit(text[1]) && !format.starts_with('.')) {
          text.remove_prefix(1);
          f.microseconds = *take_fraction(text);
        }
        break;
      case 'f': {
        const auto fraction = take_fraction(text);
        good = fraction.has_value();
        f.microseconds = fraction.value_or(0);
        break;
      }
      case 'z':
        f.offset = take_offset(text);
        good = f.offset.has_value();
        break;
      case 's': {
        std::size_t digits = 0;
        while (digits < text.size() && is_digit(text[digits])) ++digits;
        f.epoch = parse_decimal(text.substr(0, digits), 1);
        good = f.epoch.has_value();
        text.remove_prefix(digits);
        break;
      }
      default:
        good = text.starts_with('%');
        if (good) text.remove_prefix(1);
    }
    if (!good) return std::nullopt;
  }
  if (format_.empty() && !text.empty()) {
    if (text[0] == ' ') text.remove_prefix(1);
    f.offset = take_offset(text);
    if (!f.offset) return std::nullopt;
  }
  return text.empty() ? std::optional(f) : std::nullopt;
}

std::optional<std::int64_t> Times::to_time(const Fields& f) {
  if (f.epoch) {
    const auto time = *f.epoch < end_of_time / second_us ? std::optional(*f.epoch * second_us + f.microseconds) : std::nullopt;
    return time;
  }
  const cctz::civil_second civil(f.year, f.month, f.day, f.hour, f.minute, f.second);
  // A civil time out of range is normalised: February 30th would be in March. Leap seconds are the next second.
  const bool leap = f.second == 60;
  const auto same = leap ? civil - 1 : civil;
  if (same.year() != f.year || same.month() != f.month || same.day() != f.day || same.hour() != f.hour ||
      same.minute() != f.minute || same.second() != (leap ? 59 : f.second))
    return std::nullopt;
  const std::int64_t local = (civil - cctz::civil_second(1970, 1, 1)) * second_us + f.microseconds;
  if (!f.offset) return from_local(local);
  const auto time = local - *f.offset * second_us;
  return time >= 0 && time < end_of_time ? std::optional(time) : std::nullopt;
}

std::optional<std::int64_t> Times::from_local(std::int64_t local) {
  if (local < 0 || local >= end_of_time) return std::nullopt;
  if (utc_) return local;
  const auto minute = local / (60 * second_us);
  if (minute != known_minute_) {
    const auto civil = cctz::civil_second(1970, 1, 1) + minute * 60;
    const auto found = zone_.lookup(civil);
    const auto second = found.pre.time_since_epoch().count();
    known_minute_ = minute;
    offset_ =
        found.kind == cctz::time_zone::civil_lookup::UNIQUE ? std::optional((minute * 60 - second) * second_us) : std::nullopt;
  }
  if (!offset_ || local < *offset_) return std::nullopt;
  return local - *offset_;
}

}  // namespace mole::plugins::table
