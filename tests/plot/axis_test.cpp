#include "cli/plot/axis.hpp"

#include <gtest/gtest.h>

namespace mole::cli {
namespace {

constexpr Micros start = 1190484000 * second_us;  // 2007-09-22T18:00:00Z, a Saturday

std::string labels(const ValueAxis& axis) {
  std::string text;
  for (const auto& tick : axis.ticks) text += (text.empty() ? "" : " ") + tick.label;
  return text + (axis.unit.empty() ? "" : " " + axis.unit);
}

std::string labels(const std::vector<TimeTick>& ticks) {
  std::string text;
  for (const auto& tick : ticks) text += (text.empty() ? "" : ", ") + tick.time + (tick.date.empty() ? "" : "/" + tick.date);
  return text;
}

TEST(ValueAxis, UsesPrefixesForBytes) {
  EXPECT_EQ(labels(value_axis(0, 5.2e7, "B", 5)), "0 20 40 60 MB");
  EXPECT_EQ(labels(value_axis(10, 900, "B", 5)), "0.0 0.2 0.4 0.6 0.8 1.0 kB");
  EXPECT_EQ(labels(value_axis(0, 3e9, "B/s", 3)), "0 1 2 3 GB/s");
  EXPECT_EQ(labels(value_axis(0, 0.004, "s", 4)), "0 1 2 3 4 ms");
}

TEST(ValueAxis, UsesPowersOfTenForEverythingElse) {
  EXPECT_EQ(labels(value_axis(0, 8e4, "flow", 4)), "0 20 40 60 80 10³ flow");
  EXPECT_EQ(labels(value_axis(0, 4e12, "B^2", 4)), "0 1 2 3 4 10¹² B²");
  EXPECT_EQ(labels(value_axis(0, 5000, "flow", 5)), "0 1000 2000 3000 4000 5000 flow");
  EXPECT_EQ(labels(value_axis(0, 1, "1", 2)), "0.0 0.5 1.0");
}

TEST(ValueAxis, ShowsNearlyConstantValues) {
  EXPECT_EQ(labels(value_axis(995, 1005, "flow", 2)), "995 1000 1005 flow");
  EXPECT_EQ(labels(value_axis(0, 0, "", 2)), "0.0 0.5 1.0");
  EXPECT_EQ(labels(value_axis(-2, 1, "", 3)), "-2 -1 0 1");
}

TEST(ValueAxis, StartsAtZeroForAmountsAndNearTheValuesForOtherUnits) {
  EXPECT_EQ(labels(value_axis(6, 10, "bit", 5)), "5 6 7 8 9 10 11 bit");
  EXPECT_EQ(labels(value_axis(6, 10, "flow", 5)), "0 2 4 6 8 10 flow");
  EXPECT_EQ(labels(value_axis(6, 10, "B/s", 5)), "0 2 4 6 8 10 B/s");
  EXPECT_EQ(labels(value_axis(1, 10, "bit", 5)), "0 2 4 6 8 10 bit");
  EXPECT_EQ(labels(value_axis(6e6, 10e6, "bit/s", 5)), "0 2 4 6 8 10 Mbit/s");
  EXPECT_EQ(labels(value_axis(0.9, 0.999, "1", 5)), "0.85 0.90 0.95 1.00");  // a share is at most 1
  EXPECT_EQ(labels(value_axis(-10, -6, "bit", 5)), "-11 -10 -9 -8 -7 -6 -5 bit");
}

TEST(ValueAxis, AcceptsEveryFiniteRange) {
  for (const double low : {-1e300, -1e-300, 0.0, 1e-300, 1.0, 1e300})
    for (const double high : {low, low + 1, 1.0, 1e300, 9e299}) {
      if (high < low) continue;
      const auto axis = value_axis(low, high, "B", 5);
      EXPECT_LE(axis.ticks.size(), 20u) << low << " " << high;
      const double tolerance = (axis.high - axis.low) * 1e-8;
      EXPECT_LE(axis.low, low + tolerance);
      EXPECT_GE(axis.high, high - tolerance);
    }
}

TEST(LogAxis, HasTicksAtPowersOfTen) {
  EXPECT_EQ(labels(log_axis(3, 80'000, "flow", 6)), "1 10 100 1000 10⁴ 10⁵ flow");
  EXPECT_EQ(labels(log_axis(100, 5e9, "B", 5)), "100 10k 1M 100M 10G B");
  EXPECT_EQ(labels(log_axis(12, 900, "flow", 6)), "10 20 50 100 200 500 1000 flow");
  EXPECT_EQ(labels(log_axis(30, 60, "1", 5)), "20 50 100");
  EXPECT_EQ(labels(log_axis(1e-7, 1e-3, "1", 4)), "10⁻⁷ 10⁻⁶ 10⁻⁵ 10⁻⁴ 10⁻³");
}

TEST(LogAxis, AcceptsEveryPositiveRange) {
  for (const double low : {1e-300, 1e-9, 0.5, 1.0, 7.0, 1e299})
    for (const double high : {low, low * 1.001, low * 5, 1e300}) {
      const auto axis = log_axis(low, std::max(low, high), "B", 5);
      EXPECT_LE(axis.ticks.size(), 12u) << low << " " << high;
      EXPECT_LE(axis.low, low * (1 + 1e-9));
      EXPECT_GE(axis.high, high * (1 - 1e-9));
      EXPECT_NEAR(position_of(axis, axis.low), 0, 1e-12);
      EXPECT_NEAR(position_of(axis, axis.high), 1, 1e-12);
    }
}

TEST(DayAndWeekTicks, NameHoursAndDays) {
  EXPECT_EQ(labels(day_ticks(4 * day_us, 9)), "00:00, 03:00, 06:00, 09:00, 12:00, 15:00, 18:00, 21:00, 00:00");
  EXPECT_EQ(labels(weekday_ticks(4 * day_us)), "Mon, Tue, Wed, Thu, Fri, Sat, Sun");
}

TEST(TimeTicks, AreAtRoundTimes) {
  EXPECT_EQ(labels(time_ticks({start, start + 12 * hour_us}, 8)),
            "18:00/22 Sep 2007, 20:00, 22:00, 00:00/23 Sep 2007, 02:00, 04:00, 06:00");
  EXPECT_EQ(labels(time_ticks({start, start + 2 * day_us}, 5)), "00:00/23 Sep 2007, 12:00, 00:00/24 Sep 2007, 12:00");
  EXPECT_EQ(labels(time_ticks({start, start + 6 * day_us}, 8)), "23 Sep/2007, 24 Sep, 25 Sep, 26 Sep, 27 Sep, 28 Sep");
  EXPECT_EQ(labels(time_ticks({start, start + 21 * day_us}, 5)), "24 Sep/2007, 1 Oct, 8 Oct");
  EXPECT_EQ(labels(time_ticks({start, start + 150 * day_us}, 6)), "Oct/2007, Nov, Dec, Jan/2008, Feb");
  EXPECT_EQ(labels(time_ticks({start, start + 4 * 365 * day_us}, 6)), "2008, 2009, 2010, 2011");
  EXPECT_EQ(labels(time_ticks({start, start + 30 * second_us}, 3)), "18:00:00/22 Sep 2007, 18:00:15, 18:00:30");
}

TEST(TimeTicks, AreAtMostTheGivenNumber) {
  for (Micros length = second_us; length < 4000 * day_us; length = length * 3 / 2)
    for (const int max_ticks : {2, 5, 10})
      EXPECT_LE(time_ticks({start + 1, start + 1 + length}, max_ticks).size(), static_cast<std::size_t>(max_ticks)) << length;
}

TEST(PrettyUnit, FormatsPowers) {
  EXPECT_EQ(pretty_unit("B^2/s"), "B²/s");
  EXPECT_EQ(pretty_unit("s^-1"), "s⁻¹");
  EXPECT_EQ(pretty_unit("flow"), "flow");
}

}  // namespace
}  // namespace mole::cli
