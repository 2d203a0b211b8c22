#include "tcp_flags.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(TcpFlags, PutsEachFlowIntoOneClass) {
  const auto row = mole::testkit::run<TcpFlags>(flows(R"(
      protocol  tcp_flags
      6         0
      6         2
      6         10
      6         18
      6         27
      6         22
      6         31
      6         4
      6         20
      6         17
      6         24
      6         1
      6         41
      6         3
      6         6
      6         8
      6         32 )"));
  EXPECT_EQ(row.flows, 17u);
  EXPECT_EQ(row.null, 1u);
  EXPECT_EQ(row.syn, 2u);
  EXPECT_EQ(row.syn_ack, 1u);
  EXPECT_EQ(row.closed, 1u);
  EXPECT_EQ(row.reset, 2u);
  EXPECT_EQ(row.refused, 2u);
  EXPECT_EQ(row.ended, 1u);
  EXPECT_EQ(row.running, 1u);
  EXPECT_EQ(row.fin, 1u);
  EXPECT_EQ(row.xmas, 1u);
  EXPECT_EQ(row.illegal, 2u);
  EXPECT_EQ(row.other, 2u);
  EXPECT_EQ(row.null + row.syn + row.syn_ack + row.closed + row.reset + row.refused + row.ended + row.running + row.fin +
                row.xmas + row.illegal + row.other,
            row.flows);
  EXPECT_DOUBLE_EQ(row.syn_share.value(), 2.0 / 17);
  EXPECT_DOUBLE_EQ(row.illegal_share.value(), 5.0 / 17);
  EXPECT_DOUBLE_EQ(row.answered_ratio.value(), 4.0 / 8);
}

TEST(TcpFlags, IgnoresOtherProtocols) {
  const auto row = mole::testkit::run<TcpFlags>(flows("protocol tcp_flags\n 17 2\n 1 0\n 17 192"));
  EXPECT_EQ(row.flows, 0u);
  EXPECT_EQ(row.ecn, 0u);
  EXPECT_EQ(row.syn_share, std::nullopt);
  EXPECT_EQ(row.answered_ratio, std::nullopt);
}

TEST(TcpFlags, CountsEcnIndependentlyOfTheClasses) {
  const auto row = mole::testkit::run<TcpFlags>(flows("protocol tcp_flags\n 6 194\n 6 90\n 6 27\n 6 511"));
  EXPECT_EQ(row.ecn, 3u);
  EXPECT_EQ(row.syn, 1u);
  EXPECT_EQ(row.syn_ack, 1u);
  EXPECT_EQ(row.closed, 1u);
  EXPECT_EQ(row.reset, 1u);
}

TEST(TcpFlags, SatisfiesTheLaws) {
  mole::testkit::check_laws<TcpFlags>(flows("protocol tcp_flags\n 6 2\n 6 27\n 17 2\n 6 0\n 6 255\n 6 194\n 1 1"));
}
