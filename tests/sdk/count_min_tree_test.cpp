#include <gtest/gtest.h>
#include <mole/sketches/count_min_tree.hpp>

#include <map>
#include <random>

#include "tests/sdk/saved.hpp"

namespace {

using Tree = mole::CountMinTree<4>;
using Key = Tree::Key;

Key key(std::uint32_t n) {
  return {static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
          static_cast<std::uint8_t>(n)};
}

// Keys with a heavy-tailed distribution over the whole key space.
std::map<Key, std::uint64_t> heavy_tailed(std::uint32_t seed) {
  std::mt19937 random(seed);
  std::map<Key, std::uint64_t> out;
  for (std::uint32_t i = 1; i <= 20'000; ++i) out[key(random())] += 1'000'000 / i + random() % 5;
  return out;
}

TEST(CountMinTree, FindsEveryHeavyKeyWithinItsErrorBound) {
  double worst = 0;
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    Tree tree(1024);
    const auto exact = heavy_tailed(seed);
    std::uint64_t total = 0;
    for (const auto& [k, n] : exact) {
      tree.add(k, n);
      total += n;
    }
    ASSERT_EQ(tree.total(), total);
    const auto threshold = total / 200;
    const auto found = tree.at_least(threshold);
    std::map<Key, std::uint64_t> amounts(found.begin(), found.end());
    for (const auto& [k, n] : exact) EXPECT_TRUE(n < threshold || amounts.contains(k));
    int beyond_bound = 0;
    for (const auto& [k, n] : found) {
      const auto truth = exact.contains(k) ? exact.at(k) : 0;
      EXPECT_GE(n, truth);
      const double error = static_cast<double>(n - truth) / static_cast<double>(total);
      worst = std::max(worst, error);
      beyond_bound += error > Tree::error_bound(1024);
    }
    EXPECT_EQ(beyond_bound, 0);
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end(), [](auto& a, auto& b) { return a.second > b.second; }));
  }
  EXPECT_GT(worst, 0);
}

TEST(CountMinTree, MergesToTheSketchOfTheUnion) {
  Tree a(64), b(64), all(64), none(64);
  std::uint32_t i = 0;
  for (const auto& [k, n] : heavy_tailed(7)) {
    (i++ % 2 ? a : b).add(k, n);
    all.add(k, n);
  }
  auto left = a, right = b;
  left.merge(b);
  right.merge(a);
  left.merge(none);
  none.merge(right);
  EXPECT_EQ(saved(left), saved(all));
  EXPECT_EQ(saved(none), saved(all));
}

TEST(CountMinTree, IsBoundedWhenAllKeysAreHeavy) {
  Tree tree(16);
  for (const auto& [k, n] : heavy_tailed(3)) tree.add(k, n);
  EXPECT_LT(tree.at_least(1).size(), 8192u);
}

TEST(CountMinTree, FindsNothingWhenEmpty) { EXPECT_TRUE(Tree(64).at_least(1).empty()); }

TEST(CountMinTree, RejectsInvalidBytes) {
  Tree tree(64);
  tree.add(key(1), 1);
  const auto load = [](const std::string& bytes, std::uint32_t width) {
    mole::StateReader r(bytes.data(), bytes.size());
    Tree t(width);
    t.load(r);
  };
  EXPECT_NO_THROW(load(saved(tree), 64));
  EXPECT_THROW(load(saved(tree), 128), mole::Failure);
  EXPECT_THROW(load(saved(tree).substr(0, 500), 64), mole::Failure);
}

}  // namespace
