#include <gtest/gtest.h>
#include <mole/containers/flat_map.hpp>
#include <mole/containers/flat_set.hpp>

#include <map>
#include <random>

#include "tests/sdk/saved.hpp"

namespace {

struct Volume {
  std::uint32_t flows = 0;
  std::uint64_t bytes = 0;
  static constexpr auto state = mole::fields(&Volume::flows, &Volume::bytes);
  void merge(const Volume& other) {
    flows += other.flows;
    bytes += other.bytes;
  }
  bool operator==(const Volume&) const = default;
};
using Sums = mole::FlatMap<std::uint32_t, std::uint64_t>;
using Volumes = mole::FlatMap<std::uint32_t, Volume>;

TEST(FlatMap, BehavesLikeAStandardMap) {
  std::mt19937 random(1);
  Sums flat;
  std::map<std::uint32_t, std::uint64_t> standard;
  for (int i = 0; i < 50'000; ++i) {
    const std::uint32_t key = random() % 30'000, value = i % 97u;
    flat[key] += value;
    standard[key] += value;
  }
  EXPECT_EQ(flat.size(), standard.size());
  EXPECT_EQ(saved(flat), saved(standard));
  EXPECT_EQ(Sums::shape(), (mole::detail::shape_of<std::map<std::uint32_t, std::uint64_t>>()));
  for (std::uint32_t key = 0; key < 30'000; ++key) {
    const auto it = standard.find(key);
    const auto* value = flat.find(key);
    ASSERT_EQ(value != nullptr, it != standard.end());
    if (value) {
      ASSERT_EQ(*value, it->second);
    }
  }
}

TEST(FlatMap, FindsNothingInAnEmptyMap) {
  const Sums empty;
  EXPECT_EQ(empty.find(0), nullptr);
  EXPECT_EQ(empty.find(7), nullptr);
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.memory(), 0u);
}

TEST(FlatMap, BulkUpdateEqualsSingleUpdates) {
  std::vector<mole::Addr> keys;
  for (std::uint32_t i = 0; i < 1000; ++i) keys.push_back(mole::Addr::v4(i * i % 700));
  for (int i = 0; i < 3; ++i) keys.push_back(mole::Addr{});
  mole::FlatMap<mole::Addr, Volume> many, each;
  many.update(keys, [](Volume& v, std::size_t i) { v.merge({1, i}); });
  for (std::size_t i = 0; i < keys.size(); ++i) each[keys[i]].merge({1, i});
  EXPECT_EQ(many, each);
  EXPECT_EQ(many.find(mole::Addr{})->flows, 3u);
}

TEST(FlatMap, KeepsEveryKeyOfASmallType) {
  mole::FlatMap<std::uint8_t, std::uint64_t> map;
  for (int round = 0; round < 2; ++round)
    for (unsigned key = 0; key < 256; ++key) map[static_cast<std::uint8_t>(key)] += key;
  EXPECT_EQ(map.size(), 256u);
  for (const auto& [key, sum] : map.sorted()) EXPECT_EQ(sum, 2u * key);
}

// Sorting depends on the number and width of keys, and skips digits in which all keys are equal.
TEST(FlatMap, IsSortedByAscendingKey) {
  const auto check = []<class Key>(Key mask, Key base) {
    std::mt19937 random(3);
    mole::FlatMap<Key, std::uint64_t> map;
    std::map<Key, std::uint64_t> standard;
    for (std::uint64_t i = 0; i < 3000; ++i) {
      const auto key = static_cast<Key>((random() & mask) | base);
      map[key] = standard[key] = i;
    }
    const std::vector<std::pair<Key, std::uint64_t>> expected(standard.begin(), standard.end());
    EXPECT_EQ(map.sorted(), expected) << sizeof(Key) << " bytes, mask " << mask;
  };
  check(std::uint8_t{0xff}, std::uint8_t{0});
  check(std::uint16_t{0xffff}, std::uint16_t{0});
  check(std::uint16_t{0xff00}, std::uint16_t{7});
  check(~std::uint32_t{0}, std::uint32_t{0});
  check(std::uint32_t{0xfff}, std::uint32_t{0x0a000000});
  check(~std::uint64_t{0}, std::uint64_t{1} << 63);
}

TEST(FlatMap, MergesToTheSumInAnyOrder) {
  std::mt19937 random(2);
  Volumes a, b, all;
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    const std::uint32_t key = random() % 10'000;
    const Volume one{1, random()};
    (i % 3 == 0 ? a : b)[key].merge(one);
    all[key].merge(one);
  }
  a[0].merge({5, 0});
  all[0].merge({5, 0});
  auto ab = a, ba = b;
  ab.merge(b);
  ba.merge(a);
  EXPECT_EQ(saved(ab), saved(all));
  EXPECT_EQ(saved(ba), saved(all));
}

TEST(FlatMap, VisitsEachEntryOnce) {
  Sums map;
  for (std::uint32_t key = 0; key < 100; ++key) map[key] = key + 1;
  std::uint64_t entries = 0, sum = 0;
  map.for_each([&](std::uint32_t key, std::uint64_t value) {
    EXPECT_EQ(value, key + 1u);
    ++entries;
    sum += value;
  });
  EXPECT_EQ(entries, 100u);
  EXPECT_EQ(sum, 5050u);
}

TEST(FlatMap, ReadsWhatItSaved) {
  Volumes map;
  for (std::uint32_t i = 0; i < 1000; ++i) map[i * i] = {i, ~std::uint64_t{i}};
  EXPECT_EQ(loaded<Volumes>(saved(map)), map);
  EXPECT_EQ(Volumes::shape(), "map<u32,u32,u64>");
}

TEST(FlatMap, RejectsInvalidBytes) {
  using Small = mole::FlatMap<std::uint8_t, std::uint8_t>;
  EXPECT_EQ(loaded<Small>(std::string("\2\0\0\0\0\0\0\0\1\7\2\7", 12)).size(), 2u);
  EXPECT_THROW(loaded<Small>(std::string("\2\0\0\0\0\0\0\0\2\7\1\7", 12)), mole::Failure);  // not in order
  EXPECT_THROW(loaded<Small>(std::string("\2\0\0\0\0\0\0\0\1\7\1\7", 12)), mole::Failure);  // duplicate
  EXPECT_THROW(loaded<Small>(std::string("\2\0\0\0\0\0\0\0\1\7\2", 11)), mole::Failure);    // truncated
  EXPECT_THROW(loaded<Small>(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f\1\7", 10)), mole::Failure);
}

TEST(FlatMap, SupportsWideKeys) {
  using Pair = std::array<std::uint64_t, 2>;
  std::mt19937 random(2);
  mole::FlatMap<Pair, std::uint64_t> flat;
  mole::FlatSet<Pair> set;
  std::map<Pair, std::uint64_t> standard;
  for (int i = 0; i < 20'000; ++i) {
    const Pair key{random() % 100, random() % 100};
    ++flat[key];
    set.insert(key);
    ++standard[key];
  }
  EXPECT_EQ(saved(flat), saved(standard));
  std::vector<Pair> keys;
  for (const auto& [key, count] : standard) keys.push_back(key);
  EXPECT_EQ(set.sorted(), keys);
  EXPECT_TRUE(set.contains(Pair{0, 0}));
  EXPECT_FALSE(set.contains(Pair{0, 100}));
}

}  // namespace
