#include "sdk/model/digest.hpp"

#include <gtest/gtest.h>

namespace mole {
namespace {

TEST(Digest, EqualsXxhsum) {
  // printf '' | xxh128sum; printf abc | xxh128sum (xxHash 0.8.1)
  EXPECT_EQ(digest_of(std::string_view{}).hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(digest_of("abc").hex(), "06b05ab6733a618578af5f94892f3950");
}

TEST(Digest, RoundTripsAsHex) {
  const auto digest = digest_of("abc");
  EXPECT_EQ(*Digest::from_hex(digest.hex()), digest);
  EXPECT_FALSE(Digest::from_hex("06b05ab6733a618578af5f94892f395"));
  EXPECT_FALSE(Digest::from_hex("06B05AB6733A618578AF5F94892F3950"));
}

TEST(Hasher, SeparatesFields) {
  EXPECT_NE(Hasher().field("a").field("bc").finish(), Hasher().field("ab").field("c").finish());
  EXPECT_EQ(Hasher().bytes("ab", 2).bytes("c", 1).finish(), digest_of("abc"));
}

}  // namespace
}  // namespace mole
