#include "anomaly.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <random>

using mole::testkit::run;
using mole::testkit::ValueTable;

namespace {

constexpr std::int64_t quarter = 900'000'000;
constexpr int per_day = 96, per_week = 7 * per_day;

// Traffic with daily and weekly seasons and proportional autocorrelated noise (AR(1), 0.6), the same on every machine.
ValueTable traffic(int weeks, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto normal = [&] {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) / 9007199254740992.0;
    return sum;
  };
  ValueTable t;
  double noise = 0;
  for (int i = 0; i < weeks * per_week; ++i) {
    const int hour = i % per_day / 4, weekday = (i / per_day + 3) % 7;
    noise = 0.6 * noise + 0.8 * normal();
    const double shape = (hour >= 7 && hour < 19 ? 10 : 2) * (weekday < 5 ? 1.0 : 0.3);
    t.rows.push_back({1000 * shape * std::exp(0.05 * noise), 1, {i * quarter}});
  }
  return t;
}
mole::testkit::Given<Anomaly> at(int i) {
  return {.params = {.logarithmic = true}, .contexts = {}, .interval = {{i * quarter}, {(i + 1) * quarter}}};
}
// The four weeks that end with the row, as a window contains them.
ValueTable window(const ValueTable& t, int i) {
  return t.part(static_cast<std::size_t>(std::max(0, i + 1 - 4 * per_week)), static_cast<std::size_t>(i + 1));
}

}  // namespace

TEST(Anomaly, FlagsOnlyDistantValues) {
  auto t = traffic(5, 1);
  const int i = 4 * per_week + 3 * per_day + 50;
  EXPECT_EQ(run<Anomaly>(window(t, i), at(i)).alarm, false);
  for (const double factor : {0.3, 2.0}) {
    auto changed = t;
    *changed.rows[static_cast<std::size_t>(i)].value *= factor;
    const auto row = run<Anomaly>(window(changed, i), at(i));
    EXPECT_EQ(row.alarm, true) << factor;
    EXPECT_EQ(*row.score > 0, factor > 1);
    EXPECT_LT(*row.p, 1e-4);
  }
}

TEST(Anomaly, GivesOnlyAnExpectedValueInAGap) {
  auto t = traffic(5, 2);
  const int i = 4 * per_week + 7;
  auto gap = t;
  gap.rows[static_cast<std::size_t>(i)] = {0.0, 0, {i * quarter}};
  const auto row = run<Anomaly>(window(gap, i), at(i));
  EXPECT_EQ(row.score, std::nullopt);
  EXPECT_EQ(row.alarm, std::nullopt);
  EXPECT_NEAR(*row.expected / *t.rows[static_cast<std::size_t>(i)].value, 1, 0.3);
  EXPECT_LT(row.low, row.expected);
  EXPECT_GT(row.high, row.expected);
}

TEST(Anomaly, IsNullWithoutHistory) {
  const auto t = traffic(1, 3);
  EXPECT_EQ(run<Anomaly>(window(t, 600), at(600)).score, std::nullopt);
  EXPECT_EQ(run<Anomaly>(window(t, 0), at(0)).expected, std::nullopt);
}

TEST(Anomaly, FlagsAStepInASeriesWithoutNoise) {
  ValueTable t;
  for (int i = 0; i < 4 * per_week; ++i) t.rows.push_back({7, 1, {i * quarter}});
  EXPECT_EQ(run<Anomaly>(t, at(4 * per_week - 1)).alarm, false);
  t.rows.back().value = 8;
  EXPECT_EQ(run<Anomaly>(t, at(4 * per_week - 1)).alarm, true);
}

TEST(Anomaly, CanRequireSeveralHits) {
  auto t = traffic(5, 4);
  const int i = 4 * per_week + 400;
  *t.rows[static_cast<std::size_t>(i)].value *= 3;
  auto given = at(i);
  given.params.hits = 2, given.params.of = 3;
  EXPECT_EQ(run<Anomaly>(window(t, i), given).alarm, false);
  *t.rows[static_cast<std::size_t>(i - 2)].value *= 3;
  EXPECT_EQ(run<Anomaly>(window(t, i), given).alarm, true);
}

// At 2 false alarms per week, two weeks for each of eight seeds have 32 on average, and a quarter of the rows 8.
TEST(Anomaly, KeepsItsRateOfFalseAlarms) {
  int alarms = 0;
  for (std::uint64_t seed = 100; seed < 108; ++seed) {
    const auto t = traffic(6, seed);
    for (int i = 4 * per_week; i < 6 * per_week; i += 4) {  // every fourth row
      auto given = at(i);
      given.params.false_alarms_per_week = 2;
      alarms += run<Anomaly>(window(t, i), given).alarm == true;
    }
  }
  EXPECT_LE(alarms, 16);
}

TEST(Anomaly, SatisfiesTheLaws) {
  auto t = traffic(3, 5).part(0, 40);
  t.rows[3].coverage = 0;
  t.rows[5].value = std::nullopt;
  std::swap(t.rows[7], t.rows[20]);
  auto given = at(39);
  given.params.season = "none";
  mole::testkit::check_laws<Anomaly>(t, given);
}
