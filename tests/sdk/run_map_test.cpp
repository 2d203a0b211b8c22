#include <gtest/gtest.h>
#include <mole/containers/run_map.hpp>

#include <map>
#include <random>

#include "tests/sdk/saved.hpp"

namespace {

struct Sum {
  std::uint32_t n = 0;
  static constexpr auto state = mole::fields(&Sum::n);
  void merge(const Sum& other) { n += other.n; }
  bool operator==(const Sum&) const = default;
};
using Pair = std::array<std::uint64_t, 2>;

template <class Key>
std::map<Key, std::uint32_t> contents(const mole::RunMap<Key, Sum>& m) {
  std::map<Key, std::uint32_t> out;
  m.for_each([&](const Key& key, const Sum& sum) { EXPECT_TRUE(out.emplace(key, sum.n).second); });
  return out;
}

TEST(RunMap, BehavesLikeAStandardMap) {
  for (const std::size_t n : {0u, 1u, 2u, 63u, 64u, 1000u, 5000u, 100'000u, 400'000u}) {
    std::mt19937_64 random(n);
    mole::RunMap<std::uint64_t, Sum> runs;
    std::map<std::uint64_t, std::uint32_t> standard;
    runs.append(n, [&](std::size_t i) {
      const std::uint64_t key = random() % (n / 2 + 1);
      standard[key] += static_cast<std::uint32_t>(i);
      return std::pair(key, Sum{static_cast<std::uint32_t>(i)});
    });
    EXPECT_EQ(contents(runs), standard) << n;
    EXPECT_EQ(runs.size(), standard.size());
    EXPECT_EQ(runs.empty(), n == 0);
  }
}

TEST(RunMap, SupportsWideKeys) {
  std::mt19937_64 random(1);
  mole::RunMap<Pair, Sum> runs;
  std::map<Pair, std::uint32_t> standard;
  runs.append(50'000, [&](std::size_t) {
    const Pair key{random() % 300, random() % 300 << 40};
    ++standard[key];
    return std::pair(key, Sum{1});
  });
  EXPECT_EQ(contents(runs), standard);
}

TEST(RunMap, MergesInAnyOrderToTheSameBytes) {
  std::mt19937_64 random(2);
  mole::RunMap<std::uint64_t, Sum> whole, parts[7];
  for (int i = 0; i < 300; ++i) {
    const std::size_t n = random() % 400;
    std::vector<std::uint64_t> keys(n);
    for (auto& k : keys) k = random() % 30'000 << 32 | random() % 2;
    const auto make = [&](std::size_t j) { return std::pair(keys[j], Sum{1}); };
    whole.append(n, make);
    parts[i % 7].append(n, make);
    if (i % 50 == 0) saved(parts[i % 7]);  // saving changes nothing
  }
  mole::RunMap<std::uint64_t, Sum> ascending, descending;
  for (int i = 0; i < 7; ++i) {
    ascending.merge(parts[i]);
    descending.merge(parts[6 - i]);
  }
  EXPECT_EQ(saved(ascending), saved(whole));
  EXPECT_EQ(saved(descending), saved(whole));
  EXPECT_EQ(saved(loaded<mole::RunMap<std::uint64_t, Sum>>(saved(whole))), saved(whole));
}

TEST(RunMap, SortsKeysWithEqualUpperBits) {
  mole::RunMap<std::uint64_t, Sum> runs;
  runs.append(20'000, [&](std::size_t i) { return std::pair(mole::detail::KeyMixer::unmix(i * 7919 % 20'000), Sum{1}); });
  EXPECT_EQ(runs.size(), 20'000u);
  std::uint64_t next = 0;
  runs.for_each([&](std::uint64_t key, const Sum&) { EXPECT_EQ(mole::detail::KeyMixer::mix(key), next++); });
}

struct Counted : mole::detail::PlainEntry<std::uint64_t, Sum> {
  static inline std::uint64_t compared = 0;
  static Counted of(std::uint64_t mixed, const Sum& sum) { return {{mixed, sum}}; }
  bool before(const Counted& e) const { return ++compared, PlainEntry::before(e); }
};

// Many keys with equal upper bits, then the smallest of them repeatedly: each belongs far from its position.
TEST(RunMap, NeedsFewComparisonsForRepeatedHostileKeys) {
  mole::RunMap<std::uint64_t, Sum, Counted> runs;
  constexpr std::size_t n = 200'000;
  std::mt19937_64 random(5);
  const auto append = [&](auto mixed) {
    runs.append(n, [&](std::size_t i) { return std::pair(mole::detail::KeyMixer::unmix(mixed(i)), Sum{1}); });
  };
  append([&](std::size_t) { return random(); });  // so that there are partitions
  Counted::compared = 0;
  append([](std::size_t i) { return i % 8192 < 4096 ? i % 4096 : 0; });
  EXPECT_GT(runs.size(), 4096u);
  EXPECT_LT(Counted::compared / n, 100u);
}

// Keys of one partition, then of others; between them the map is copied, moved and merged, as states are.
TEST(RunMap, HandlesHostileKeysAmongOthers) {
  std::mt19937_64 random(4);
  for (const std::size_t hostile : {100u, 700u, 1100u, 3000u, 90'000u}) {
    mole::RunMap<std::uint64_t, Sum> runs;
    std::map<std::uint64_t, std::uint32_t> standard;
    const auto append = [&](std::size_t n, std::uint64_t below) {
      runs.append(n, [&](std::size_t) {
        const std::uint64_t key = mole::detail::KeyMixer::unmix(random() % below);
        ++standard[key];
        return std::pair(key, Sum{1});
      });
    };
    append(hostile, hostile);
    append(2000, ~std::uint64_t{0});
    mole::RunMap<std::uint64_t, Sum> copy = runs, empty;
    empty.merge(copy);
    runs = std::move(empty);
    copy = {};
    EXPECT_TRUE(copy.empty());
    append(50'000, ~std::uint64_t{0});
    append(hostile, hostile);
    EXPECT_EQ(contents(runs), standard) << hostile;
    EXPECT_EQ(saved(loaded<mole::RunMap<std::uint64_t, Sum>>(saved(runs))), saved(runs));
  }
}

TEST(RunMap, UsesLittleMemoryForRepeatedKeys) {
  constexpr std::size_t distinct = 100'000;
  std::mt19937_64 random(3);
  mole::RunMap<std::uint64_t, Sum> runs;
  runs.append(10 * distinct, [&](std::size_t) { return std::pair(random() % distinct << 20, Sum{1}); });
  const auto entry = sizeof(mole::detail::PlainEntry<std::uint64_t, Sum>);
  EXPECT_LT(runs.memory(), runs.size() * entry * 8 / 5);  // new entries may need half as much memory as merged ones
}

TEST(RunMap, RejectsInvalidBytes) {
  mole::RunMap<std::uint64_t, Sum> runs;
  runs.append(3, [](std::size_t i) { return std::pair(std::uint64_t{i}, Sum{1}); });
  auto bytes = saved(runs);
  EXPECT_THROW((loaded<mole::RunMap<std::uint64_t, Sum>>(bytes.substr(0, bytes.size() - 1))), mole::Failure);
  std::swap_ranges(bytes.begin() + 8, bytes.begin() + 20, bytes.begin() + 20);
  EXPECT_THROW((loaded<mole::RunMap<std::uint64_t, Sum>>(bytes)), mole::Failure);
}

}  // namespace
