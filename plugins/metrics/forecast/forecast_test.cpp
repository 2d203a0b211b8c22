#include "forecast.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <random>

using mole::testkit::run;
using mole::testkit::ValueTable;

namespace {

constexpr std::int64_t hour = 3'600'000'000;

// International airline passengers in thousands by month, 1949 to 1960: Box and Jenkins (1976), series G.
const std::vector<double> passengers{
    112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118, 115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140,
    145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166, 171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194,
    196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201, 204, 188, 235, 227, 234, 264, 302, 293, 259, 229, 203, 229,
    242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278, 284, 277, 317, 313, 318, 374, 413, 405, 355, 306, 271, 306,
    315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336, 340, 318, 362, 348, 363, 435, 491, 505, 404, 359, 310, 337,
    360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405, 417, 391, 419, 461, 472, 535, 622, 606, 508, 461, 390, 432};

mole::Grid grid_of_values(const std::vector<double>& x) { return {0, hour, x, std::vector<double>(x.size(), 1)}; }

// Hourly values with daily and weekly seasons, growth and noise, the same on every machine.
ValueTable traffic(int hours, std::uint64_t seed, double noise) {
  std::mt19937_64 random(seed);
  ValueTable t;
  for (int i = 0; i < hours; ++i) {
    double normal = -6;
    for (int k = 0; k < 12; ++k) normal += static_cast<double>(random() >> 11) / 9007199254740992.0;
    const double shape = 1000 + 40.0 * (i % 24) - (i / 24 % 7 > 4 ? 500 : 0);
    t.rows.push_back({shape + 0.5 * i + noise * normal, 1, {i * hour}});
  }
  return t;
}
mole::testkit::Given<Forecast> at(int i) { return {.params = {}, .contexts = {}, .interval = {{i * hour}, {(i + 1) * hour}}}; }

}  // namespace

// R's HoltWinters(AirPassengers, seasonal = "mult"): alpha 0.2755925, beta 0.03269295, gamma 0.8707292; a 469.3232, b 3.0215,
// s1 .. s12 as below. The states follow from the smoothing; the fitted smoothing differs slightly, since the minimum is flat.
TEST(Forecast, MatchesHoltWintersOfRForTheAirPassengers) {
  const auto g = grid_of_values(passengers);
  const mole::HoltWinters model(g, 12, true);
  const mole::Smoothing published{0.2755925, 0.03269295, 0.8707292, 1};
  double best = 0;
  const auto s = model.run(published, 1, nullptr, &best);
  EXPECT_NEAR(s.level, 469.3232206, 1e-4);
  EXPECT_NEAR(s.trend, 3.0215391, 1e-5);
  const double season[] = {0.9464611, 0.8829239, 0.9717369, 1.0304825, 1.0476884, 1.1805272,
                           1.3590778, 1.3331706, 1.1083381, 0.9868813, 0.8361333, 0.9209877};
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(s.season[i], season[i], 1e-6) << i;
  EXPECT_NEAR(model.forecast(s, published, 1), (469.3232206 + 3.0215391) * 0.9464611, 1e-3);
  EXPECT_NEAR(model.forecast(s, published, 14), (469.3232206 + 14 * 3.0215391) * 0.8829239, 1e-3);

  const auto found = model.fit(1, false, 1e-9, 4000);
  double squares = 0;
  model.run(found, 1, nullptr, &squares);
  EXPECT_LE(squares, best * (1 + 1e-6));
  EXPECT_NEAR(found.level, published.level, 2e-3);
  EXPECT_NEAR(found.trend, published.trend, 2e-3);
  EXPECT_NEAR(found.season, published.season, 5e-3);
}

// Without noise the additive model is exact for any smoothing: level, slope and season continue.
TEST(Forecast, ContinuesALineAndASeasonExactly) {
  const auto t = traffic(24 * 28, 1, 0);
  for (const double ahead : {0.0, 86'400.0, 3 * 86'400.0}) {
    auto given = at(24 * 28 - 1);
    given.params.ahead = ahead;
    given.params.damped = false;
    const auto row = run<Forecast>(t, given);
    EXPECT_NEAR(*row.error, 0, 1) << ahead;  // of about 2,000
    EXPECT_LT(*row.scaled_error, 0.05);
  }
}

