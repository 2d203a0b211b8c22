// Series, statistics, periods of a profile and the simplex search, with known values.
#include <gtest/gtest.h>
#include <mole/series.hpp>
#include <mole/statistics/elementary.hpp>
#include <mole/statistics/minimise.hpp>
#include <mole/statistics/profile.hpp>
#include <mole/statistics/statistics.hpp>

#include "tests/sdk/saved.hpp"

namespace {

using mole::Point;
using mole::Series;
using mole::Time;

// One batch of rows: (start, value, coverage).
Series series_of(const std::vector<Point>& points) {
  std::vector<double> value, coverage;
  std::vector<Time> start;
  for (const auto& p : points) value.push_back(p.value), coverage.push_back(p.weight), start.push_back(p.start);
  Series s;
  s.add(mole::Values("values", value, coverage, start));
  return s;
}

TEST(Series, DoesNotDependOnOrder) {
  const std::vector<Point> points{{{30}, 1, 1}, {{10}, -0.0, 0.5}, {{20}, 7, 1}, {{20}, 3, 1}, {{0}, 9, 0}, {{40}, 2, 0.25}};
  const auto whole = series_of(points);
  ASSERT_EQ(whole.size(), 5u);  // values without coverage are not kept
  EXPECT_EQ(whole.points()[0].start.us, 10);
  EXPECT_FALSE(std::signbit(whole.points()[0].value));
  EXPECT_EQ(whole.points()[1].value, 3);
  for (std::size_t cut = 0; cut <= points.size(); ++cut) {
    auto left = series_of({points.begin(), points.begin() + static_cast<std::ptrdiff_t>(cut)});
    auto right = series_of({points.begin() + static_cast<std::ptrdiff_t>(cut), points.end()});
    auto other = right;
    other.merge(left);
    left.merge(right);
    EXPECT_EQ(saved(left), saved(whole));
    EXPECT_EQ(saved(other), saved(whole));
  }
}

TEST(Series, ReturnsPartsByTime) {
  const auto s = series_of({{{10}, 1, 1}, {{20}, 2, 1}, {{30}, 3, 1}});
  EXPECT_EQ(s.before({20}).size(), 1u);
  EXPECT_EQ(s.before({5}).size(), 0u);
  EXPECT_EQ(s.between({10}, {30}).size(), 2u);
  EXPECT_EQ(s.between({30}, {10}).size(), 0u);
}

TEST(Series, RejectsInvalidBytes) {
  const auto bytes = saved(series_of({{{10}, 1, 1}, {{20}, 2, 1}}));
  EXPECT_EQ(loaded<Series>(bytes).size(), 2u);
  const auto with = [&](std::size_t at, const auto& value) {
    auto changed = bytes;
    std::memcpy(changed.data() + at, &value, sizeof value);
    return changed;
  };
  EXPECT_THROW(loaded<Series>(with(8, std::int64_t{30})), mole::Failure);  // out of order
  EXPECT_THROW(loaded<Series>(with(16, std::numeric_limits<double>::quiet_NaN())), mole::Failure);
  EXPECT_THROW(loaded<Series>(with(16, -0.0)), mole::Failure);
  EXPECT_THROW(loaded<Series>(with(24, 0.0)), mole::Failure);
  EXPECT_THROW(loaded<Series>(with(24, 1.5)), mole::Failure);
  EXPECT_THROW(loaded<Series>(with(0, std::uint64_t{1} << 60)), mole::Failure);
  EXPECT_THROW(loaded<Series>(bytes.substr(0, bytes.size() - 1)), mole::Failure);
}

TEST(Grid, PutsPointsIntoCellsAndLeavesGaps) {
  const auto s = series_of({{{-5}, 1, 1}, {{12}, 2, 1}, {{14}, 6, 0.5}, {{35}, 9, 0.25}, {{50}, 1, 1}});
  const auto g = mole::grid_of(s.points(), {100}, 10, {40}, 0.1);
  EXPECT_EQ(g.first, -10);
  ASSERT_EQ(g.size(), 5u);
  EXPECT_EQ(g.value[0], 1);
  EXPECT_FALSE(g.has(1));
  EXPECT_DOUBLE_EQ(g.value[2], (2 + 3) / 1.5);  // several in one cell: their weighted mean
  EXPECT_DOUBLE_EQ(g.weight[2], 0.75);
  EXPECT_FALSE(g.has(3));
  EXPECT_EQ(g.value[4], 9);
  EXPECT_FALSE(mole::grid_of(s.points(), {100}, 10, {40}, 0.3).has(4));
  EXPECT_EQ(mole::grid_of(s.points(), {100}, 10, {40}, 0, 2).size(), 2u);
  EXPECT_EQ(mole::grid_of(s.points(), {0}, 10, {-5}).size(), 0u);
  EXPECT_EQ(mole::grid_of(s.points(), {0}, 0, {40}).size(), 0u);
}

TEST(Grid, IsDueOnMultiplesSinceTheEpoch) {
  EXPECT_TRUE(mole::is_due({86'400'000'000}, 86'400));
  EXPECT_FALSE(mole::is_due({86'400'000'001}, 86'400));
  EXPECT_TRUE(mole::is_due({-3'600'000'000}, 3'600));
  EXPECT_TRUE(mole::is_due({17}, 0));
}

// Abramowitz and Stegun, tables 26.1 and 26.8, and the closed form P(X > x) = e^(-x/2) with two degrees of freedom.
TEST(Statistics, HaveTheTabulatedDistributions) {
  EXPECT_NEAR(mole::normal_point(0.025), 1.959963984540054, 1e-14);
  EXPECT_NEAR(mole::normal_point(0.975), -1.959963984540054, 1e-14);
  EXPECT_NEAR(mole::normal_point(1e-9), 5.997807015007687, 1e-12);
  EXPECT_EQ(mole::normal_point(0.5), 0);
  EXPECT_NEAR(mole::normal_tail(1), 0.15865525393145707, 1e-15);
  EXPECT_NEAR(mole::chi_square_tail(3.841458820694124, 1), 0.05, 1e-12);
  EXPECT_NEAR(mole::chi_square_tail(18.307038053275146, 10), 0.05, 1e-12);
  EXPECT_NEAR(mole::chi_square_tail(124.34211340400407, 100), 0.05, 1e-12);
  for (const double x : {0.01, 1.0, 5.0, 40.0}) EXPECT_NEAR(mole::chi_square_tail(x, 2) / std::exp(-x / 2), 1, 1e-12);
  EXPECT_EQ(mole::chi_square_tail(0, 3), 1);
  EXPECT_EQ(mole::normal_tail(1e200), 0);
  EXPECT_EQ(mole::normal_tail(-1e200), 1);
}

// Compares with the C library in long double. Results are the same bits on all machines because of the operations used.
TEST(Elementary, HaveTheDocumentedAccuracy) {
  const auto relative_error = [](double x, long double truth) {
    return static_cast<double>(std::abs(x - truth) / std::abs(truth));
  };
  for (int i = -3000; i <= 3000; ++i) {
    const double x = std::exp2(i / 100.0), y = i / 30.0;
    const auto truth = std::log(static_cast<long double>(x));
    EXPECT_NEAR(mole::log(x), static_cast<double>(truth), 0x1p-50 * std::max(1.0, std::abs(static_cast<double>(truth)))) << x;
    EXPECT_LT(relative_error(mole::log1p(x), std::log1p(static_cast<long double>(x))), 0x1p-45) << x;
    EXPECT_LT(relative_error(mole::exp(y), std::exp(static_cast<long double>(y))), (4 + std::abs(y)) * 0x1p-52) << y;
    if (i == 0) continue;
    EXPECT_LT(relative_error(mole::expm1(y), std::expm1(static_cast<long double>(y))), (4 + std::abs(y)) * 0x1p-52) << y;
    EXPECT_LT(relative_error(mole::expm1(x * 1e-9), std::expm1(static_cast<long double>(x * 1e-9))), (4 + x) * 0x1p-52) << x;
    EXPECT_LT(relative_error(mole::tanh(y), std::tanh(static_cast<long double>(y))), 0x1p-50) << y;
  }
  for (int k = 1; k < 2000; ++k) {
    const auto truth = std::lgamma(static_cast<long double>(k) / 2);
    EXPECT_NEAR(mole::log_gamma(k / 2.0), static_cast<double>(truth),
                0x1p-48 * std::max(1.0, std::abs(static_cast<double>(truth))))
        << k;
  }
  EXPECT_EQ(mole::log(0), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(mole::log(-1)) && std::isnan(mole::exp(mole::log(-1))));
  EXPECT_EQ(mole::exp(1e9), std::numeric_limits<double>::infinity());
  EXPECT_EQ(mole::exp(-1e9), 0);
  EXPECT_EQ(mole::tanh(-1e300), -1);
  EXPECT_NEAR(mole::log(5e-324), -744.4400719213812, 1e-12);
}

TEST(Statistics, HaveMediansWithAndWithoutWeights) {
  std::vector<double> odd{3, 1, 2}, even{4, 1, 3, 2};
  EXPECT_EQ(mole::median_of(odd), 2);
  EXPECT_EQ(mole::median_of(even), 2.5);
  EXPECT_EQ(mole::weighted_median({{1, 1}, {2, 1}, {3, 1}, {4, 1}}), 2.5);
  EXPECT_EQ(mole::weighted_median({{9, 3}, {1, 1}, {2, 1}}), 9);
  EXPECT_EQ(mole::weighted_median({{5, 0.1}}), 5);
  EXPECT_DOUBLE_EQ(mole::spread_of(std::vector<double>{1, 2, 3, 4, 100}, 3), mole::normal_spread);
  EXPECT_EQ(mole::spread_of({}, 3), 0);
}

// Rosenbrock's function: minimum 0 at (1, 1).
TEST(Minimise, FindsTheMinimumOfRosenbrocksFunction) {
  const auto f = [](const std::vector<double>& x) { return 100 * std::pow(x[1] - x[0] * x[0], 2) + std::pow(1 - x[0], 2); };
  const auto found = mole::minimise(f, {-1.2, 1}, 0.5, 1e-10, 2000);
  EXPECT_NEAR(found.at[0], 1, 1e-6);
  EXPECT_NEAR(found.at[1], 1, 1e-6);
}

TEST(Minimise, AvoidsNonFiniteValuesAndStopsAtTheLimit) {
  int calls = 0;
  const auto f = [&](const std::vector<double>& x) { return ++calls, x[0] <= 0 ? std::nan("") : x[0] - std::log(x[0]); };
  EXPECT_NEAR(mole::minimise(f, {0.1}, 0.5, 1e-10, 500).at[0], 1, 1e-4);
  calls = 0;
  mole::minimise(f, {0.1}, 0.5, 0, 50);
  EXPECT_LE(calls, 60);
}

}  // namespace
