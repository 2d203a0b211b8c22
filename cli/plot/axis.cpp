#include "cli/plot/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace mole::cli {
namespace {

namespace chr = std::chrono;

constexpr std::string_view superscripts[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::string superscript(int value) {
  std::string out = value < 0 ? "⁻" : "";
  for (const char digit : std::to_string(std::abs(value))) out += superscripts[digit - '0'];
  return out;
}

// Returns a step of 1, 2 or 5 times a power of ten.
double round_step(double span, int max_ticks) {
  const double raw = span / max_ticks;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

// True for units that take SI prefixes: bytes, bits and seconds, also per second.
bool takes_prefix(std::string_view unit) {
  const auto head = unit.substr(0, unit.find('/'));
  return head == "B" || head == "bit" || head == "s";
}

// True for units of counts and sums, also per second and in powers: an axis that does not start at zero would be misleading.
// Plain "bit" is the unit of an entropy and is not an amount.
bool is_amount(std::string_view unit) {
  if (unit == "bit/s") return true;
  constexpr std::string_view amounts[] = {"B", "flow", "packet", "host", "port", "as"};
  return std::find(std::begin(amounts), std::end(amounts), unit.substr(0, unit.find_first_of("/^"))) != std::end(amounts);
}

std::string_view prefix_of(int exponent) {
  constexpr std::string_view prefixes[] = {"n", "µ", "m", "", "k", "M", "G", "T", "P", "E"};  // of 10^-9, 10^-6, ...
  return exponent >= -9 && exponent <= 18 ? prefixes[exponent / 3 + 3] : std::string_view();
}

// Returns the power of ten that labels are divided by: a multiple of three; 0 for numbers that are easy to read.
int label_exponent(double largest, std::string_view unit) {
  if (largest <= 0) return 0;
  const int exponent = static_cast<int>(std::floor(std::log10(largest) / 3 + 1e-9)) * 3;
  const bool prefix = takes_prefix(unit);
  if (!prefix && largest >= 0.01 && largest < 1e4) return 0;
  if (prefix && unit.substr(0, 1) != "s") return std::clamp(exponent, 0, 18);
  return prefix ? std::clamp(exponent, -9, 0) : exponent;
}

std::string unit_label(std::string_view unit, int exponent) {
  auto bare = unit == "1" ? std::string() : pretty_unit(unit);
  if (exponent == 0) return bare;
  if (takes_prefix(unit)) return std::string(prefix_of(exponent)) + bare;
  return "10" + superscript(exponent) + (bare.empty() ? "" : " " + bare);
}

std::string number_label(double value, double step) {
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  auto text = fmt::format("{:.{}f}", value, decimals);
  return text.starts_with('-') && text.find_first_not_of("-0.") == std::string::npos ? text.substr(1) : text;
}

// ---- time

constexpr Micros steps[] = {second_us,      5 * second_us,  15 * second_us, 30 * second_us, minute_us,   5 * minute_us,
                            15 * minute_us, 30 * minute_us, hour_us,        2 * hour_us,    3 * hour_us, 6 * hour_us,
                            12 * hour_us,   day_us,         2 * day_us,     7 * day_us,     14 * day_us};
constexpr Micros first_monday = 4 * day_us;  // 1970-01-05

chr::year_month_day date_of(Micros t) { return chr::sys_days(chr::days(floor_div(t, day_us))); }

std::string day_text(Micros t) {
  const auto date = date_of(t);
  return fmt::format("{} {}", static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1]);
}
int year_of(Micros t) { return static_cast<int>(date_of(t).year()); }

std::vector<TimeTick> ticks_by(Micros step, TimeRange range) {
  const Micros origin = step >= 7 * day_us ? first_monday : 0;
  std::vector<TimeTick> ticks;
  for (Micros t = ceil_to(range.from, step, origin); t <= range.to; t += step) {
    TimeTick tick{t, "", ""};
    const bool first = ticks.empty();
    if (step >= day_us) {
      tick.time = day_text(t);
      if (first || year_of(ticks.back().at) != year_of(t)) tick.date = std::to_string(year_of(t));
    } else {
      const auto second = t - floor_to(t, day_us);
      tick.time = fmt::format("{:02}:{:02}", second / hour_us, second / minute_us % 60);
      if (step < minute_us) tick.time += fmt::format(":{:02}", second / second_us % 60);
      if (first || floor_to(ticks.back().at, day_us) != floor_to(t, day_us))
        tick.date = fmt::format("{} {}", day_text(t), year_of(t));
    }
    ticks.push_back(std::move(tick));
  }
  // Drop the first date where it would touch the second one.
  if (step < day_us && ticks.size() > 1 && !ticks[1].date.empty()) ticks[0].date.clear();
  return ticks;
}

std::vector<TimeTick> ticks_by_months(int step, TimeRange range) {
  std::vector<TimeTick> ticks;
  int month = year_of(range.from) * 12 + static_cast<int>(static_cast<unsigned>(date_of(range.from).month())) - 1;
  for (month -= month % step;; month += step) {
    const auto name = static_cast<unsigned>(month % 12);
    const Micros t = chr::sys_days(chr::year(month / 12) / chr::month(name + 1) / 1).time_since_epoch().count() * day_us;
    if (t > range.to) return ticks;
    if (t < range.from) continue;
    TimeTick tick{t, step >= 12 ? std::to_string(month / 12) : std::string(months[name]), ""};
    if (step < 12 && (ticks.empty() || name == 0)) tick.date = std::to_string(month / 12);
    ticks.push_back(std::move(tick));
  }
}

}  // namespace

std::string pretty_unit(std::string_view unit) {
  std::string out;
  for (std::size_t i = 0; i < unit.size(); ++i) {
    if (unit[i] != '^') {
      out += unit[i];
      continue;
    }
    const bool minus = i + 1 < unit.size() && unit[i + 1] == '-';
    if (minus) out += "⁻", ++i;
    while (i + 1 < unit.size() && unit[i + 1] >= '0' && unit[i + 1] <= '9') out += superscripts[unit[++i] - '0'];
  }
  return out;
}

ValueAxis value_axis(double low, double high, std::string_view unit, int max_ticks) {
  // Amounts are compared by their height above zero; for an entropy or a ratio the differences matter.
  const double near_zero = is_amount(unit) ? 0.6 : 0.25;
  if (low > 0 && low <= near_zero * high) low = 0;
  if (high < 0 && high >= near_zero * low) high = 0;
  if (low == high) {
    const double room = low == 0 ? 1 : std::fabs(low) * 0.1;
    if (low != 0) low -= room;
    high += room;
  } else if (!is_amount(unit) && (low > 0 || high < 0)) {
    // Keep lines off the frame, except at 1, the maximum of a share.
    const bool share = low >= 0 && high <= 1 && (unit.empty() || unit == "1");
    const double room = 0.04 * (high - low);
    low -= room;
    high = share ? std::min(1.0, high + room) : high + room;
  }
  const double step = round_step(high - low, max_ticks);
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  ValueAxis axis;
  axis.low = first * step;
  axis.high = last * step;
  const int exponent = label_exponent(std::max(std::fabs(axis.low), std::fabs(axis.high)), unit);
  const double scale = std::pow(10.0, exponent);
  for (double i = first; i <= last; ++i) axis.ticks.push_back({i * step, number_label(i * step / scale, step / scale)});
  axis.unit = unit_label(unit, exponent);
  return axis;
}

ValueAxis log_axis(double low, double high, std::string_view unit, int max_ticks) {
  const auto power = [](double x) { return std::pow(10.0, x); };
  const int first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  const int last = std::max(first + 1, static_cast<int>(std::ceil(std::log10(high) - 1e-9)));
  ValueAxis axis;
  axis.log = true;
  axis.unit = unit == "1" ? "" : pretty_unit(unit);
  const bool takes_si_prefix = takes_prefix(unit);
  const auto label = [&](int exponent, int factor) {
    const int thousands = static_cast<int>(std::floor(exponent / 3.0)) * 3;
    if (takes_si_prefix && !prefix_of(thousands).data()) return std::string();
    if (takes_si_prefix) return fmt::format("{:g}{}", factor * power(exponent - thousands), prefix_of(thousands));
    if (exponent >= -2 && exponent <= 3) return fmt::format("{:g}", factor * power(exponent));
    return (factor == 1 ? "" : std::to_string(factor) + "·") + "10" + superscript(exponent);
  };
  const int step = std::max(1, (last - first + max_ticks - 1) / max_ticks);
  const bool few = (last - first) * 3 <= max_ticks;
  for (int exponent = first; exponent <= last; exponent += step)
    for (const int factor : {1, 2, 5})
      if (factor == 1 || (few && exponent < last)) axis.ticks.push_back({factor * power(exponent), label(exponent, factor)});
  axis.low = power(first);
  axis.high = power(last);
  if (!few) return axis;
  // Leave at most one tick of space beyond the data.
  while (axis.ticks.size() > 2 && axis.ticks[1].at <= low * (1 + 1e-9)) axis.ticks.erase(axis.ticks.begin());
  while (axis.ticks.size() > 2 && axis.ticks[axis.ticks.size() - 2].at >= high * (1 - 1e-9)) axis.ticks.pop_back();
  axis.low = axis.ticks.front().at;
  axis.high = axis.ticks.back().at;
  return axis;
}

double position_of(const ValueAxis& axis, double value) {
  if (axis.log) return (std::log(value) - std::log(axis.low)) / (std::log(axis.high) - std::log(axis.low));
  return (value - axis.low) / (axis.high - axis.low);
}

std::vector<TimeTick> day_ticks(Micros start, int max_ticks) {
  auto ticks = time_ticks({start, start + day_us}, max_ticks);
  for (auto& tick : ticks) tick.date.clear();
  return ticks;
}

std::vector<TimeTick> weekday_ticks(Micros monday) {
  constexpr std::string_view names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  std::vector<TimeTick> ticks;
  ticks.reserve(std::size(names));
  for (int day = 0; day < 7; ++day) ticks.push_back({monday + day * day_us, std::string(names[day]), ""});
  return ticks;
}

std::string date_text(Micros t) { return fmt::format("{} {}", day_text(t), year_of(t)); }

std::vector<TimeTick> time_ticks(TimeRange range, int max_ticks) {
  max_ticks = std::max(max_ticks, 1);
  const auto fits = [&](const std::vector<TimeTick>& ticks) { return ticks.size() <= static_cast<std::size_t>(max_ticks); };
  for (const auto step : steps)
    if ((range.to - range.from) / step <= max_ticks)
      if (auto ticks = ticks_by(step, range); fits(ticks)) return ticks;
  for (const int step : {1, 2, 3, 6, 12, 24, 60, 120})
    if (auto ticks = ticks_by_months(step, range); fits(ticks)) return ticks;
  return ticks_by_months(1200, range);
}

}  // namespace mole::cli
