#include <gtest/gtest.h>
#include <mole/statistics/entropy.hpp>

#include <cmath>
#include <random>
#include <vector>

namespace {

mole::Entropy of(const std::vector<std::uint64_t>& counts) {
  mole::Entropy e;
  for (const auto c : counts) e.add(c);
  return e;
}

// Computes -sum p log p in long double.
double definition(const std::vector<std::uint64_t>& counts) {
  long double n = 0, h = 0;
  for (const auto c : counts) n += static_cast<long double>(c);
  for (const auto c : counts)
    if (c > 0) h -= static_cast<long double>(c) / n * std::log2(static_cast<long double>(c) / n);
  return static_cast<double>(h);
}

TEST(Log2, MatchesTheLibraryFunction) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const double x = std::ldexp(1 + static_cast<double>(random() >> 11) * 0x1p-53, static_cast<int>(random() % 200) - 100);
    const double truth = static_cast<double>(std::log2(static_cast<long double>(x)));
    ASSERT_NEAR(mole::log2(x), truth, 0x1p-50 * std::max(1.0, std::abs(truth))) << x;
    const double y = static_cast<double>(static_cast<std::int64_t>(random())) * 0x1p-54;
    ASSERT_NEAR(mole::exp2(y) / static_cast<double>(std::exp2(static_cast<long double>(y))), 1, 0x1p-50) << y;
  }
}

TEST(Log2, IsExactForPowersOfTwo) {
  for (int e = -1000; e <= 1000; e += 8) {
    EXPECT_EQ(mole::log2(std::ldexp(1.0, e)), e);
    EXPECT_EQ(mole::exp2(e), std::ldexp(1.0, e));
  }
}

TEST(Entropy, IsCorrectForKnownDistributions) {
  EXPECT_EQ(of({2, 1, 1}).bits(), 1.5);
  EXPECT_EQ(of({5}).bits(), 0.0);
  EXPECT_EQ(of({7, 7, 7, 7}).bits(), 2.0);
  EXPECT_EQ(of({0, 3, 0, 3}).bits(), 1.0);
  EXPECT_NEAR(*of({9, 1}).bits(), 0.46899559358928122, 1e-15);
  EXPECT_EQ(of({0, 3, 0, 3}).distinct(), 2u);
}

TEST(Entropy, IsNormalisedByTheUniformDistribution) {
  EXPECT_EQ(of({4, 4, 4, 4, 4}).normalised(), 1.0);
  EXPECT_NEAR(*of({2, 1, 1}).normalised(), 0.94639463035718624, 1e-15);
  EXPECT_EQ(of({4}).normalised(), std::nullopt);
}

TEST(Entropy, IsNullWithoutCounts) {
  EXPECT_EQ(of({}).bits(), std::nullopt);
  EXPECT_EQ(of({0}).bits(), std::nullopt);
}

// The entropy is correct for a total just below 2^64 and null for a larger one.
TEST(Entropy, IsNullIfTheSumOverflows) {
  const std::uint64_t half = std::uint64_t{1} << 63;
  EXPECT_NEAR(*of({half, half - 1}).bits(), 1.0, 1e-15);
  EXPECT_EQ(of({half, half}).bits(), std::nullopt);
  EXPECT_EQ(of({half, half}).normalised(), std::nullopt);
}

TEST(Entropy, DoesNotDependOnTheOrderOfCounts) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::uint64_t> counts(1000);
    for (auto& c : counts) c = static_cast<std::uint64_t>(std::pow(1 - static_cast<double>(random() >> 11) * 0x1p-53, -2.0));
    const auto bits = of(counts).bits();
    EXPECT_NEAR(*bits, definition(counts), 1e-13);
    std::shuffle(counts.begin(), counts.end(), random);
    EXPECT_EQ(of(counts).bits(), bits);
  }
}

// One count is much larger than the other: no precision is lost to cancellation.
TEST(Entropy, IsAccurateForAnAlmostCertainValue) {
  const std::uint64_t n = 1'000'000'000;
  EXPECT_NEAR(*of({n, 1}).bits() / definition({n, 1}), 1, 1e-6);
}

}  // namespace
