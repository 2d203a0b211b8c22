#include "unique_addresses.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(UniqueAddresses, CountsEachAddressOnce) {
  const auto row = mole::testkit::run<UniqueAddresses>(flows(R"(
      src_addr  dst_addr
      10.0.0.1  192.0.2.1
      10.0.0.2  192.0.2.1
      10.0.0.1  192.0.2.2
      10.0.0.3  192.0.2.1 )"));
  EXPECT_EQ(row.src_addresses, 3u);
  EXPECT_EQ(row.dst_addresses, 2u);
}

TEST(UniqueAddresses, CountsTheZeroAddress) {
  const auto row = mole::testkit::run<UniqueAddresses>(flows("src_addr dst_addr\n 0.0.0.0 255.255.255.255\n 0.0.0.0 0.0.0.0"));
  EXPECT_EQ(row.src_addresses, 1u);
  EXPECT_EQ(row.dst_addresses, 2u);
}

TEST(UniqueAddresses, TreatsAMappedAddressAsItsIpv4Address) {
  const auto row = mole::testkit::run<UniqueAddresses>(flows(R"(
      src_addr           dst_addr
      10.0.0.1           10.0.0.2
      ::ffff:10.0.0.1    ::
      2001:db8::1        2001:db8::1 )"));
  EXPECT_EQ(row.src_addresses, 2u);
  EXPECT_EQ(row.dst_addresses, 3u);
}

TEST(UniqueAddresses, SatisfiesTheLaws) {
  mole::testkit::check_laws<UniqueAddresses>(flows(R"(
      src_addr     dst_addr
      10.0.0.1     192.0.2.1
      10.0.0.2     192.0.2.1
      2001:db8::1  ::1
      10.0.0.1     0.0.0.0
      ::           2001:db8::1
      255.0.0.3    192.0.2.1 )"));
}
