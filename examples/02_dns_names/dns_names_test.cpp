#include "dns_names.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

TEST(DnsNames, CountsEachNameOnce) {
  const auto row = mole::testkit::run<DnsNames>(flows(R"(
      start     dnsQName
      00:00:01  a.example.;b.example.
      00:00:02  -
      00:00:03  b.example. )"));
  EXPECT_EQ(row.names, 2u);
}

TEST(DnsNames, SatisfiesTheLaws) { mole::testkit::check_laws<DnsNames>(flows("dnsQName\n a.\n b.;c.\n a.\n -")); }
