#include "autonomous_systems.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(AutonomousSystems, CountsSystemsAndTheirTraffic) {
  const auto row = mole::testkit::run<AutonomousSystems>(flows(R"(
      src_as  dst_as  packets  bytes
      559     3303       1       100
      559     3303       1       100
      1299    3303       2       200
      3303    65536      4       600 )"));
  EXPECT_EQ(row.as_count, 4u);
  EXPECT_EQ(row.src.count, 3u);
  EXPECT_EQ(row.dst.count, 2u);
  EXPECT_EQ(row.src.unknown_flows, 0.0);
  EXPECT_EQ(row.src.concentration.flows.entropy, 1.5);
  EXPECT_EQ(row.src.concentration.bytes.top_1, 0.6);
  EXPECT_EQ(row.dst.concentration.packets.normalised_entropy, 1.0);
  EXPECT_EQ(row.dst.concentration.flows.top_1, 0.75);
}

TEST(AutonomousSystems, ReportsUnknownSystemsSeparately) {
  const auto row = mole::testkit::run<AutonomousSystems>(flows(R"(
      src_as  dst_as  packets  bytes
      0       559        1       100
      0       0          1       100
      1299    0          2       100
      3303    0          2       100 )"));
  EXPECT_EQ(row.as_count, 3u);
  EXPECT_EQ(row.src.count, 2u);
  EXPECT_EQ(row.src.unknown_flows, 0.5);
  EXPECT_EQ(row.src.unknown_packets, 2.0 / 6);
  EXPECT_EQ(row.src.unknown_bytes, 0.5);
  EXPECT_EQ(row.src.concentration.flows.entropy, 1.0);
  EXPECT_EQ(row.src.concentration.flows.top_1, 0.5);
  EXPECT_EQ(row.dst.count, 1u);
  EXPECT_EQ(row.dst.unknown_flows, 0.75);
}

TEST(AutonomousSystems, AreEmptyWithoutFlows) {
  const auto row = mole::testkit::run<AutonomousSystems>(flows("src_as dst_as packets bytes"));
  EXPECT_EQ(row.as_count, 0u);
  EXPECT_EQ(row.src.unknown_flows, std::nullopt);
  EXPECT_EQ(row.src.concentration.flows.entropy, std::nullopt);
}

TEST(AutonomousSystems, SatisfyTheLaws) {
  mole::testkit::check_laws<AutonomousSystems>(flows(R"(
      src_as      dst_as  packets               bytes
      559         3303    1                     18446744073709551615
      0           559     18446744073709551615  1
      4294967295  0       4294967296            4294967295
      559         0       0                     0
      1299        559     7                     4294967296 )"));
}
