#include "sdk/model/listing.hpp"

#include <gtest/gtest.h>

namespace mole::task {
namespace {

std::string packed_of(const IndexEntry& entry) {
  std::string packed;
  append_packed(packed, entry);
  return packed;
}

TEST(PackedEntry, RoundTrips) {
  const IndexEntry a{"a\nb", 1, "v", "tape", 2, "md5:00", true, 3}, b{"c", 0, "", "", 0};
  auto packed = packed_of(a);
  append_packed(packed, b);
  std::string_view bytes = packed;
  EXPECT_EQ(take_packed(bytes), a);
  EXPECT_EQ(take_packed(bytes), b);
  EXPECT_TRUE(bytes.empty());
}

TEST(PackedEntry, IsRefusedIfTruncated) {
  const auto packed = packed_of({"id", 1, "v", "tape", 2, "md5:00", true, 3});
  for (std::size_t size = 0; size < packed.size(); ++size) {
    auto bytes = std::string_view(packed).substr(0, size);
    EXPECT_FALSE(take_packed(bytes)) << size;
  }
}

TEST(PackedEntry, HasALiteralLayout) {
  const std::string zero(7, '\0');
  EXPECT_EQ(packed_of({"ab", 3, "v", "", 4, "", true, 5}), "\2" + zero + "ab" + "\1" + zero + "v" + '\0' + zero + '\0' + zero +
                                                               "\3" + zero + "\4" + zero + "\5" + zero + "\1" + zero);
}

TEST(ListingDigest, DoesNotDependOnTheOrder) {
  const IndexEntry a{"a", 1, "v", "", 0}, b{"b", 2, "v", "", 0};
  ListingDigest one, other;
  one.add(a), one.add(b);
  other.add(b), other.add(a);
  EXPECT_EQ(one.value(), other.value());
}

TEST(ListingDigest, IsThatOfTheRemainingEntriesAfterARemoval) {
  const IndexEntry a{"a", 1, "v", "", 0}, b{"b", 2, "v", "", 0};
  ListingDigest one, other;
  one.add(a), one.add(b), one.remove(a);
  other.add(b);
  EXPECT_EQ(one.value(), other.value());
  EXPECT_EQ(one.entries(), 1u);
}

TEST(ListingDigest, DependsOnEveryField) {
  const IndexEntry entry{"a", 1, "v", "tape", 2, "md5:00", false, 0};
  std::vector<IndexEntry> others(8, entry);
  others[0].id = "b";
  others[1].size = 2;
  others[2].version = "w";
  others[3].medium = "";
  others[4].position = 3;
  others[5].stated_digest = "md5:01";
  others[6].offline = true;
  others[7].tier = 1;
  const auto digest_of_one = [](const IndexEntry& e) {
    ListingDigest digest;
    digest.add(e);
    return digest.value();
  };
  for (std::size_t i = 0; i < others.size(); ++i) EXPECT_NE(digest_of_one(others[i]), digest_of_one(entry)) << i;
}

TEST(ListingDigest, OfNoEntriesIsNotEmpty) { EXPECT_FALSE(ListingDigest().value().empty()); }

TEST(UsableId, IsNeitherEmptyNorVeryLongNorWithANullByte) {
  EXPECT_TRUE(is_usable_id("a"));
  EXPECT_TRUE(is_usable_id(std::string(4096, 'a')));
  EXPECT_FALSE(is_usable_id(""));
  EXPECT_FALSE(is_usable_id(std::string(4097, 'a')));
  EXPECT_FALSE(is_usable_id(std::string("a\0b", 3)));
}

}  // namespace
}  // namespace mole::task
