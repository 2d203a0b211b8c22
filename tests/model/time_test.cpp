#include "sdk/model/time.hpp"

#include <gtest/gtest.h>

namespace mole {
namespace {

constexpr Micros saturday_evening = 1190487600 * second_us;  // 2007-09-22T19:00:00Z

TEST(ParseTime, ReadsEveryForm) {
  for (const char* text : {"2007-09-22T19:00:00Z", "2007-09-22T19:00Z", "2007-09-22T19", "2007-09-22T19:00:00", "@1190487600",
                           "2007-09-22T21:00:00+02:00", "2007-09-22T14:30:00-04:30", "2007-09-22 19:00:00Z"}) {
    const auto t = parse_time(text);
    ASSERT_TRUE(t) << text;
    EXPECT_EQ(*t, saturday_evening) << text;
  }
  EXPECT_EQ(*parse_time("2007-09-22"), saturday_evening - 19 * hour_us);
  EXPECT_EQ(*parse_time("1969-12-31T23:59:59.5Z"), -500'000);
  EXPECT_EQ(*parse_time("@-1"), -second_us);
}

TEST(ParseTime, RejectsInvalidText) {
  for (const char* text : {"", "2007", "2007-13-01", "2007-02-29", "2007-09-22T25", "2007-09-22Tx", "yesterday", "@", "@12x",
                           "2007-09-22T19:00:00Zjunk", "2007-09-22T19:60", "2007-09-22T19:00:00+99:00", "@99999999999999999999"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(ParseDuration, ReadsShortAndIsoForms) {
  EXPECT_EQ(*parse_duration("15m"), 15 * minute_us);
  EXPECT_EQ(*parse_duration("1h30m"), 90 * minute_us);
  EXPECT_EQ(*parse_duration("7d"), 7 * day_us);
  EXPECT_EQ(*parse_duration("2w"), 14 * day_us);
  EXPECT_EQ(*parse_duration("250ms"), 250'000);
  EXPECT_EQ(*parse_duration("P7D"), 7 * day_us);
  EXPECT_EQ(*parse_duration("PT15M"), 15 * minute_us);
  EXPECT_EQ(*parse_duration("P1DT12H"), 36 * hour_us);
  EXPECT_EQ(*parse_duration("0s"), 0);
}

TEST(ParseDuration, RejectsInvalidTextAndOverflow) {
  for (const char* text : {"", "15", "m", "-5m", "15 m", "5y", "P", "PT", "P5", "9223372036854775807d", "0m", "P0D5"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(ParseRange, ReadsBothForms) {
  EXPECT_EQ(*parse_range("2007-09-22T19/2007-09-22T20"), (TimeRange{saturday_evening, saturday_evening + hour_us}));
  EXPECT_EQ(*parse_range("2007-09-22T19/P7D"), (TimeRange{saturday_evening, saturday_evening + 7 * day_us}));
  EXPECT_FALSE(parse_range("2007-09-22T20/2007-09-22T19"));
  EXPECT_FALSE(parse_range("2007-09-22"));
}

TEST(FormatTime, RoundTrips) {
  for (const Micros t : {Micros{0}, saturday_evening, saturday_evening + 1, Micros{-1}, saturday_evening + 500'000}) {
    EXPECT_EQ(*parse_time(format_time(t)), t) << format_time(t);
  }
  EXPECT_EQ(format_time(saturday_evening), "2007-09-22T19:00:00Z");
  EXPECT_EQ(format_time(saturday_evening + 1500), "2007-09-22T19:00:00.0015Z");
}

TEST(FormatDuration, IsShortAndRoundTrips) {
  EXPECT_EQ(format_duration(90 * minute_us), "1h30m");
  EXPECT_EQ(format_duration(12 * hour_us), "12h");
  for (const Micros d : {Micros{1}, 1500 * Micros{1000}, 7 * day_us, 36 * hour_us + 5})
    EXPECT_EQ(*parse_duration(format_duration(d)), d);
}

TEST(FloorTo, WorksBeforeTheOrigin) {
  EXPECT_EQ(floor_to(-1, 10), -10);
  EXPECT_EQ(floor_to(5, 12, 6), -6);
  EXPECT_EQ(ceil_to(7, 12, 6), 18);
  EXPECT_EQ(ceil_to(6, 12, 6), 6);
  EXPECT_EQ(ceil_to(-10, 10), -10);
}

}  // namespace
}  // namespace mole
