#include "addresses.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(Addresses, CountsAddressesAndTheirTraffic) {
  const auto row = mole::testkit::run<Addresses>(flows(R"(
      src_addr  dst_addr   packets  bytes
      10.0.0.1  192.0.2.1     1       100
      10.0.0.1  192.0.2.1     1       100
      10.0.0.2  192.0.2.1     2       200
      10.0.0.3  192.0.2.2     4       600 )"));
  EXPECT_EQ(row.src_addresses, 3u);
  EXPECT_EQ(row.dst_addresses, 2u);
  EXPECT_EQ(row.src.flows.entropy, 1.5);    // 1/2 1/4 1/4
  EXPECT_EQ(row.src.packets.entropy, 1.5);  // 1/4 1/4 1/2
  EXPECT_EQ(row.src.flows.top_1, 0.5);
  EXPECT_EQ(row.src.bytes.top_1, 0.6);
  EXPECT_EQ(row.src.bytes.top_10, 1.0);
  EXPECT_EQ(row.src.flows.herfindahl, 0.375);
  EXPECT_EQ(row.dst.packets.entropy, 1.0);  // 1/2 1/2
  EXPECT_EQ(row.dst.packets.normalised_entropy, 1.0);
  EXPECT_NEAR(*row.dst.flows.entropy, 0.8112781244591328, 1e-15);
  EXPECT_NEAR(*row.dst.bytes.entropy, 0.9709505944546686, 1e-15);
}

TEST(Addresses, AreEmptyWithoutFlows) {
  const auto row = mole::testkit::run<Addresses>(flows("src_addr dst_addr packets bytes"));
  EXPECT_EQ(row.src_addresses, 0u);
  EXPECT_EQ(row.src.flows.entropy, std::nullopt);
  EXPECT_EQ(row.dst.bytes.top_100, std::nullopt);
}

// Flows without packets and bytes, as some exporters write them.
TEST(Addresses, HaveNoByteEntropyForEmptyFlows) {
  const auto row = mole::testkit::run<Addresses>(flows("src_addr dst_addr packets bytes\n 0.0.0.0 10.0.0.1 0 0"));
  EXPECT_EQ(row.src_addresses, 1u);
  EXPECT_EQ(row.src.flows.entropy, 0.0);
  EXPECT_EQ(row.src.flows.normalised_entropy, std::nullopt);
  EXPECT_EQ(row.src.bytes.entropy, std::nullopt);
}

TEST(Addresses, TreatAMappedAddressAsItsIpv4Address) {
  const auto row = mole::testkit::run<Addresses>(flows(R"(
      src_addr           dst_addr     packets  bytes
      10.0.0.1           10.0.0.2        1       1
      ::ffff:10.0.0.1    ::              1       1
      2001:db8::1        2001:db8::1     1       1 )"));
  EXPECT_EQ(row.src_addresses, 2u);
  EXPECT_EQ(row.dst_addresses, 3u);
}

TEST(Addresses, SatisfyTheLaws) {
  mole::testkit::check_laws<Addresses>(flows(R"(
      src_addr     dst_addr   packets               bytes
      10.0.0.1     192.0.2.1  1                     18446744073709551615
      10.0.0.2     192.0.2.1  18446744073709551615  5000000000
      2001:db8::1  ::1        1                     4294967295
      10.0.0.1     0.0.0.0    0                     1
      ::           2001:db8::1  4294967296          0
      255.0.0.3    192.0.2.1  7                     4294967296 )"));
}
