#include <gtest/gtest.h>
#include <mole/sketches/log_histogram.hpp>

#include <cmath>
#include <random>

#include "tests/sdk/saved.hpp"

namespace {

using mole::LogHistogram;
constexpr std::uint64_t top = ~std::uint64_t{0};

LogHistogram of(const std::vector<std::uint64_t>& values) {
  LogHistogram h;
  h.add_each(values.size(), [&](std::size_t i) { return values[i]; });
  return h;
}

TEST(LogHistogram, HasBucketsWithoutGapsOrOverlaps) {
  EXPECT_EQ(LogHistogram::bucket(top), LogHistogram::bucket_count - 1);
  for (std::size_t b = 0; b < LogHistogram::bucket_count; ++b) {
    const auto least = LogHistogram::min_value(b),
               last = b + 1 < LogHistogram::bucket_count ? LogHistogram::min_value(b + 1) - 1 : top;
    ASSERT_EQ(LogHistogram::bucket(least), b);
    ASSERT_EQ(LogHistogram::bucket(last), b);
    const double middle = LogHistogram::middle(b);
    ASSERT_LE(std::abs(static_cast<double>(least) - middle), middle / 128) << b;
    ASSERT_LE(std::abs(static_cast<double>(last) - middle), middle / 128) << b;
  }
}

TEST(LogHistogram, HasExactQuantilesOfSmallValues) {
  std::vector<std::uint64_t> values;
  for (std::uint64_t v = 1; v <= 100; ++v) values.push_back(v);
  const auto h = of(values);
  EXPECT_EQ(h.quantile(0), 1);
  EXPECT_EQ(h.quantile(0.05), 5);
  EXPECT_EQ(h.quantile(0.5), 50);
  EXPECT_EQ(h.quantile(0.99), 99);
  EXPECT_EQ(h.quantile(1), 100);
  EXPECT_EQ(of({}).quantile(0.5), std::nullopt);
}

// Compares with the exact nearest rank, for heavy tails over eight decades.
TEST(LogHistogram, HasQuantilesWithinTheErrorBound) {
  std::mt19937_64 random(5);
  for (const double tail : {0.3, 0.7, 1.2}) {
    std::vector<std::uint64_t> values(20'000);
    for (auto& v : values)
      v = static_cast<std::uint64_t>(40 * std::pow(1 - static_cast<double>(random() >> 11) * 0x1p-53, -1 / tail));
    const auto h = of(values);
    std::sort(values.begin(), values.end());
    for (const double q : {0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.9999}) {
      const auto exact = static_cast<double>(values[static_cast<std::size_t>(std::ceil(q * 20'000)) - 1]);
      EXPECT_LE(std::abs(*h.quantile(q) - exact), exact / 128) << tail << " " << q;
    }
  }
}

TEST(LogHistogram, CountsBelowPowersOfTwoExactly) {
  const auto h = of({0, 1, 1023, 1024, 1025, 4096});
  EXPECT_EQ(h.count_below(LogHistogram::bucket(1024)), 3u);
  EXPECT_EQ(h.count_below(LogHistogram::bucket(4096)), 5u);
  EXPECT_EQ(h.total(), 6u);
}

TEST(LogHistogram, SupportsWeights) {
  LogHistogram weighted, repeated;
  for (const std::uint64_t v : {3, 900, 70'000}) {
    weighted.add(v, v % 7 + 1);
    for (std::uint64_t i = 0; i < v % 7 + 1; ++i) repeated.add(v);
  }
  EXPECT_EQ(saved(weighted), saved(repeated));
}

TEST(LogHistogram, MergesToTheSum) {
  auto small = of({1, 2, 3}), large = of({2, top});
  const auto all = of({1, 2, 2, 3, top});
  auto other = large;
  other.merge(small);
  small.merge(large);
  EXPECT_EQ(saved(small), saved(all));
  EXPECT_EQ(saved(other), saved(all));
}

TEST(LogHistogram, SavesNonemptyBucketsAndRejectsInvalidBytes) {
  const std::string one("\1\0\0\0\0\0\0\0", 8), two("\2\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(saved(of({5, 5, 9})), two + "\5\2\4\1");
  EXPECT_EQ(saved(loaded<LogHistogram>(saved(of({5, 5, 9, top})))), saved(of({9, top, 5, 5})));
  EXPECT_THROW(loaded<LogHistogram>(two + std::string("\5\2\0\1", 4)), mole::Failure);  // a duplicate bucket
  EXPECT_THROW(loaded<LogHistogram>(one + std::string("\5\0", 2)), mole::Failure);      // an empty bucket
  EXPECT_THROW(loaded<LogHistogram>(one + "\xc0\x1d\1"), mole::Failure);                // bucket 3776
  EXPECT_EQ(loaded<LogHistogram>(one + "\xbf\x1d\1").total(), 1u);
  EXPECT_THROW(loaded<LogHistogram>(two + "\5\2"), mole::Failure);
}

}  // namespace