TEST(Forecast, ContinuesThroughGaps) {
  auto t = traffic(24 * 28, 2, 0);
  for (int i = 0; i < 24 * 28; ++i)
    if (i % 50 < 7 || (i > 400 && i < 440)) t.rows[static_cast<std::size_t>(i)] = {0.0, 0, {i * hour}};
  auto given = at(24 * 28);
  given.params.ahead = 0;
  given.params.damped = false;
  const auto row = run<Forecast>(t, given);
  EXPECT_NEAR(*row.forecast, *traffic(24 * 28 + 1, 2, 0).rows.back().value, 25);
  EXPECT_EQ(row.error, std::nullopt);
}

// The interval contains 95 % of the values forecast one day ahead. 160 trials: expected 152, standard deviation 2.8.
TEST(Forecast, CoversTheStatedShareOfValues) {
  int inside = 0, trials = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto t = traffic(24 * 36, seed, 60);
    for (int i = 24 * 28; i < 24 * 36; i += 12, ++trials) {
      const auto row = run<Forecast>(t.part(static_cast<std::size_t>(i - 24 * 28 + 1), static_cast<std::size_t>(i + 1)), at(i));
      const double value = *t.rows[static_cast<std::size_t>(i)].value;
      inside += *row.low <= value && value <= *row.high;
      EXPECT_LT(*row.scaled_error, 1);
    }
  }
  EXPECT_GE(inside, trials * 90 / 100);
  EXPECT_LE(inside, trials * 99 / 100);
}

// Holt's linear method without a season, with alpha and beta 0.5, computed by hand. y 1 2 4 4 -> level 2, trend 1;
// then 3.5, 1.25; then 4.375, 1.0625.
TEST(Forecast, MatchesHoltsMethodWithoutASeason) {
  const auto g = grid_of_values({1, 2, 4, 4});
  const mole::HoltWinters model(g, 1, false);
  const mole::Smoothing half{0.5, 0.5, 0, 1};
  const auto s = model.run(half, 1, nullptr);
  EXPECT_DOUBLE_EQ(s.level, 4.375);
  EXPECT_DOUBLE_EQ(s.trend, 1.0625);
  EXPECT_DOUBLE_EQ(model.forecast(s, half, 3), 4.375 + 3 * 1.0625);
  const mole::Smoothing damped{0.5, 0.5, 0, 0.5};
  const auto d = model.run(damped, 1, nullptr);
  EXPECT_DOUBLE_EQ(model.forecast(d, damped, 2), d.level + 0.75 * d.trend);
}

TEST(Forecast, IsNullWithTooLittleHistory) {
  EXPECT_EQ(run<Forecast>(traffic(24 * 14, 1, 1), at(24 * 14)).forecast, std::nullopt);
  EXPECT_EQ(run<Forecast>(ValueTable{}, at(24 * 14)).forecast, std::nullopt);
}

TEST(Forecast, RejectsSeasonsThatAreNotAWholeNumberOfIntervals) {
  auto given = at(0);
  given.params.season = "month";
  EXPECT_THROW(mole::testkit::Metric<Forecast> metric(given), mole::testkit::CallFailed);
  given.params.season = "day";
  given.interval.end.us = 7 * 60'000'000;
  EXPECT_THROW(run<Forecast>(traffic(30, 1, 1), given), mole::testkit::CallFailed);
}

TEST(Forecast, SatisfiesTheLaws) {
  auto t = traffic(40, 5, 10);
  t.rows[3].coverage = 0;
  t.rows[5].value = std::nullopt;
  std::swap(t.rows[7], t.rows[20]);
  auto given = at(40);
  given.params.season = "none", given.params.ahead = 0;
  mole::testkit::check_laws<Forecast>(t, given);
}
