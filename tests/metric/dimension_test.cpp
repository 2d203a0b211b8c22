#include "runtime/metric/dimension.hpp"

#include <gtest/gtest.h>

namespace mole::runtime {
namespace {

TEST(Dimension, ErrorsListTheKnownNames) {
  const auto rejected = dimensions_named({"router", "colour"});
  ASSERT_FALSE(rejected);
  EXPECT_NE(
      rejected.error().message.find("'colour' is not a dimension; choose among router, direction, protocol_class, src_addr"),
      std::string::npos);
  EXPECT_FALSE(dimensions_named({"router", "router"}));
}

TEST(Dimension, GroupsSortNumbersByValueAndStringsByBytes) {
  const auto by = *dimensions_named({"router", "dst_port"});
  const GroupOrder order{&by};
  EXPECT_TRUE(order({"a", "80"}, {"a", "443"}));
  EXPECT_FALSE(order({"a", "443"}, {"a", "80"}));
  EXPECT_TRUE(order({"10", "9"}, {"9", "1"}));
  EXPECT_FALSE(order({"a", "80"}, {"a", "80"}));
}

TEST(Dimension, DenseMembersAreTheProductOfTheDenseDimensions) {
  const auto by = *dimensions_named({"protocol_class", "dst_port", "router"});
  const auto members = dense_members(by, {"r1", "r2"});
  ASSERT_EQ(members.size(), 8u);
  EXPECT_EQ(members.front(), (Group{"icmp", "", "r1"}));
  EXPECT_EQ(members.back(), (Group{"udp", "", "r2"}));
  EXPECT_EQ(dense_part(by, {"tcp", "443", "r1"}), (Group{"tcp", "", "r1"}));
  EXPECT_EQ(dense_members({}, {"r1"}), std::vector<Group>{Group{}});
}

}  // namespace
}  // namespace mole::runtime
