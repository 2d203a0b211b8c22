#include "variance.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::Given;
using mole::testkit::run;
using mole::testkit::values;
using mole::testkit::ValueTable;

TEST(Variance, IsOfThePopulationByDefault) {
  const auto row = run<Variance>(values("value\n 2\n 4\n 4\n 4\n 5\n 5\n 7\n 9"));
  EXPECT_EQ(row.variance, 4.0);
  EXPECT_EQ(row.count, 8u);
}

TEST(Variance, IsTheSquareOfTheStandardDeviation) {
  EXPECT_EQ(run<Variance>(values("value\n 2\n 4\n 4\n 4\n 5\n 5\n 7\n 9")).standard_deviation, 2.0);
  EXPECT_EQ(run<Variance>(values("value\n null")).standard_deviation, std::nullopt);
}

// Two values of 1 with half the coverage and four values of 5 with a quarter: equals one of each with full coverage.
TEST(Variance, WeightsByCoverageIfEnabled) {
  const auto table = values("value coverage\n 1 0.5\n 1 0.5\n 5 0.25\n 5 0.25\n 5 0.25\n 5 0.25\n 700 0");
  const auto row = run<Variance>(table, {.params = {.weighted = true}, .contexts = {}});
  EXPECT_EQ(row.variance, 4.0);
  EXPECT_EQ(row.count, 6u);
  EXPECT_DOUBLE_EQ(*run<Variance>(table, {.params = {.ddof = 1, .weighted = true}, .contexts = {}}).variance, 4.0 * 6 / 5);
}

TEST(Variance, IsOfTheSampleWithDdofOne) {
  EXPECT_EQ(run<Variance>(values("value\n 1\n 3"), {.params = {.ddof = 1}, .contexts = {}}).variance, 2.0);
}

TEST(Variance, IsNullWithoutMoreValuesThanDdof) {
  EXPECT_EQ(run<Variance>(values("value\n null")).variance, std::nullopt);
  EXPECT_EQ(run<Variance>(values("value\n 3")).variance, 0.0);
  EXPECT_EQ(run<Variance>(values("value\n 3"), {.params = {.ddof = 1}, .contexts = {}}).variance, std::nullopt);
}

// Whole numbers from 1e9 to 1e9 + 999: the variance of 0..999 is known, and does not depend on the offset.
TEST(Variance, LosesNoPrecisionForAnyCentre) {
  ValueTable table;
  for (int i = 0; i < 65'000; ++i) table.rows.push_back({1e9 + i % 1000, 1, {}});
  const double known = (1000.0 * 1000.0 - 1) / 12;
  for (const auto centre :
       {std::optional<double>(), std::optional(1e9 + 499.5), std::optional(0.0), std::optional(-1e300), std::optional(1e-300)}) {
    const auto row = run<Variance>(table, Given<Variance>{{}, {{"centre", centre}}});
    EXPECT_NEAR(*row.variance / known, 1, 1e-15) << (centre ? *centre : -1);
  }
}

TEST(Variance, SatisfiesTheLaws) {
  const auto table = values("value coverage\n 1e150 1\n 0.1 0.5\n null 1\n -1e150 1\n 1e-300 0\n -7 1");
  mole::testkit::check_laws<Variance>(table);
  mole::testkit::check_laws<Variance>(table, {.params = {.minimum_coverage = 0.6, .ddof = 1}, .contexts = {{"centre", 3.25}}});
  mole::testkit::check_laws<Variance>(table, {.params = {.weighted = true}, .contexts = {}});
}
