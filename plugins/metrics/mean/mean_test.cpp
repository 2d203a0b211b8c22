#include "mean.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::run;
using mole::testkit::values;

TEST(Mean, IgnoresGaps) {
  const auto row = run<Mean>(values("value\n 1\n null\n 2\n 6"));
  EXPECT_EQ(row.mean, 3.0);
  EXPECT_EQ(row.count, 3u);
}

TEST(Mean, IsNullWithoutValues) {
  const auto row = run<Mean>(values("value\n null"));
  EXPECT_EQ(row.mean, std::nullopt);
  EXPECT_EQ(row.count, 0u);
}

TEST(Mean, IgnoresValuesBelowTheMinimumCoverage) {
  const auto row =
      run<Mean>(values("value coverage\n 1 1\n 100 0.4\n 3 0.5"), {.params = {.minimum_coverage = 0.5}, .contexts = {}});
  EXPECT_EQ(row.mean, 2.0);
  EXPECT_EQ(row.count, 2u);
}

TEST(Mean, WeightsByCoverageIfEnabled) {
  const auto table = values("value coverage\n 1 1\n 9 0.25\n 100 0");
  EXPECT_EQ(run<Mean>(table, {.params = {.weighted = true}, .contexts = {}}).mean, 2.6);  // (1 + 9/4) / (1 + 1/4)
  EXPECT_EQ(run<Mean>(table).mean, 110.0 / 3);
}

TEST(Mean, IsTheNearestDoubleDespiteCancellation) {
  EXPECT_EQ(run<Mean>(values("value\n 1e300\n 3\n -1e300\n 0.5")).mean, 0.875);
  EXPECT_EQ(run<Mean>(values("value\n 1.7e308\n 1.7e308\n 1.7e308")).mean, 1.7e308);
}

TEST(Mean, RejectsValuesThatAreNotFinite) {
  for (const auto* table : {"value\n inf", "value\n nan"}) {
    try {
      run<Mean>(values(table));
      FAIL() << table;
    } catch (const mole::testkit::CallFailed& e) {
      EXPECT_EQ(e.code(), mole::Code::invalid);
      EXPECT_NE(std::string(e.what()).find("omit such rows"), std::string::npos);
    }
  }
}

TEST(Mean, SatisfiesTheLaws) {
  const auto table = values("value coverage\n 1e300 1\n 0.1 0.5\n null 1\n -1e300 1\n 1e-300 0\n -7 1");
  mole::testkit::check_laws<Mean>(table);
  mole::testkit::check_laws<Mean>(table, {.params = {.weighted = true}, .contexts = {}});
}
