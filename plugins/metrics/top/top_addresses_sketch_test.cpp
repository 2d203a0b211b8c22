#include "top_addresses_sketch.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <map>

using mole::testkit::flows;

namespace {

mole::testkit::FlowTable heavy_tailed(std::uint32_t seed) {
  mole::testkit::FlowTable table;
  std::uint64_t x = seed;
  for (std::uint32_t i = 1; i <= 20'000; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    mole::testkit::FlowTable::Row row;
    row.family = 4;
    row.addresses[MOLE_COLUMN_SRC_ADDR] = mole::Addr::v4(static_cast<std::uint32_t>(x >> 32));
    row.cells[MOLE_COLUMN_BYTES] = 10'000'000 / i;
    table.rows.push_back(row);
  }
  return table;
}

}  // namespace

TEST(TopAddressesSketch, FindsAllLargeAddressesAndStaysWithinItsErrorBound) {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    const auto table = heavy_tailed(seed);
    std::map<std::string, std::uint64_t> exact;
    std::uint64_t total = 0;
    for (const auto& row : table.rows) {
      exact[address_text(row.addresses[MOLE_COLUMN_SRC_ADDR])] += row.cells[MOLE_COLUMN_BYTES];
      total += row.cells[MOLE_COLUMN_BYTES];
    }
    mole::testkit::Given<TopAddressesSketch> given;
    given.params.side = "src";
    given.params.n = 1000;
    std::map<std::string, std::uint64_t> found;
    std::uint64_t rank = 0;
    for (const auto& row : mole::testkit::run<TopAddressesSketch>(table, given)) {
      EXPECT_EQ(row.rank, ++rank);
      EXPECT_GE(row.amount, exact[row.address]);
      EXPECT_LE(row.amount_least, exact[row.address]);
      EXPECT_DOUBLE_EQ(row.share, static_cast<double>(row.amount) / static_cast<double>(total));
      found[row.address] = row.amount;
    }
    for (const auto& [address, bytes] : exact)
      EXPECT_TRUE(static_cast<double>(bytes) < 0.005 * static_cast<double>(total) || found.contains(address)) << address;
  }
}

TEST(TopAddressesSketch, RanksBothSidesAndFamilies) {
  const auto rows = mole::testkit::run<TopAddressesSketch>(flows(R"(
      src_addr           dst_addr     packets bytes
      10.0.0.1           192.0.2.1    1       100
      ::ffff:10.0.0.1    192.0.2.2    1       100
      2001:db8::1        2001:db8::2  1       50
      10.0.0.2           192.0.2.1    1       60 )"));
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0].side, "src");
  EXPECT_EQ(rows[0].address, "10.0.0.1");
  EXPECT_EQ(rows[0].amount, 200u);
  EXPECT_EQ(rows[1].address, "10.0.0.2");
  EXPECT_EQ(rows[2].address, "2001:db8::1");
  EXPECT_EQ(rows[3].side, "dst");
  EXPECT_EQ(rows[3].rank, 1u);
  EXPECT_EQ(rows[3].address, "192.0.2.1");
  EXPECT_EQ(rows[3].amount, 160u);
}

TEST(TopAddressesSketch, CountsTheSelectedQuantity) {
  mole::testkit::Given<TopAddressesSketch> given;
  const auto table = flows(
      "src_addr dst_addr packets bytes\n 10.0.0.1 10.0.0.9 1 900\n 10.0.0.2 10.0.0.9 5 90\n 10.0.0.3 10.0.0.9 1 1\n 10.0.0.3 "
      "10.0.0.9 1 1");
  given.params.side = "src";
  given.params.n = 1;
  given.params.order = "packets";
  EXPECT_EQ(mole::testkit::run<TopAddressesSketch>(table, given).at(0).address, "10.0.0.2");
  given.params.order = "flows";
  EXPECT_EQ(mole::testkit::run<TopAddressesSketch>(table, given).at(0).address, "10.0.0.3");
}

TEST(TopAddressesSketch, RejectsASketchTooSmallForTheMinimumShare) {
  mole::testkit::Given<TopAddressesSketch> given;
  given.params.min_share = 0.001;
  EXPECT_THROW(mole::testkit::run<TopAddressesSketch>(flows("src_addr dst_addr"), given), mole::testkit::CallFailed);
  given.params = {};
  given.params.width = 3000;
  EXPECT_THROW(mole::testkit::run<TopAddressesSketch>(flows("src_addr dst_addr"), given), mole::testkit::CallFailed);
}

TEST(TopAddressesSketch, HasNoRowsWithoutFlows) {
  EXPECT_TRUE(mole::testkit::run<TopAddressesSketch>(flows("src_addr dst_addr")).empty());
  EXPECT_TRUE(mole::testkit::run<TopAddressesSketch>(flows("src_addr dst_addr bytes\n 10.0.0.1 10.0.0.2 0")).empty());
}

TEST(TopAddressesSketch, SatisfiesTheLaws) {
  mole::testkit::Given<TopAddressesSketch> given;
  given.params.width = 64;
  given.params.min_share = 0.1;
  mole::testkit::check_laws<TopAddressesSketch>(flows(R"(
      src_addr     dst_addr     packets bytes
      10.0.0.1     192.0.2.1    1       100
      2001:db8::1  ::1          1       50
      0.0.0.0      192.0.2.1    2       0
      10.0.0.1     192.0.2.3    2       18446744073709551615 )"),
                                                given);
}
