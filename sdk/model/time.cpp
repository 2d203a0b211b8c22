#include "sdk/model/time.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace mole {
namespace {

// Removes a decimal number from the front; returns false if there is none or it is too large.
bool take_number(std::string_view& text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data() || text.front() == '-') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Removes a number of exactly `digits` digits.
bool take_fixed(std::string_view& text, std::size_t digits, std::int64_t& value) {
  if (text.size() < digits) return false;
  auto head = text.substr(0, digits);
  if (!take_number(head, value) || !head.empty()) return false;
  text.remove_prefix(digits);
  return true;
}

bool take_fraction(std::string_view& text, Micros& micros) {
  std::int64_t unit = 100'000;
  bool any = false;
  micros = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    micros += (text.front() - '0') * unit;
    unit /= 10;
    any = true;
    text.remove_prefix(1);
  }
  return any;
}

Error bad_time(std::string_view text) {
  return invalid("'" + std::string(text) +
                 "' is not a time: write 2007-09-22T20:00:00Z, 2007-09-22T20, 2007-09-22 or @1190487600");
}

struct Unit {
  std::string_view name;
  Micros micros;
};
constexpr std::array units{Unit{"ms", 1000},   Unit{"us", 1},     Unit{"s", second_us}, Unit{"m", minute_us},
                           Unit{"h", hour_us}, Unit{"d", day_us}, Unit{"w", 7 * day_us}};

Result<Micros> iso_duration(std::string_view whole) {
  auto text = whole.substr(1);
  Micros total = 0;
  bool time = false;
  while (!text.empty()) {
    if (!time && take_char(text, 'T')) {
      time = true;
      continue;
    }
    std::int64_t n = 0;
    if (!take_number(text, n) || text.empty() || n > 1'000'000'000) break;
    const char u = text.front();
    text.remove_prefix(1);
    Micros unit = 0;
    if (!time)
      unit = u == 'W' ? 7 * day_us : u == 'D' ? day_us : 0;
    else
      unit = u == 'H' ? hour_us : u == 'M' ? minute_us : u == 'S' ? second_us : 0;
    Micros part = 0;
    if (unit == 0 || __builtin_mul_overflow(n, unit, &part) || __builtin_add_overflow(total, part, &total)) break;
    if (text.empty()) return total;
  }
  return invalid("'" + std::string(whole) + "' is not a duration: write P7D, PT15M, or 15m, 12h, 7d");
}

}  // namespace

Result<Micros> parse_time(std::string_view whole) {
  auto text = whole;
  if (take_char(text, '@')) {
    const bool negative = take_char(text, '-');
    std::int64_t seconds = 0;
    if (!take_number(text, seconds) || seconds > 200'000'000'000) return bad_time(whole);
    Micros micros = 0;
    if (take_char(text, '.') && !take_fraction(text, micros)) return bad_time(whole);
    if (!text.empty()) return bad_time(whole);
    const Micros t = seconds * second_us + micros;
    return negative ? -t : t;
  }
  std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_fixed(text, 4, year) || !take_char(text, '-') || !take_fixed(text, 2, month) || !take_char(text, '-') ||
      !take_fixed(text, 2, day))
    return bad_time(whole);
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(year)},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return bad_time(whole);
  Micros micros = 0;
  if (take_char(text, 'T') || take_char(text, ' ')) {
    if (!take_fixed(text, 2, hour)) return bad_time(whole);
    if (take_char(text, ':')) {
      if (!take_fixed(text, 2, minute)) return bad_time(whole);
      if (take_char(text, ':')) {
        if (!take_fixed(text, 2, second)) return bad_time(whole);
        if (take_char(text, '.') && !take_fraction(text, micros)) return bad_time(whole);
      }
    }
  }
  Micros offset = 0;
  if (!take_char(text, 'Z') && !text.empty()) {
    const bool west = text.front() == '-';
    if (!take_char(text, '+') && !take_char(text, '-')) return bad_time(whole);
    std::int64_t oh = 0, om = 0;
    if (!take_fixed(text, 2, oh)) return bad_time(whole);
    take_char(text, ':');
    if (!take_fixed(text, 2, om) || oh > 14 || om > 59) return bad_time(whole);
    offset = (oh * hour_us + om * minute_us) * (west ? -1 : 1);
  }
  if (!text.empty() || hour > 23 || minute > 59 || second > 60) return bad_time(whole);
  const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  return days * day_us + hour * hour_us + minute * minute_us + second * second_us + micros - offset;
}

Result<Micros> parse_duration(std::string_view whole) {
  if (whole.starts_with('P')) return iso_duration(whole);
  auto text = whole;
  Micros total = 0;
  const auto bad = [&] { return invalid("'" + std::string(whole) + "' is not a duration: write 15m, 12h, 7d or 1h30m"); };
  if (text.empty()) return bad();
  while (!text.empty()) {
    std::int64_t n = 0;
    if (!take_number(text, n)) return bad();
    const Unit* found = nullptr;
    for (const auto& unit : units)
      if (text.starts_with(unit.name) && (!found || unit.name.size() > found->name.size())) found = &unit;
    Micros part = 0;
    if (!found || __builtin_mul_overflow(n, found->micros, &part) || __builtin_add_overflow(total, part, &total)) return bad();
    text.remove_prefix(found->name.size());
  }
  if (total == 0 && whole != "0s") return bad();
  return total;
}

Result<TimeRange> parse_range(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return invalid("'" + std::string(text) + "' is not a range: write FROM/TO or FROM/P7D");
  const auto from = parse_time(text.substr(0, slash));
  if (!from) return from.error();
  const auto rest = text.substr(slash + 1);
  if (rest.starts_with('P')) {
    const auto length = parse_duration(rest);
    if (!length) return length.error();
    return TimeRange{*from, *from + *length};
  }
  const auto to = parse_time(rest);
  if (!to) return to.error();
  if (*to <= *from) return invalid("'" + std::string(text) + "' is empty: the end must be after the start");
  return TimeRange{*from, *to};
}

std::string format_time(Micros t) {
  const Micros days = floor_div(t, day_us);
  Micros rest = t - days * day_us;
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  char text[48];
  const auto fraction = rest % second_us;
  rest /= second_us;
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(rest / 3600),
                static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
  std::string out = text;
  if (fraction != 0) {
    std::snprintf(text, sizeof text, ".%06d", static_cast<int>(fraction));
    out += text;
    while (out.back() == '0') out.pop_back();
  }
  return out + 'Z';
}

std::string format_duration(Micros d) {
  if (d == 0) return "0s";
  if (d < 0) return "-" + format_duration(-d);
  std::string out;
  for (const Unit unit :
       {Unit{"d", day_us}, Unit{"h", hour_us}, Unit{"m", minute_us}, Unit{"s", second_us}, Unit{"ms", 1000}, Unit{"us", 1}}) {
    if (const auto n = d / unit.micros) {
      out += std::to_string(n) + std::string(unit.name);
      d -= n * unit.micros;
    }
  }
  return out;
}

}  // namespace mole
