#include "quantiles.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::run;
using mole::testkit::values;

// The definition of type 7: h = (n - 1) p, linear between x[floor h] and the next value.
TEST(Quantiles, FollowTheDefinitionOfTypeSeven) {
  const auto row = run<Quantiles>(values("value\n 40\n 10\n 30\n 20"), {.params = {.probability = 0.9}, .contexts = {}});
  EXPECT_EQ(row.minimum, 10.0);
  EXPECT_DOUBLE_EQ(*row.q05, 11.5);
  EXPECT_DOUBLE_EQ(*row.q25, 17.5);
  EXPECT_DOUBLE_EQ(*row.median, 25.0);
  EXPECT_DOUBLE_EQ(*row.q75, 32.5);
  EXPECT_DOUBLE_EQ(*row.q95, 38.5);
  EXPECT_DOUBLE_EQ(*row.chosen, 37.0);
  EXPECT_EQ(row.maximum, 40.0);
  EXPECT_DOUBLE_EQ(*row.spread, 1.482602218505602 * 10);  // |x - 25| = 15 5 5 15
  EXPECT_EQ(row.count, 4u);
}

TEST(Quantiles, AreComputedOnlyWhenDue) {
  const mole::Time noon{12 * 3'600'000'000LL}, midnight{24 * 3'600'000'000LL};
  const auto at = [](mole::Time end) {
    return run<Quantiles>(values("value\n 4"),
                          {.params = {.every = 86'400}, .contexts = {}, .interval = {{end.us - 300'000'000}, end}});
  };
  EXPECT_EQ(at(noon).median, std::nullopt);
  EXPECT_EQ(at(midnight).median, 4.0);
}

TEST(Quantiles, OfOneValueEqualThatValue) {
  const auto row = run<Quantiles>(values("value coverage\n 7 0.25"));
  EXPECT_EQ(row.q05, 7.0);
  EXPECT_EQ(row.q95, 7.0);
  EXPECT_EQ(row.spread, 0.0);
}

TEST(Quantiles, AreNullWithoutValues) {
  const auto row = run<Quantiles>(values("value coverage\n null 1\n 5 0"));
  EXPECT_EQ(row.median, std::nullopt);
  EXPECT_EQ(row.count, 0u);
}

// Only relative weights matter. A value with little weight hardly changes the quantiles; one with more weight does.
TEST(Quantiles, AreWeightedByCoverage) {
  const auto full = run<Quantiles>(values("value\n 1\n 2\n 3\n 4\n 5"));
  const auto half = run<Quantiles>(values("value coverage\n 1 0.5\n 2 0.5\n 3 0.5\n 4 0.5\n 5 0.5"));
  EXPECT_DOUBLE_EQ(*half.q25, *full.q25);
  const auto light = run<Quantiles>(values("value coverage\n 1 1\n 2 1\n 3 1\n 4 1\n 5 1\n 1000 1e-9"));
  EXPECT_NEAR(*light.q75, *full.q75, 1e-6);
  EXPECT_EQ(light.maximum, 1000.0);
  EXPECT_LT(*run<Quantiles>(values("value coverage\n 1 1\n 2 0.1\n 3 0.1")).median, 1.6);
}

TEST(Quantiles, RejectValuesThatAreNotFinite) {
  EXPECT_THROW(run<Quantiles>(values("value\n inf")), mole::testkit::CallFailed);
  EXPECT_THROW(run<Quantiles>(values("value\n nan")), mole::testkit::CallFailed);
}

TEST(Quantiles, SatisfyTheLaws) {
  mole::testkit::check_laws<Quantiles>(values(R"(
      start     value coverage
      00:00:00  5     1
      00:15:00  -1    0.5
      00:15:00  -1    0.25
      00:30:00  null  1
      00:30:00  -0    1
      00:45:00  3e200 0
      00:05:00  4     0.01)"));
}
