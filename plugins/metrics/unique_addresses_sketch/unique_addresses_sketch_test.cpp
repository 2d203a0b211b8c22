#include "unique_addresses_sketch.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <set>

using mole::testkit::flows;

namespace {

// Flows from `n` random sources to a seventh as many destinations, with repetitions.
mole::testkit::FlowTable random_flows(std::uint32_t n, std::uint32_t seed) {
  mole::testkit::FlowTable table;
  std::uint64_t x = seed;
  for (std::uint32_t i = 0; i < 2 * n; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    mole::testkit::FlowTable::Row row;
    row.family = 4;
    row.addresses[MOLE_COLUMN_SRC_ADDR] = mole::Addr::v4(static_cast<std::uint32_t>((x >> 33) % n));
    row.addresses[MOLE_COLUMN_DST_ADDR] = mole::Addr::v4(static_cast<std::uint32_t>((x >> 40) % (n / 7)) << 8);
    table.rows.push_back(row);
  }
  return table;
}
double relative(std::uint64_t estimate, std::size_t exact) {
  return std::abs(static_cast<double>(estimate) / static_cast<double>(exact) - 1);
}

}  // namespace

// Compares the estimates with exact counts for 30 tables: each error is within the bound, and their RMS is as documented.
TEST(UniqueAddressesSketch, StaysWithinItsErrorBound) {
  double squares = 0;
  int n = 0;
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    const auto table = random_flows(500 * seed, seed);
    std::set<mole::Addr> src, dst;
    std::set<std::pair<mole::Addr, mole::Addr>> pairs;
    for (const auto& row : table.rows) {
      src.insert(row.addresses[MOLE_COLUMN_SRC_ADDR]);
      dst.insert(row.addresses[MOLE_COLUMN_DST_ADDR]);
      pairs.emplace(row.addresses[MOLE_COLUMN_SRC_ADDR], row.addresses[MOLE_COLUMN_DST_ADDR]);
    }
    const auto row = mole::testkit::run<UniqueAddressesSketch>(table);
    for (const double error : {relative(row.src_addresses, src.size()), relative(row.dst_addresses, dst.size()),
                               relative(row.address_pairs, pairs.size())}) {
      EXPECT_LT(error, row.relative_error_bound) << seed;
      squares += error * error;
      ++n;
    }
  }
  RecordProperty("measured_rms_error", std::to_string(std::sqrt(squares / n)));
  EXPECT_LT(std::sqrt(squares / n), 0.0163 * 1.2);
  EXPECT_GT(squares, 0);
}

TEST(UniqueAddressesSketch, IsExactForFewAddresses) {
  const auto row = mole::testkit::run<UniqueAddressesSketch>(flows(R"(
      src_addr           dst_addr
      10.0.0.1           10.0.0.2
      ::ffff:10.0.0.1    ::ffff:10.0.0.2
      2001:db8::1        2001:db8::1
      10.0.0.2           10.0.0.1 )"));
  EXPECT_EQ(row.src_addresses, 3u);
  EXPECT_EQ(row.dst_addresses, 3u);
  EXPECT_EQ(row.address_pairs, 3u);
  EXPECT_DOUBLE_EQ(row.relative_error_bound, 3 * 1.04 / 64);
}

TEST(UniqueAddressesSketch, IsZeroWithoutFlows) {
  EXPECT_EQ(mole::testkit::run<UniqueAddressesSketch>(flows("src_addr dst_addr")).src_addresses, 0u);
}

TEST(UniqueAddressesSketch, SatisfiesTheLaws) {
  mole::testkit::Given<UniqueAddressesSketch> given;
  given.params.precision = 4;
  mole::testkit::check_laws<UniqueAddressesSketch>(flows(R"(
      src_addr     dst_addr
      10.0.0.1     192.0.2.1
      2001:db8::1  ::1
      10.0.0.1     0.0.0.0
      ::           2001:db8::1
      255.0.0.3    192.0.2.1 )"),
                                                   given);
}
