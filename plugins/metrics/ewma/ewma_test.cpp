#include "ewma.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::run;
using mole::testkit::values;

namespace {

// The quarter hour that begins `minutes` after midnight, with a half-life of one hour.
mole::testkit::Given<Ewma> at(int minutes) {
  const std::int64_t minute = 60'000'000;
  return {.params = {.half_life = 3600}, .contexts = {}, .interval = {{minutes * minute}, {(minutes + 15) * minute}}};
}

}  // namespace

// Weights 1/4, 1/2 and 1: (8/4 + 2/2 + 1) / (7/4) = 16/7.
TEST(Ewma, HalvesTheWeightAfterEachHalfLife) {
  const auto row = run<Ewma>(values("start value\n 00:00:00 8\n 01:00:00 2\n 02:00:00 1"), at(120));
  EXPECT_DOUBLE_EQ(*row.mean, 16.0 / 7);
  EXPECT_DOUBLE_EQ(*row.size, 1.75);
  // E x^2 - mean^2 with the same weights: (64/4 + 4/2 + 1) / (7/4) - (16/7)^2
  EXPECT_DOUBLE_EQ(*row.deviation, std::sqrt(19 / 1.75 - 256.0 / 49));
}

TEST(Ewma, WeightsByCoverage) {
  const auto row = run<Ewma>(values("start value coverage\n 01:00:00 2 1\n 02:00:00 8 0.5"), at(120));
  EXPECT_DOUBLE_EQ(*row.mean, 5.0);
  EXPECT_DOUBLE_EQ(*row.size, 1.0);
}

TEST(Ewma, IsNotChangedByAGap) {
  const auto before = run<Ewma>(values("start value\n 00:00:00 8\n 01:00:00 2"), at(60));
  const auto gap = run<Ewma>(values("start value coverage\n 00:00:00 8 1\n 01:00:00 2 1\n 03:00:00 0 0"), at(180));
  EXPECT_DOUBLE_EQ(*gap.mean, *before.mean);
  EXPECT_DOUBLE_EQ(*gap.size, *before.size / 4);
  EXPECT_EQ(run<Ewma>(values("start value\n 00:00:00 null"), at(0)).mean, std::nullopt);
}

TEST(Ewma, IgnoresLaterValues) { EXPECT_EQ(run<Ewma>(values("start value\n 01:00:00 2\n 02:00:00 100"), at(60)).mean, 2.0); }

TEST(Ewma, SatisfiesTheLaws) {
  mole::testkit::check_laws<Ewma>(
      values("start value coverage\n 00:00:00 5 1\n 00:15:00 -1 0.5\n 00:30:00 null 1\n 00:45:00 3e200 0.2\n 00:05:00 4 0"),
      at(45));
}
