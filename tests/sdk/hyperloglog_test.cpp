#include <gtest/gtest.h>
#include <mole/sketches/hyperloglog.hpp>

#include <random>

#include "tests/sdk/saved.hpp"

namespace {

using mole::HyperLogLog;

HyperLogLog of(unsigned precision, std::uint64_t from, std::uint64_t to) {
  HyperLogLog h(precision);
  for (auto i = from; i < to; ++i) h.add(mole::stable_hash(i));
  return h;
}

TEST(HyperLogLog, IsZeroWhenEmpty) { EXPECT_EQ(HyperLogLog(12).estimate(), 0.0); }

// 60 sets of each size: the root mean square of the relative errors is the documented standard error, and there are no outliers.
TEST(HyperLogLog, HasTheDocumentedError) {
  for (const unsigned precision : {6u, 10u, 12u}) {
    const double documented = HyperLogLog::standard_error(precision);
    for (const std::uint64_t size : {100u, 3000u, 50'000u}) {
      double squares = 0, worst = 0;
      for (std::uint64_t set = 0; set < 60; ++set) {
        const double error = of(precision, set << 32, (set << 32) + size).estimate() / static_cast<double>(size) - 1;
        squares += error * error;
        worst = std::max(worst, std::abs(error));
      }
      EXPECT_LT(std::sqrt(squares / 60), 1.3 * documented) << precision << ' ' << size;
      EXPECT_LT(worst, 4 * documented) << precision << ' ' << size;
    }
  }
}

// Full registers exceed the range of the estimate; one or two hashes are estimated exactly.
TEST(HyperLogLog, HandlesBothExtremes) {
  HyperLogLog full(4);
  for (std::uint64_t i = 0; i < 16; ++i) full.add(i << 60);
  EXPECT_TRUE(std::isinf(full.estimate()));
  HyperLogLog one(4);
  one.add(0);
  EXPECT_NEAR(one.estimate(), 1, 0.1);
  one.add(~std::uint64_t{0});
  EXPECT_NEAR(one.estimate(), 2, 0.2);
}

TEST(HyperLogLog, MergesToTheSketchOfTheUnion) {
  auto a = of(10, 0, 4000), b = of(10, 2000, 9000), none = HyperLogLog(10);
  auto left = a, right = b;
  left.merge(b);
  right.merge(a);
  left.merge(none);
  none.merge(right);
  EXPECT_EQ(saved(left), saved(of(10, 0, 9000)));
  EXPECT_EQ(saved(none), saved(left));
}

TEST(HyperLogLog, RejectsInvalidBytes) {
  const auto load = [](const std::string& bytes) {
    mole::StateReader r(bytes.data(), bytes.size());
    HyperLogLog h(4);
    h.load(r);
  };
  const auto good = saved(of(4, 0, 5));
  EXPECT_NO_THROW(load(good));
  EXPECT_THROW(load(saved(of(5, 0, 5))), mole::Failure);
  auto high = good;
  high[8] = 62;
  EXPECT_THROW(load(high), mole::Failure);
  auto nothing = good;
  std::fill(nothing.begin() + 8, nothing.end(), '\0');
  EXPECT_THROW(load(nothing), mole::Failure);
}

TEST(HyperLogLog, HasTheSameEstimateAsItsTinyForm) {
  mole::TinyHyperLogLog<7> tiny;
  HyperLogLog plain(7);
  for (std::uint64_t i = 0; i < 500; ++i) {
    tiny.add(mole::stable_hash(i));
    plain.add(mole::stable_hash(i));
    ASSERT_EQ(tiny.estimate(), plain.estimate());
  }
  tiny.registers.fill(255);  // not the result of any hash, but possible in damaged bytes
  EXPECT_TRUE(std::isinf(tiny.estimate()));
}

}  // namespace
