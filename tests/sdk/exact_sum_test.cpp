#include <gtest/gtest.h>
#include <mole/exact_sum.hpp>

#include <limits>
#include <random>
#include <vector>

#include "tests/sdk/saved.hpp"

using mole::ExactSum;

namespace {

__extension__ typedef __int128 Wide;

ExactSum sum_of(std::initializer_list<double> values) {
  ExactSum s;
  for (const double v : values) s.add(v);
  return s;
}

TEST(ExactSum, HandlesExtremeValues) {
  constexpr double max = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(sum_of({}).round(), 0.0);
  EXPECT_EQ(sum_of({-0.0}).round(), 0.0);
  EXPECT_EQ(sum_of({max, tiny, -max}).round(), tiny);
  EXPECT_EQ(sum_of({max, max}).round(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(sum_of({-max, -max, max}).round(), -max);
  EXPECT_EQ(sum_of({-tiny, -tiny}).round(), -2 * tiny);
  EXPECT_EQ(sum_of({max, max, max}).divided_by(3), max);
  EXPECT_EQ(sum_of({tiny}).divided_by(2), 0.0);  // half the smallest double is a tie, rounded to even
  EXPECT_EQ(sum_of({3 * tiny}).divided_by(2), 2 * tiny);
}

TEST(ExactSum, RoundsToTheNearestDoubleAndTiesToEven) {
  constexpr double big = 9007199254740992;  // 2^53: the next double is 2 larger
  EXPECT_EQ(sum_of({big, 1}).round(), big);
  EXPECT_EQ(sum_of({big, 1, 1e-300}).round(), big + 2);
  EXPECT_EQ(sum_of({big, 1, -1e-300}).round(), big);
  EXPECT_EQ(sum_of({big + 2, 1}).round(), big + 4);
  EXPECT_EQ(sum_of({-big, -1, -1e-300}).round(), -big - 2);
}

// Integers of up to 100 bits, which __int128 adds exactly and rounds to the nearest double.
TEST(ExactSum, AgreesWithWideIntegers) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    ExactSum sum, products;
    Wide exact = 0, exact_products = 0;
    for (int i = 0; i < 20; ++i) {
      const auto a = static_cast<std::int64_t>(random()) >> (11 + random() % 50);
      const auto b = static_cast<std::int64_t>(random()) >> (11 + random() % 50);
      const int up = static_cast<int>(random() % 40);
      sum.add(std::ldexp(static_cast<double>(a), up));
      exact += Wide{a} << up;
      products.add_product(static_cast<double>(a), static_cast<double>(b));
      exact_products += Wide{a} * b;
    }
    const std::uint64_t n = random() % 1000 + 1;
    ASSERT_EQ(sum.round(), static_cast<double>(exact));
    ASSERT_EQ(products.round(), static_cast<double>(exact_products));
    ExactSum multiple;
    multiple.add_scaled(sum, n, true);
    ASSERT_EQ(multiple.round(), static_cast<double>(-exact * static_cast<Wide>(n)));
    const auto factor = static_cast<std::int64_t>(random() % 2001) - 1000;
    ExactSum scaled;
    scaled.add_scaled(sum, static_cast<double>(factor));
    ASSERT_EQ(scaled.round(), static_cast<double>(exact * factor));
  }
}

// x * 2^e scaled by 2^-e for every e: the result does not depend on word positions.
TEST(ExactSum, ScalesAcrossTheWholeRange) {
  for (int e = -1020; e <= 1020; ++e) {
    const ExactSum s = sum_of({std::ldexp(3.0, e), std::ldexp(-1.0, e)});
    ExactSum t;
    t.add_scaled(s, std::ldexp(-5.0, -e));
    ASSERT_EQ(t.round(), -10.0) << e;
  }
}

TEST(ExactSum, DividesToTheNearestDouble) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 5000; ++round) {
    const double a = static_cast<double>(random() >> 11), n = static_cast<double>(random() % 100'000 + 1);
    ASSERT_EQ(sum_of({a}).divided_by(static_cast<std::uint64_t>(n)), a / n);  // IEEE division also rounds once
    ASSERT_EQ(sum_of({-a * 1e-300}).divided_by(static_cast<std::uint64_t>(n)), -a * 1e-300 / n);
  }
}

// Numbers over the whole range of double, in any order and grouping.
TEST(ExactSum, DoesNotDependOnOrder) {
  std::mt19937_64 random(3);
  std::vector<double> values;
  while (values.size() < 1000) {
    const double x = std::bit_cast<double>(random());
    if (std::isfinite(x)) values.push_back(x);
  }
  ExactSum whole;
  for (const double x : values) whole.add(x);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(values.begin(), values.end(), random);
    std::array<ExactSum, 7> parts;
    for (std::size_t i = 0; i < values.size(); ++i) parts[i % 7].add(values[i]);
    ExactSum merged;
    for (const auto& p : parts) merged.merge(p);
    ASSERT_EQ(merged, whole);
    ASSERT_EQ(saved(merged), saved(whole));
  }
}

TEST(ExactSum, SubtractsBackToZero) {
  std::mt19937_64 random(4);
  ExactSum s;
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i)
    values.push_back(std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 1900) - 1000));
  for (const double x : values) s.add_product(x, -0.7);
  for (const double x : values) s.add_product(x, 0.7);
  EXPECT_EQ(s, ExactSum());
  EXPECT_EQ(saved(s), std::string(4, '\0'));
}

TEST(ExactSum, SavesAsDocumented) {
  // 2^-1074 * 2^1074 = 2^0 is in word 2148 / 64 = 33, bit 2148 % 64 = 36.
  EXPECT_EQ(saved(sum_of({1.0})), std::string("\x21\0\1\0\0\0\0\0\x10\0\0\0", 12));
  EXPECT_EQ(saved(sum_of({-1.0})), std::string("\x21\0\1\0\0\0\0\0\xf0\xff\xff\xff", 12));
}

TEST(ExactSum, ReadsWhatItSaved) {
  std::mt19937_64 random(5);
  ExactSum s;
  for (int i = 0; i < 300; ++i) {
    s.add(std::ldexp(static_cast<double>(static_cast<std::int64_t>(random())), static_cast<int>(random() % 1900) - 1000));
    const auto bytes = saved(s);
    ASSERT_EQ(loaded<ExactSum>(bytes), s);
  }
}

TEST(ExactSum, RejectsInvalidBytes) {
  EXPECT_THROW(loaded<ExactSum>(std::string("\x21\0\2\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0", 20)),
               mole::Failure);  // one word too many
  EXPECT_THROW(loaded<ExactSum>(std::string("\x20\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0", 20)),
               mole::Failure);  // first word is 0
  EXPECT_THROW(loaded<ExactSum>(std::string("\xff\xff\xff\xff", 4)), mole::Failure);
  EXPECT_THROW(loaded<ExactSum>(std::string("\x43\0\1\0\1\0\0\0\0\0\0\0", 12)), mole::Failure);  // beyond the highest word
}

TEST(ExactSum, RejectsNonFiniteValues) {
  ExactSum s;
  EXPECT_THROW(s.add(std::numeric_limits<double>::infinity()), mole::Failure);
  EXPECT_THROW(s.add_product(1, std::numeric_limits<double>::quiet_NaN()), mole::Failure);
  EXPECT_EQ(s, ExactSum());
}

}  // namespace
