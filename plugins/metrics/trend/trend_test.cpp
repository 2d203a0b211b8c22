#include "trend.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <random>

using mole::testkit::run;
using mole::testkit::ValueTable;

namespace {

constexpr std::int64_t hour = 3'600'000'000, day = 24 * hour;

// Hourly values since the epoch; the row is the last hour.
ValueTable hourly(const std::vector<double>& x) {
  ValueTable t;
  for (std::size_t i = 0; i < x.size(); ++i) t.rows.push_back({x[i], 1, {static_cast<std::int64_t>(i) * hour}});
  return t;
}
mole::testkit::Given<Trend> at_end(std::size_t hours, const std::string& season) {
  const auto end = static_cast<std::int64_t>(hours) * hour;
  return {.params = {.season = season, .every = 0}, .contexts = {}, .interval = {{end - hour}, {end}}};
}
mole::Kendall plain(const std::vector<double>& x) {
  mole::Grid g{0, day, x, std::vector<double>(x.size(), 1)};
  return mole::kendall_of(mole::cycles_of(g, mole::Period("none")));
}

}  // namespace

// J. Little, Holy Cross, "A Mann-Kendall example (by hand)": S = 54, V = (14*13*33 - 2*1*9) / 18, Z = 2.9058.
TEST(Trend, MatchesATextbookMannKendallTest) {
  const auto k = plain({12.9, 14.8, 13.2, 15.7, 13.8, 15.6, 12.9, 11.0, 17.3, 15.9, 19.0, 18.3, 20.1, 21.7});
  EXPECT_EQ(k.s, 54);
  EXPECT_DOUBLE_EQ(k.variance, (14.0 * 13 * 33 - 2 * 1 * 9) / 18);
  EXPECT_NEAR((k.s - 1) / std::sqrt(k.variance), 2.9058, 5e-5);
  EXPECT_NEAR(k.p() / 2, 0.0018, 5e-5);
}

// P. K. Sen, Journal of the American Statistical Association 63 (1968), 1379-1389, section 6: x = 1 2 3 4 10 12 18,
// y = 9 15 19 20 45 55 78; the median of the 21 slopes is 4, the 93 % limits are 26/7 and 35/8.
TEST(Trend, MatchesTheExampleInSensPaper) {
  const double x[] = {1, 2, 3, 4, 10, 12, 18}, y[] = {9, 15, 19, 20, 45, 55, 78};
  mole::Grid g{0, day, std::vector<double>(18), std::vector<double>(18)};
  for (int i = 0; i < 7; ++i)
    g.value[static_cast<std::size_t>(x[i]) - 1] = y[i], g.weight[static_cast<std::size_t>(x[i]) - 1] = 1;
  const auto k = mole::kendall_of(mole::cycles_of(g, mole::Period("none")));
  EXPECT_EQ(k.slopes.size(), 21u);
  EXPECT_DOUBLE_EQ(k.slope(), 4);
  const auto [low, high] = *k.limits(0.93);
  EXPECT_DOUBLE_EQ(low, 26.0 / 7);
  EXPECT_DOUBLE_EQ(high, 35.0 / 8);
}

TEST(Trend, FindsALineDespiteSeasonGapsAndOutliers) {
  ValueTable t;
  for (int i = 0; i < 24 * 28; ++i) {
    double x = 100 + i / 24.0 * 2.5 + 30 * ((i % 24) > 7) - 20 * (i / 24 % 7 > 4);
    if (i % 97 == 0) x = 1e6;
    if (i > 200 && i < 260) continue;
    t.rows.push_back({x, 1, {i * hour}});
  }
  const auto row = run<Trend>(t, at_end(24 * 28, "week"));
  EXPECT_NEAR(*row.slope, 2.5, 1e-9);
  EXPECT_GT(*row.tau, 0.9);
  EXPECT_EQ(row.count, t.rows.size());
}

