#include "peers.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <sstream>

using mole::testkit::flows;

TEST(Peers, CountsPeersPairsAndHosts) {
  const auto row = mole::testkit::run<Peers>(flows(R"(
      src_addr  dst_addr   bytes
      10.0.0.1  192.0.2.1  100
      192.0.2.1 10.0.0.1   100
      10.0.0.1  192.0.2.1  100
      10.0.0.1  192.0.2.2  100
      10.0.0.2  192.0.2.2  100
      10.0.0.3  192.0.2.2  100 )"));
  EXPECT_EQ(row.hosts, 5u);
  EXPECT_EQ(row.src_hosts, 4u);
  EXPECT_EQ(row.dst_hosts, 3u);
  EXPECT_EQ(row.pairs, 4u);
  EXPECT_EQ(row.mutual, 1u);
  EXPECT_DOUBLE_EQ(row.mutual_share.value(), 0.25);
  EXPECT_DOUBLE_EQ(row.peers.mean.value(), 8.0 / 5);  // 2, 1, 1; 1, 3
  EXPECT_EQ(row.peers.p50, 1u);
  EXPECT_EQ(row.peers.p90, 3u);
  EXPECT_EQ(row.peers_max, 3u);
  EXPECT_DOUBLE_EQ(row.fan_out.mean.value(), 5.0 / 4);
  EXPECT_EQ(row.fan_out_max, 2u);
  EXPECT_DOUBLE_EQ(row.fan_in.mean.value(), 5.0 / 3);
  EXPECT_EQ(row.fan_in_max, 3u);
  EXPECT_EQ(row.classes[0], 3u);
  EXPECT_EQ(row.classes[1], 2u);
  EXPECT_EQ(row.classes[2], 0u);
}

TEST(Peers, CountsAHostThatSendsToItselfOnce) {
  const auto row = mole::testkit::run<Peers>(flows("src_addr dst_addr bytes\n 10.0.0.1 10.0.0.1 7\n 0.0.0.0 0.0.0.0 7"));
  EXPECT_EQ(row.hosts, 2u);
  EXPECT_EQ(row.pairs, 2u);
  EXPECT_EQ(row.mutual, 2u);
  EXPECT_EQ(row.peers_max, 1u);
  EXPECT_EQ(row.classes[0], 2u);
}

TEST(Peers, ClassifiesHostsByServicePort) {
  const auto row = mole::testkit::run<Peers>(flows(R"(
      src_addr  dst_addr   src_port dst_port protocol bytes
      10.0.0.1  192.0.2.1  1025     80       6        10
      192.0.2.1 10.0.0.1   80       1025     6        90
      10.0.0.2  192.0.2.1  1025     443      6        10
      10.0.0.1  192.0.2.9  1026     53       17       10
      10.0.0.1  192.0.2.7  4662     3000     6        30
      10.0.0.1  192.0.2.8  4662     80       6        40
      10.0.0.5  192.0.2.6  6881     6346     6        50
      10.0.0.1  192.0.2.5  4662     3000     1        60 )"));
  EXPECT_EQ(row.web.servers, 2u);
  EXPECT_EQ(row.web.clients, 2u);
  EXPECT_EQ(row.dns.servers, 1u);
  EXPECT_EQ(row.dns.clients, 1u);
  EXPECT_EQ(row.mail.servers, 0u);
  EXPECT_EQ(row.networks[0], 2u);  // both ends of the flow at 4662; the one between 4662 and 80 is web
  EXPECT_EQ(row.networks[2], 2u);  // the lower port of 6881 and 6346
  EXPECT_EQ(row.networks[1], 0u);
  EXPECT_EQ(row.p2p_hosts, 4u);
  EXPECT_EQ(row.p2p_flows, 2u);
  EXPECT_EQ(row.p2p_bytes, 80u);
  EXPECT_DOUBLE_EQ(row.p2p_bytes_share.value(), 80.0 / 300);
}

TEST(Peers, FindsHostsWithManyPeers) {
  std::ostringstream table;
  table << "src_addr dst_addr src_port protocol bytes\n";
  for (int i = 1; i <= 12; ++i) table << "10.0.0.1 192.0.2." << i << " 4662 6 50\n";
  for (int i = 1; i <= 11; ++i) table << "10.0.0.2 192.0.2." << i << " 0 6 10\n";
  for (int i = 1; i <= 10; ++i) table << "10.0.0.3 192.0.2." << i << " 0 6 10\n";
  mole::testkit::Given<Peers> given;
  given.params.heavy_peers = 10;
  const auto row = mole::testkit::run<Peers>(flows(table.str()), given);
  EXPECT_EQ(row.heavy_hosts, 2u);
  EXPECT_EQ(row.heavy_p2p_hosts, 1u);
  EXPECT_DOUBLE_EQ(row.heavy_bytes_share.value(), (600.0 + 110) / (2 * 810));
  EXPECT_EQ(row.classes[3], 3u);
  EXPECT_EQ(row.peers.p99, 12u);
}

TEST(Peers, CountsDegreesTooLargeForTheTable) {
  Degrees d;
  for (std::uint64_t i = 100; i >= 1; --i) d.add(100 * i);
  const auto row = d.row();
  EXPECT_EQ(row.mean, 5050.0);
  EXPECT_EQ(row.p50, 5000u);
  EXPECT_EQ(row.p99, 9900u);
  EXPECT_EQ(d.max(), 10000u);
  EXPECT_EQ(d.by_class().back(), 90u);
  Degrees few;
  for (const auto degree : {2047, 2048, 2049}) few.add(static_cast<std::uint64_t>(degree));
  EXPECT_EQ(few.row().p50, 2048u);
  EXPECT_EQ(few.row().p90, 2049u);
}

TEST(Peers, IsEmptyWithoutFlows) {
  const auto row = mole::testkit::run<Peers>(flows("src_addr dst_addr"));
  EXPECT_EQ(row.hosts, 0u);
  EXPECT_EQ(row.peers.mean, std::nullopt);
  EXPECT_EQ(row.heavy_bytes_share, std::nullopt);
}

TEST(Peers, CountsBothFamilies) {
  const auto row = mole::testkit::run<Peers>(flows(R"(
      src_addr           dst_addr         bytes
      10.0.0.1           10.0.0.2         1
      ::ffff:10.0.0.2    ::ffff:10.0.0.1  1
      2001:db8::1        2001:db8::2      1
      2001:db8::2        2001:db8::3      1
      ::                 2001:db8::3      1 )"));
  EXPECT_EQ(row.hosts, 6u);
  EXPECT_EQ(row.pairs, 4u);
  EXPECT_EQ(row.mutual, 1u);
}

TEST(Peers, SatisfiesTheLaws) {
  mole::testkit::check_laws<Peers>(flows(R"(
      src_addr     dst_addr   src_port dst_port protocol bytes
      10.0.0.1     192.0.2.1  1025     80       6        10
      192.0.2.1    10.0.0.1   80       1025     6        90
      2001:db8::1  ::1        4662     7        17       10
      10.0.0.2     192.0.2.1  1025     443      6        10
      ::1          2001:db8::1  25       7        6        10
      0.0.0.0      0.0.0.0    0        0        0        18446744073709551615
      10.0.0.1     192.0.2.9  1026     53       17       10 )"));
}
