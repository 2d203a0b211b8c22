#include "traffic.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(Traffic, SumsFlowsPacketsAndBytes) {
  const auto row = mole::testkit::run<Traffic>(flows("packets bytes\n 2 180\n 1 60\n 0 0"));
  EXPECT_EQ(row.flows, 3u);
  EXPECT_EQ(row.packets, 3u);
  EXPECT_EQ(row.bytes, 240u);
}

TEST(Traffic, IsZeroWithoutFlows) {
  const auto row = mole::testkit::run<Traffic>(flows("packets bytes"));
  EXPECT_EQ(row.flows, 0u);
  EXPECT_EQ(row.bytes, 0u);
}

TEST(Traffic, SatisfiesTheLaws) {
  mole::testkit::check_laws<Traffic>(
      flows("packets bytes\n 2 180\n 1 60\n 0 0\n 18446744073709551615 7\n 1 18446744073709551615"));
}