TEST(Trend, ExtendsTheLineToTheEndOfTheInterval) {
  std::vector<double> x;
  for (int i = 0; i < 240; ++i) x.push_back(7 + i / 24.0);
  const auto row = run<Trend>(hourly(x), at_end(240, "none"));
  EXPECT_NEAR(*row.slope, 1, 1e-12);
  EXPECT_NEAR(*row.level, 17, 1e-9);
  EXPECT_LE(*row.level_low, *row.level);
  EXPECT_GE(*row.level_high, *row.level);
  EXPECT_LT(*row.p, 1e-10);
}

// A value with one hundredth of the coverage has one hundredth of the weight.
TEST(Trend, WeightsByCoverage) {
  auto t = hourly({1, 2, 3, 4, 5, 6, 7, 8});
  for (std::size_t i = 0; i < 5; ++i)
    t.rows.push_back({1000.0 - 200 * static_cast<double>(i), 0.01, {static_cast<std::int64_t>(8 + i) * hour}});
  EXPECT_NEAR(*run<Trend>(t, at_end(13, "none")).slope, 24, 1e-9);
}

TEST(Trend, IsNullWithTooFewValuesOrWhenNotDue) {
  EXPECT_EQ(run<Trend>(hourly({1, 2}), at_end(2, "none")).slope, std::nullopt);
  EXPECT_EQ(run<Trend>(hourly(std::vector<double>(30, 1)), at_end(30, "week")).slope, std::nullopt);
  auto given = at_end(30, "none");
  given.params.every = 86'400;
  EXPECT_EQ(run<Trend>(hourly(std::vector<double>(30, 1)), given).slope, std::nullopt);
  given.interval = {{23 * hour}, {24 * hour}};
  EXPECT_EQ(run<Trend>(hourly(std::vector<double>(30, 1)), given).slope, 0.0);
}

// Without a season, 6,000 values have too many pairs: neighbouring values are averaged, and the slope stays the same.
TEST(Trend, LimitsTheNumberOfPairs) {
  std::vector<double> x;
  for (int i = 0; i < 6'000; ++i) x.push_back(i / 24.0);
  EXPECT_NEAR(*run<Trend>(hourly(x), at_end(x.size(), "none")).slope, 1, 1e-9);
}

// Noise that is autocorrelated by day (AR(1), 0.5) and the same for all hours of a day: without a trend, p < 0.05 in about one of
// twenty cases, and the 95 % limits contain the true slope 0 in about 95 % of the cases.
TEST(Trend, KeepsItsSignificanceLevelForDependentHours) {
  std::mt19937_64 random(7);
  const auto normal = [&] {  // by the central limit theorem, the same on every machine
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) / 9007199254740992.0;
    return sum;
  };
  int false_alarms = 0, inside = 0;
  const int trials = 200;
  for (int n = 0; n < trials; ++n) {
    mole::Grid g{0, hour, {}, {}};
    for (int d = 0; d < 42; ++d) {
      const double of_day = normal();
      for (int h = 0; h < 24; ++h) g.value.push_back(of_day + 0.3 * normal() + h), g.weight.push_back(1);
    }
    const auto k = mole::kendall_of(mole::cycles_of(g, mole::Period("day")));
    false_alarms += k.p() < 0.05;
    const auto limits = k.limits(0.95);
    inside += limits && limits->first <= 0 && limits->second >= 0;
  }
  EXPECT_LE(false_alarms, 24);  // expected 10, standard deviation 3
  EXPECT_GE(inside, trials - 26);
}

TEST(Trend, RejectsAnUnknownSeason) {
  try {
    mole::testkit::Metric<Trend> metric({.params = {.season = "fortnight"}, .contexts = {}, .interval = {}});
    FAIL();
  } catch (const mole::testkit::CallFailed& e) {
    EXPECT_NE(std::string(e.what()).find("use none, day, week, month or year"), std::string::npos) << e.what();
  }
}

TEST(Trend, SatisfiesTheLaws) {
  mole::testkit::check_laws<Trend>(mole::testkit::values("start value coverage\n 00:00:00 5 1\n 01:00:00 -1 0.5\n 02:00:00 null "
                                                         "1\n 03:00:00 3 0.2\n 05:00:00 4 1\n 04:00:00 9 1"),
                                   at_end(6, "none"));
}
