#include "profile.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <random>

using mole::testkit::run;
using mole::testkit::ValueTable;

namespace {

constexpr std::int64_t hour = 3'600'000'000, day = 24 * hour;

ValueTable hours(int count, double (*value)(int)) {
  ValueTable t;
  for (int i = 0; i < count; ++i) t.rows.push_back({value(i), 1, {i * hour}});
  return t;
}
mole::testkit::Given<ProfileOfColumn> at(int i, const std::string& period) {
  return {.params = {.season = period}, .contexts = {}, .interval = {{i * hour}, {(i + 1) * hour}}};
}
double of_week(int i) {
  return 100 + 10.0 * (i % 24) - (i / 24 % 7 >= 2 && i / 24 % 7 < 4 ? 80 : 0);
}  // 1970-01-03 was a Saturday

}  // namespace

TEST(Profile, ExpectsTheUsualValueAtThisTimeOfTheWeek) {
  const auto t = hours(24 * 22, of_week);
  for (const int i : {24 * 21, 24 * 21 + 5}) {
    const auto row = run<ProfileOfColumn>(t, at(i, "week"));
    EXPECT_EQ(row.expected, of_week(i));
    EXPECT_EQ(row.residual, 0.0);
    EXPECT_EQ(row.count, 3u);
    EXPECT_EQ(row.strength, 1.0);
    EXPECT_EQ(row.low, row.high);
  }
}

TEST(Profile, ExcludesTheRowFromTheExpectedValue) {
  auto t = hours(24 * 22, of_week);
  t.rows.back().value = 1e6;
  const auto row = run<ProfileOfColumn>(t, at(24 * 22 - 1, "week"));
  EXPECT_EQ(row.expected, of_week(24 * 22 - 1));
  EXPECT_EQ(row.residual, 1e6 - of_week(24 * 22 - 1));
}

TEST(Profile, GivesAnExpectedValueInAGap) {
  auto t = hours(24 * 21, of_week);
  t.rows.push_back({std::nullopt, 0, {24 * 21 * hour}});
  const auto row = run<ProfileOfColumn>(t, at(24 * 21, "week"));
  EXPECT_EQ(row.expected, of_week(24 * 21));
  EXPECT_EQ(row.residual, std::nullopt);
}

TEST(Profile, WeightsByCoverage) {
  ValueTable t;
  for (int d = 0; d < 5; ++d) t.rows.push_back({d < 3 ? 1.0 : 9.0, d < 3 ? 0.3 : 1.0, {d * day}});
  EXPECT_EQ(run<ProfileOfColumn>(t, at(5 * 24, "day")).expected, 9.0);
}

TEST(Profile, ExplainsNothingOfPureNoise) {
  const auto noise = [](int i) { return static_cast<double>(std::mt19937_64(static_cast<std::uint64_t>(i))() % 1000); };
  EXPECT_LT(*run<ProfileOfColumn>(hours(24 * 28, noise), at(24 * 28, "week")).strength, 0.05);
}

// Months and years begin on their first day; 60 days after 1970-01-01 is 2 March.
TEST(Profile, FollowsTheCalendar) {
  const mole::Period month("month"), year("year"), week("week");
  EXPECT_EQ(month.phase(60 * day), 1 * day);
  EXPECT_EQ(month.phase(31 * day - 1), 31 * day - 1);
  EXPECT_EQ(year.phase(365 * day + hour), hour);
  EXPECT_EQ(year.phase(-hour), 365 * day - hour);
  EXPECT_EQ(week.phase(4 * day), 0);  // 1970-01-05 was a Monday
  EXPECT_EQ(week.phase(-4 * day + 3), 6 * day + 3);
  ValueTable t;
  for (int d = 0; d < 90; ++d) t.rows.push_back({d == 31 || d == 59 ? 5.0 : 1.0, 1, {d * day}});  // 1 February and 1 March
  const mole::testkit::Given<ProfileOfColumn> april{
      .params = {.season = "month"}, .contexts = {}, .interval = {{90 * day}, {91 * day}}};
  EXPECT_EQ(run<ProfileOfColumn>(t, april).expected, 5.0);  // medians of 1, 5, 5
}

TEST(Profile, RejectsNegativeValuesOnTheLogarithmicScale) {
  mole::testkit::Given<ProfileOfColumn> given = at(3, "none");
  given.params.logarithmic = true;
  EXPECT_THROW(run<ProfileOfColumn>(hours(3, [](int i) { return -1.0 * i; }), given), mole::testkit::CallFailed);
  EXPECT_NEAR(*run<ProfileOfColumn>(hours(3, [](int i) { return 10.0 * i; }), given).expected, 10, 1e-12);
}

TEST(Profile, SatisfiesTheLaws) {
  mole::testkit::check_laws<ProfileOfColumn>(
      mole::testkit::values("start value coverage\n 00:00:00 5 1\n 01:00:00 -1 0.5\n 02:00:00 null 1\n 03:00:00 3 0.2\n 05:00:00 "
                            "4 1\n 04:00:00 9 1"),
      at(5, "none"));
}
