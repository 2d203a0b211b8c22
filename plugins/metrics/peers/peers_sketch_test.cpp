#include "peers_sketch.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <map>
#include <set>

using mole::testkit::flows;

namespace {

// Hosts with a heavy-tailed number of peers: host h has about 20,000 / h peers.
mole::testkit::FlowTable heavy_tailed(std::uint32_t hosts, std::uint32_t seed) {
  mole::testkit::FlowTable table;
  for (std::uint32_t h = 1; h <= hosts; ++h) {
    for (std::uint32_t k = 0; k < 1 + 20'000 / (h + 20); ++k) {
      mole::testkit::FlowTable::Row row;
      row.family = 4;
      row.addresses[MOLE_COLUMN_SRC_ADDR] = mole::Addr::v4(0x0a000000u + h + (seed << 16));
      row.addresses[MOLE_COLUMN_DST_ADDR] = mole::Addr::v4(0xc0000000u + (k * 7919u + h * 104729u) % 30'000);
      table.rows.push_back(row);
    }
  }
  return table;
}
std::vector<std::size_t> exact_degrees(const mole::testkit::FlowTable& table) {
  std::map<mole::Addr, std::set<mole::Addr>> peers;
  for (const auto& row : table.rows) {
    const auto &a = row.addresses[MOLE_COLUMN_SRC_ADDR], &b = row.addresses[MOLE_COLUMN_DST_ADDR];
    peers[a].insert(b);
    peers[b].insert(a);
  }
  std::vector<std::size_t> out;
  for (const auto& [host, set] : peers) out.push_back(set.size());
  std::sort(out.begin(), out.end());
  return out;
}
double share_up_to(const std::vector<std::size_t>& degrees, double degree) {
  return static_cast<double>(std::upper_bound(degrees.begin(), degrees.end(), degree) - degrees.begin()) /
         static_cast<double>(degrees.size());
}

}  // namespace

// Compares with the exact degrees: a quantile, widened by degree_error_bound, must have a rank within rank_error_bound of its
// share.
TEST(PeersSketch, StaysWithinItsErrorBounds) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    const auto table = heavy_tailed(6000, seed);
    const auto degrees = exact_degrees(table);
    mole::testkit::Given<PeersSketch> given;
    given.params.max_hosts = 2000;
    const auto row = mole::testkit::run<PeersSketch>(table, given);
    EXPECT_LT(std::abs(static_cast<double>(row.hosts) / static_cast<double>(degrees.size()) - 1), row.relative_error_bound);
    EXPECT_LE(row.sampled_hosts, 2000u);
    EXPECT_GT(row.sampled_hosts, 700u);
    EXPECT_LT(row.sample_share, 1);
    for (const auto& [share, value] : {std::pair{0.5, row.peers.p50}, {0.9, row.peers.p90}, {0.99, row.peers.p99}}) {
      EXPECT_GE(share_up_to(degrees, static_cast<double>(*value) * (1 + row.degree_error_bound)), share - *row.rank_error_bound)
          << share;
      EXPECT_LE(share_up_to(degrees, static_cast<double>(*value) * (1 - row.degree_error_bound) - 1),
                share + *row.rank_error_bound)
          << share;
    }
  }
}

TEST(PeersSketch, IsAlmostExactIfAllHostsFit) {
  const auto row = mole::testkit::run<PeersSketch>(flows(R"(
      src_addr         dst_addr
      10.0.0.1         192.0.2.1
      192.0.2.1        10.0.0.1
      ::ffff:10.0.0.1  ::ffff:192.0.2.2
      10.0.0.2         192.0.2.2
      2001:db8::1      2001:db8::2 )"));
  EXPECT_EQ(row.hosts, 6u);
  EXPECT_EQ(row.pairs, 4u);
  EXPECT_EQ(row.sampled_hosts, 6u);
  EXPECT_EQ(row.sample_share, 1.0);
  EXPECT_EQ(row.rank_error_bound, 0.0);
  EXPECT_EQ(row.peers.p50, 1u);
  EXPECT_EQ(row.peers.p90, 2u);
  EXPECT_EQ(row.classes[0], 4u);
  EXPECT_EQ(row.classes[1], 2u);
}

TEST(PeersSketch, IsEmptyWithoutFlows) {
  const auto row = mole::testkit::run<PeersSketch>(flows("src_addr dst_addr"));
  EXPECT_EQ(row.hosts, 0u);
  EXPECT_EQ(row.peers.p50, std::nullopt);
}

TEST(PeersSketch, SatisfiesTheLaws) {
  mole::testkit::Given<PeersSketch> given;
  given.params.precision = 4;
  given.params.max_hosts = 4;  // less than a manifest allows, so that the level increases within a small table
  mole::testkit::check_laws<PeersSketch>(flows(R"(
      src_addr     dst_addr
      10.0.0.1     192.0.2.1
      2001:db8::1  ::1
      10.0.0.2     0.0.0.0
      10.0.0.3     192.0.2.2
      ::           2001:db8::1
      255.0.0.3    192.0.2.1
      255.0.0.4    192.0.2.3 )"),
                                         given);
}
