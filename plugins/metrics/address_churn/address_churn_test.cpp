#include "address_churn.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

namespace {

mole::testkit::Given<AddressChurn> at(std::int64_t from_s, std::int64_t to_s, const char* side = "src") {
  mole::testkit::Given<AddressChurn> given;
  given.params.side = side;
  given.interval = {{from_s * 1'000'000}, {to_s * 1'000'000}};
  return given;
}
const char* const two_intervals = R"(
      start     src_addr  dst_addr
      00:00:00  10.0.0.1  192.0.2.1
      00:14:59  10.0.0.2  192.0.2.1
      00:14:59  10.0.0.3  192.0.2.1
      00:15:00  10.0.0.3  192.0.2.2
      00:20:00  10.0.0.1  192.0.2.2
      00:29:59  10.0.0.4  192.0.2.2 )";

}  // namespace

TEST(AddressChurn, DividesTheWindowAtTheRowsInterval) {
  const auto row = mole::testkit::run<AddressChurn>(flows(two_intervals), at(900, 1800));
  EXPECT_EQ(row.addresses, 3u);
  EXPECT_EQ(row.before, 3u);
  EXPECT_EQ(row.stayed, 2u);
  EXPECT_EQ(row.fresh, 1u);
  EXPECT_EQ(row.gone, 1u);
  EXPECT_DOUBLE_EQ(row.new_share.value(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(row.gone_share.value(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(row.jaccard.value(), 0.5);
}

TEST(AddressChurn, CountsTheSelectedSide) {
  const auto dst = mole::testkit::run<AddressChurn>(flows(two_intervals), at(900, 1800, "dst"));
  EXPECT_EQ(dst.addresses, 1u);
  EXPECT_EQ(dst.fresh, 1u);
  EXPECT_EQ(dst.jaccard, 0.0);
  EXPECT_EQ(mole::testkit::run<AddressChurn>(flows(two_intervals), at(900, 1800, "both")).addresses, 4u);
}

TEST(AddressChurn, ReportsAllAddressesAsNewWithoutAWindow) {
  const auto row = mole::testkit::run<AddressChurn>(flows(two_intervals), at(0, 1800));
  EXPECT_EQ(row.fresh, 4u);
  EXPECT_EQ(row.before, 0u);
  EXPECT_EQ(row.gone_share, std::nullopt);
  EXPECT_EQ(row.new_share, 1.0);
}

TEST(AddressChurn, ReportsAllAddressesAsGoneInAnEmptyInterval) {
  const auto row = mole::testkit::run<AddressChurn>(flows(two_intervals), at(1800, 2700));
  EXPECT_EQ(row.addresses, 0u);
  EXPECT_EQ(row.gone, 4u);
  EXPECT_EQ(row.new_share, std::nullopt);
  EXPECT_EQ(row.jaccard, 0.0);
}

TEST(AddressChurn, IsEmptyWithoutFlows) {
  const auto row = mole::testkit::run<AddressChurn>(flows("start src_addr dst_addr"), at(900, 1800));
  EXPECT_EQ(row.addresses, 0u);
  EXPECT_EQ(row.jaccard, std::nullopt);
}

TEST(AddressChurn, TreatsMappedAddressesAsIpv4Addresses) {
  const auto row = mole::testkit::run<AddressChurn>(flows(R"(
      start     src_addr         dst_addr
      00:00:00  10.0.0.1         192.0.2.1
      00:00:00  2001:db8::1      ::1
      00:15:00  ::ffff:10.0.0.1  ::1
      00:15:00  2001:db8::1      ::1
      00:15:00  0.0.0.0          10.0.0.1 )"),
                                                    at(900, 1800));
  EXPECT_EQ(row.addresses, 3u);
  EXPECT_EQ(row.stayed, 2u);
}

TEST(AddressChurn, SatisfiesTheLaws) {
  mole::testkit::check_laws<AddressChurn>(flows(R"(
      start     src_addr     dst_addr
      00:00:00  10.0.0.1     192.0.2.1
      00:14:59  10.0.0.2     192.0.2.1
      00:15:00  2001:db8::1  ::1
      00:14:00  2001:db8::1  ::1
      00:20:00  10.0.0.1     0.0.0.0
      00:00:01  0.0.0.0      192.0.2.2 )"),
                                          at(900, 1800, "both"));
}
