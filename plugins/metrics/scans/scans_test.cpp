#include "scans.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <sstream>

using mole::testkit::flows;

namespace {

struct Table {
  std::ostringstream text;
  Table() { text << "src_addr dst_addr src_port dst_port protocol packets tcp_flags\n"; }
  void flow(const std::string& src, const std::string& dst, int port, int protocol, int packets, int flags) {
    text << src << ' ' << dst << " 1025 " << port << ' ' << protocol << ' ' << packets << ' ' << flags << '\n';
  }
  mole::testkit::FlowTable rows() const { return flows(text.str()); }
};
std::string target(int i) { return "192.0.2." + std::to_string(i); }

}  // namespace

TEST(Scans, DistinguishesProbesFromOtherFlows) {
  Table t;
  t.flow("10.0.0.1", target(1), 80, 6, 1, 2);     // SYN
  t.flow("10.0.0.1", target(1), 80, 6, 3, 2);     // SYN, retransmitted
  t.flow("10.0.0.1", target(1), 80, 6, 1, 0);     // null
  t.flow("10.0.0.1", target(1), 80, 6, 1, 41);    // xmas
  t.flow("10.0.0.1", target(1), 2048, 1, 2, 0);   // echo request
  t.flow("10.0.0.1", target(1), 80, 6, 4, 2);     // too many packets
  t.flow("10.0.0.1", target(1), 80, 6, 1, 4);     // RST: an answer
  t.flow("10.0.0.1", target(1), 80, 6, 3, 18);    // SYN, ACK
  t.flow("10.0.0.1", target(1), 0, 1, 1, 0);      // echo reply
  t.flow("10.0.0.1", target(1), 1434, 17, 1, 0);  // UDP
  const auto row = mole::testkit::run<Scans>(t.rows());
  EXPECT_EQ(row.probes, 5u);
  EXPECT_DOUBLE_EQ(row.probe_share.value(), 0.5);
  EXPECT_EQ(row.sources, 1u);
  EXPECT_EQ(row.targets, 1u);
  EXPECT_EQ(row.scanners, 0u);
  EXPECT_EQ(row.top_port, std::nullopt);
}

TEST(Scans, DistinguishesHorizontalVerticalAndBlockScans) {
  Table t;
  for (int i = 1; i <= 25; ++i) t.flow("10.0.0.1", target(i), 445, 6, 1, 2);                      // horizontal
  for (int i = 1; i <= 24; ++i) t.flow("10.0.0.2", target(i), 445, 6, 1, 2);                      // one target too few
  for (int i = 1; i <= 15; ++i) t.flow("10.0.0.3", target(1), 1000 + i, 6, 1, 2);                 // vertical
  for (int i = 1; i <= 14; ++i) t.flow("10.0.0.4", target(1), 1000 + i, 6, 1, 2);                 // one port too few
  for (int i = 1; i <= 30; ++i) t.flow("10.0.0.5", target(i), i <= 15 ? 444 + i : 445, 6, 1, 2);  // block
  for (int i = 1; i <= 40; ++i) t.flow("10.0.0.6", target(i), 2048, 1, 1, 0);                     // horizontal, no ports
  const auto row = mole::testkit::run<Scans>(t.rows());
  EXPECT_EQ(row.horizontal, 2u);
  EXPECT_EQ(row.vertical, 1u);
  EXPECT_EQ(row.block, 1u);
  EXPECT_EQ(row.scanners, 4u);
  EXPECT_EQ(row.sources, 6u);
  EXPECT_EQ(row.targets, 40u);
  EXPECT_EQ(row.pairs, 25u + 24 + 1 + 1 + 30 + 40);
  EXPECT_EQ(row.scanner_probes, 25u + 15 + 30 + 40);
  EXPECT_DOUBLE_EQ(row.targets_mean.value(), (25 + 1 + 30 + 40) / 4.0);
  EXPECT_EQ(row.targets_max, 40u);
  EXPECT_EQ(row.ports_max, 15u);
  EXPECT_EQ(row.top_port, 445u);
  EXPECT_EQ(row.top_port_protocol, 6u);
  EXPECT_EQ(row.top_port_scanners, 2u);
}

TEST(Scans, IgnoresSourcesWithOtherTraffic) {
  Table t;
  for (int i = 1; i <= 30; ++i) t.flow("10.0.0.1", target(i), 80, 6, 1, 2);
  for (int i = 1; i <= 15; ++i) t.flow("10.0.0.1", target(i), 80, 6, 9, 27);
  for (int i = 1; i <= 30; ++i) t.flow("10.0.0.2", target(i), 80, 6, 1, 2);
  for (int i = 1; i <= 16; ++i) t.flow("10.0.0.2", target(i), 80, 6, 9, 27);
  EXPECT_EQ(mole::testkit::run<Scans>(t.rows()).scanners, 1u);
}

TEST(Scans, CountsSingleUdpPacketsIfEnabled) {
  Table t;
  for (int i = 1; i <= 30; ++i) t.flow("10.0.0.1", target(i), 1434, 17, 1, 0);
  for (int i = 1; i <= 30; ++i) t.flow("10.0.0.2", target(i), 53, 17, 1, 0);
  for (int i = 1; i <= 30; ++i) t.flow("10.0.0.3", target(i), 1434, 17, 2, 0);
  EXPECT_EQ(mole::testkit::run<Scans>(t.rows()).scanners, 0u);
  mole::testkit::Given<Scans> given;
  given.params.udp = true;
  const auto row = mole::testkit::run<Scans>(t.rows(), given);
  EXPECT_EQ(row.scanners, 1u);
  EXPECT_EQ(row.top_port, 1434u);
  EXPECT_EQ(row.top_port_protocol, 17u);
}

TEST(Scans, CountsIpv6) {
  Table t;
  for (int i = 1; i <= 26; ++i) t.flow("2001:db8::1", "2001:db8::1:" + std::to_string(i), 22, 6, 1, 2);
  for (int i = 1; i <= 26; ++i) t.flow("::ffff:10.0.0.9", "::ffff:192.0.2." + std::to_string(i), 32768, 58, 1, 0);
  const auto row = mole::testkit::run<Scans>(t.rows());
  EXPECT_EQ(row.horizontal, 2u);
  EXPECT_EQ(row.top_port, 22u);
}

TEST(Scans, IsEmptyWithoutFlows) {
  const auto row = mole::testkit::run<Scans>(flows("src_addr dst_addr"));
  EXPECT_EQ(row.probes, 0u);
  EXPECT_EQ(row.probe_share, std::nullopt);
  EXPECT_EQ(row.targets_mean, std::nullopt);
}

TEST(Scans, SatisfiesTheLaws) {
  Table t;
  for (int i = 1; i <= 3; ++i) t.flow("10.0.0.1", target(i), 445, 6, 1, 2);
  t.flow("10.0.0.1", target(9), 445, 6, 9, 27);
  t.flow("2001:db8::1", "::1", 445, 6, 1, 0);
  t.flow("2001:db8::1", "::2", 446, 6, 1, 2);
  t.flow("0.0.0.0", "0.0.0.0", 0, 6, 0, 0);
  mole::testkit::Given<Scans> given;
  given.params.min_targets = 2;
  given.params.min_ports = 2;
  mole::testkit::check_laws<Scans>(t.rows(), given);
}
