#include "longest_silence.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(LongestSilence, IsTheLongestGapBetweenFlowStarts) {
  const auto row = mole::testkit::run<LongestSilence>(flows("start\n 00:00:01\n 00:00:02.5\n 00:00:02.5\n 00:00:09"));
  EXPECT_EQ(row.gap, 6.5);
}

TEST(LongestSilence, BelongsToTheIntervalInWhichItEnds) {
  mole::testkit::Metric<LongestSilence> metric;
  auto state = metric.create();
  state.add(flows("start\n 00:59:50"));
  EXPECT_EQ(state.finish()[0].gap, std::nullopt);
  state.add(flows("start\n 01:00:20\n 01:00:21"));
  EXPECT_EQ(state.finish()[0].gap, 30.0);
  EXPECT_EQ(state.finish()[0].gap, std::nullopt);
}

TEST(LongestSilence, IsNullWithoutFlows) { EXPECT_EQ(mole::testkit::run<LongestSilence>(flows("start")).gap, std::nullopt); }

TEST(LongestSilence, SatisfiesTheLaws) {
  mole::testkit::check_laws<LongestSilence>(flows("start\n 00:00:00\n 00:00:01\n 00:01:01\n 00:01:02\n 00:01:30"));
}
