#include "unanswered.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(Unanswered, PairsBothDirectionsOfAConversation) {
  const auto row = mole::testkit::run<Unanswered>(flows(R"(
      src_addr   dst_addr   src_port dst_port protocol packets tcp_flags
      10.0.0.1   192.0.2.1  1025     80       6        10      27
      192.0.2.1  10.0.0.1   80       1025     6        20      27
      10.0.0.1   192.0.2.1  1025     80       6        10      16
      10.0.0.1   192.0.2.1  1026     80       6        3       2
      192.0.2.1  10.0.0.1   80       1025     17       1       0 )"));
  EXPECT_EQ(row.all.conversations, 3u);
  EXPECT_EQ(row.all.one_way, 2u);
  EXPECT_DOUBLE_EQ(row.all.one_way_share.value(), 2.0 / 3);
  EXPECT_EQ(row.all.one_way_flows, 2u);
  EXPECT_DOUBLE_EQ(row.all.one_way_flow_share.value(), 2.0 / 5);
  EXPECT_EQ(row.all.one_way_packets, 4u);
  EXPECT_DOUBLE_EQ(row.all.one_way_packet_share.value(), 4.0 / 44);
  EXPECT_EQ(row.tcp.conversations, 2u);
  EXPECT_EQ(row.tcp.one_way, 1u);
  EXPECT_EQ(row.udp.one_way, 1u);
  EXPECT_EQ(row.other.conversations, 0u);
  EXPECT_EQ(row.other.one_way_share, std::nullopt);
}

TEST(Unanswered, DistinguishesAttemptsAnswersAndPieces) {
  const auto row = mole::testkit::run<Unanswered>(flows(R"(
      src_addr   dst_addr   src_port dst_port protocol packets tcp_flags
      10.0.0.1   192.0.2.1  1        80       6        1       2
      10.0.0.1   192.0.2.1  2        80       6        1       10
      10.0.0.1   192.0.2.1  3        80       6        1       18
      10.0.0.1   192.0.2.1  4        80       6        1       20
      10.0.0.1   192.0.2.1  5        80       6        1       16
      10.0.0.1   192.0.2.1  6        80       6        1       17
      10.0.0.1   192.0.2.1  7        80       6        1       0
      10.0.0.1   192.0.2.1  7        53       17       1       0
      10.0.0.1   192.0.2.1  8        53       17       2       0 )"));
  EXPECT_EQ(row.attempts, 2u);
  EXPECT_EQ(row.answers, 2u);
  EXPECT_EQ(row.pieces, 3u);
  EXPECT_EQ(row.single_udp, 1u);
}

TEST(Unanswered, PairsEchoRequestsWithRepliesAndIgnoresIcmpErrors) {
  const auto row = mole::testkit::run<Unanswered>(flows(R"(
      src_addr   dst_addr   src_port dst_port protocol packets tcp_flags
      10.0.0.1   192.0.2.1  0        2048     1        1       0
      192.0.2.1  10.0.0.1   0        0        1        1       0
      10.0.0.1   192.0.2.2  0        2048     1        1       0
      192.0.2.9  10.0.0.1   0        769      1        1       0 )"));
  EXPECT_EQ(row.icmp.conversations, 2u);
  EXPECT_EQ(row.icmp.one_way, 1u);
  EXPECT_DOUBLE_EQ(row.icmp.one_way_flow_share.value(), 1.0 / 3);
}

TEST(Unanswered, DistinguishesTheDirectionsWithinOneHostByPort) {
  const auto row = mole::testkit::run<Unanswered>(flows(R"(
      src_addr   dst_addr   src_port dst_port protocol packets tcp_flags
      10.0.0.1   10.0.0.1   5        6        17       1       0
      10.0.0.1   10.0.0.1   6        5        17       1       0
      10.0.0.1   10.0.0.1   7        7        17       1       0 )"));
  EXPECT_EQ(row.udp.conversations, 2u);
  EXPECT_EQ(row.udp.one_way, 1u);
}

TEST(Unanswered, CountsBothFamilies) {
  const auto row = mole::testkit::run<Unanswered>(flows(R"(
      src_addr            dst_addr            src_port dst_port protocol packets tcp_flags
      2001:db8::1         2001:db8::2         5        6        17       1       0
      2001:db8::2         2001:db8::1         6        5        17       1       0
      10.0.0.1            10.0.0.2            5        6        17       1       0
      ::ffff:10.0.0.2     ::ffff:10.0.0.1     6        5        17       1       0
      2001:db8::2         2001:db8::1         0        32768    58       1       0
      2001:db8::1         2001:db8::2         0        33024    58       1       0 )"));
  EXPECT_EQ(row.all.conversations, 3u);
  EXPECT_EQ(row.all.one_way, 0u);
}

TEST(Unanswered, SaturatesHugeCounts) {
  const auto row = mole::testkit::run<Unanswered>(flows(R"(
      src_addr   dst_addr   protocol packets
      10.0.0.1   192.0.2.1  17       4294967295
      10.0.0.1   192.0.2.1  17       18446744073709551615 )"));
  EXPECT_EQ(row.udp.one_way_packets, 4294967295u);
}

TEST(Unanswered, IsEmptyWithoutFlows) {
  const auto row = mole::testkit::run<Unanswered>(flows("src_addr dst_addr"));
  EXPECT_EQ(row.all.conversations, 0u);
  EXPECT_EQ(row.all.one_way_share, std::nullopt);
}

TEST(Unanswered, SatisfiesTheLaws) {
  mole::testkit::check_laws<Unanswered>(flows(R"(
      src_addr     dst_addr     src_port dst_port protocol packets tcp_flags
      10.0.0.1     192.0.2.1    1025     80       6        10      27
      192.0.2.1    10.0.0.1     80       1025     6        20      27
      2001:db8::1  ::1          5        6        17       1       0
      0.0.0.0      0.0.0.0      0        0        0        0       0
      ::1          2001:db8::1  6        5        17       1       0
      10.0.0.1     192.0.2.1    1026     80       6        3       2 )"));
}
