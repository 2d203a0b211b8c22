#include "distributions.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <numeric>
#include <random>

using mole::testkit::flows;

namespace {

// Returns the value of a column by its name.
std::uint64_t count_of(const Distributions::Row& row, const std::string& name) {
  std::optional<std::uint64_t> found;
  mole::detail::for_each_column(Distributions::output, [&](const auto& s) {
    if constexpr (std::is_same_v<typename std::decay_t<decltype(s)>::Cell, std::uint64_t>)
      if (s.name() == name) found = s.of(row);
  });
  if (!found) throw std::out_of_range(name);
  return *found;
}

TEST(Distributions, DescribeAFewFlows) {
  const auto row = mole::testkit::run<Distributions>(flows(R"(
      start     end           packets  bytes
      00:00:01  00:00:01         1       40
      00:00:01  00:00:01.001     2      200
      00:00:02  00:00:03.5       3      300
      00:00:02  00:00:02.1       4     6000 )"));
  EXPECT_DOUBLE_EQ(*row.duration.shape.mean, 1.601 / 4);
  EXPECT_EQ(row.duration.shape.p5, 0);
  EXPECT_EQ(row.duration.shape.p50, 0.001);
  EXPECT_EQ(row.duration.shape.p75, 0.1);
  EXPECT_NEAR(*row.duration.shape.p99, 1.5, 1.5 / 128);
  EXPECT_EQ(row.packets.shape.mean, 2.5);
  EXPECT_EQ(row.packets.shape.p50, 2);
  EXPECT_EQ(row.bytes.shape.mean, 1635);
  EXPECT_EQ(row.bytes.shape.p25, 40);
  EXPECT_EQ(row.packet_size.mean, 654);
  EXPECT_EQ(row.packet_size.p5, 40);  // ten packets: one of 40, five of 100, four of 1500 bytes
  EXPECT_EQ(row.packet_size.p50, 100);
  EXPECT_NEAR(*row.packet_size.p75, 1500, 1500. / 128);
  EXPECT_EQ(row.bytes.exponent, std::nullopt);
  EXPECT_EQ(count_of(row, "flows_of_duration_0ms"), 1u);
  EXPECT_EQ(count_of(row, "flows_of_duration_1ms"), 1u);
  EXPECT_EQ(count_of(row, "flows_of_duration_64ms"), 1u);
  EXPECT_EQ(count_of(row, "flows_of_duration_1024ms"), 1u);
  EXPECT_EQ(count_of(row, "flows_of_packets_2"), 2u);
  EXPECT_EQ(count_of(row, "flows_of_packets_4"), 1u);
  EXPECT_EQ(count_of(row, "flows_of_bytes_0"), 1u);
  EXPECT_EQ(count_of(row, "flows_of_bytes_256"), 1u);
  EXPECT_EQ(count_of(row, "flows_of_packet_size_65_to_127"), 2u);
  EXPECT_EQ(count_of(row, "packets_of_packet_size_1024_to_1518"), 4u);
  EXPECT_EQ(count_of(row, "bytes_of_packet_size_to_64"), 40u);
}

TEST(Distributions, PutEachFlowIntoOneClass) {
  std::string table = "start end packets bytes\n";
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i)
    table += "0 " + std::to_string(random() >> (random() % 40 + 20)) + " " + std::to_string(random() >> (random() % 64)) + " " +
             std::to_string(random() >> (random() % 64)) + "\n";
  const auto row = mole::testkit::run<Distributions>(flows(table));
  const auto sum = [](const auto& counts) { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); };
  EXPECT_EQ(sum(row.flows_by_duration), 500u);
  EXPECT_EQ(sum(row.flows_by_packets), 500u);
  EXPECT_EQ(sum(row.flows_by_bytes), 500u);
  EXPECT_EQ(sum(row.size_flows) + row.flows_by_packets[0], 500u);  // all except those without packets
}

TEST(Distributions, HaveTheDocumentedPacketSizeClasses) {
  for (const auto& [size, expected] : std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 0},
                                                                                         {64, 0},
                                                                                         {65, 1},
                                                                                         {127, 1},
                                                                                         {128, 2},
                                                                                         {255, 2},
                                                                                         {256, 3},
                                                                                         {511, 3},
                                                                                         {512, 4},
                                                                                         {1023, 4},
                                                                                         {1024, 5},
                                                                                         {1518, 5},
                                                                                         {1519, 6},
                                                                                         {65535, 6}})
    EXPECT_EQ(classes::packet_size_class(size), expected) << size;
}

TEST(Distributions, AreNullWithoutFlows) {
  const auto row = mole::testkit::run<Distributions>(flows("start end packets bytes"));
  EXPECT_EQ(row.duration.shape.mean, std::nullopt);
  EXPECT_EQ(row.bytes.shape.p50, std::nullopt);
  EXPECT_EQ(row.packet_size.mean, std::nullopt);
}

TEST(Distributions, HaveDurationZeroForAFlowThatEndsBeforeItStarts) {
  const auto row = mole::testkit::run<Distributions>(flows("start end packets bytes\n 00:00:02 00:00:01 0 7"));
  EXPECT_EQ(row.duration.shape.mean, 0);
  EXPECT_EQ(row.packet_size.mean, std::nullopt);
  EXPECT_EQ(count_of(row, "flows_of_packet_size_to_64"), 0u);
}

// Whole numbers with P(X >= x) = ((x - 1/2) / (m - 1/2))^-(alpha - 1), the fitted law, above a `body` with a different
// distribution.
mole::LogHistogram power_law(double alpha, std::uint64_t m, std::size_t n, std::size_t body, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  mole::LogHistogram h;
  for (std::size_t i = 0; i < n; ++i) {
    const double u = 1 - static_cast<double>(random() >> 11) * 0x1p-53;
    h.add(static_cast<std::uint64_t>((static_cast<double>(m) - 0.5) * std::pow(u, -1 / (alpha - 1)) + 0.5));
  }
  for (std::size_t i = 0; i < body; ++i) h.add(random() % m);
  return h;
}

// Finds the known exponent within four standard errors, and these are as small as the sample size implies.
TEST(TailFit, FindsAKnownExponent) {
  const TailFit fit;
  for (const double alpha : {1.5, 2.0, 2.5, 3.5})
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const auto tail = fit(power_law(alpha, 64, 20'000, 20'000, seed));
      ASSERT_TRUE(tail);
      EXPECT_GE(tail->from, 64u) << alpha << " " << seed;
      EXPECT_NEAR(tail->exponent, alpha, 4 * tail->error) << seed;
      EXPECT_LT(tail->distance, 2 / std::sqrt(static_cast<double>(tail->count))) << alpha << " " << seed;
      EXPECT_DOUBLE_EQ(tail->error, (tail->exponent - 1) / std::sqrt(static_cast<double>(tail->count)));
    }
}

// The scatter of the estimates matches their standard errors: over 200 samples the mean squared deviation in standard errors is
// near 1.
TEST(TailFit, HasTheReportedStandardError) {
  const TailFit fit;
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const auto tail = fit(power_law(2.2, 8, 2000, 0, seed));
    sum += std::pow((tail->exponent - 2.2) / tail->error, 2);
  }
  EXPECT_GT(sum / 200, 0.7);
  EXPECT_LT(sum / 200, 1.6);  // above 1, because the start of the tail is chosen from the same data
}

TEST(TailFit, NeedsAHundredValues) {
  const TailFit fit;
  EXPECT_FALSE(fit(mole::LogHistogram()));
  EXPECT_FALSE(fit(power_law(2, 64, 99, 0, 1)));
  EXPECT_TRUE(fit(power_law(2, 64, 200, 0, 1)));
  mole::LogHistogram one;
  one.add(~std::uint64_t{0}, 1000);
  const auto tail = fit(one);
  EXPECT_TRUE(tail && std::isfinite(tail->exponent) && std::isfinite(tail->error));
  EXPECT_GT(tail->distance, 0.5);  // not a power law
}

// The number of empty buckets at the end of a histogram depends on how the flows were divided into batches.
TEST(TailFit, DoesNotDependOnBatches) {
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    const auto x = static_cast<std::uint64_t>(8 / ((i + 0.5) / 10'000));
    values.push_back(x < 512 ? x : 600);
  }
  mole::LogHistogram together, apart;
  together.add_each(values.size(), [&](std::size_t i) { return values[i]; });
  for (const auto x : values) apart.add(x);
  const TailFit fit;
  const auto a = fit(together), b = fit(apart);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->from, b->from);
  EXPECT_EQ(a->exponent, b->exponent);
  EXPECT_EQ(a->error, b->error);
}

TEST(Distributions, SatisfyTheLaws) {
  mole::testkit::check_laws<Distributions>(flows(R"(
      start     end           packets               bytes
      00:00:01  00:00:01         1                  18446744073709551615
      00:00:01  00:00:01.001  18446744073709551615  200
      00:00:02  00:00:03.5       3                  300
      00:00:02  00:00:01         0                  60
      00:00:02  17:00:02.1       4294967296         4294967296000 )"));
}

// Enough flows for a tail, whose fit must not depend on batches and merging.
TEST(Distributions, SatisfyTheLawsWithATail) {
  std::string table = "start end packets bytes\n";
  for (int i = 0; i < 240; ++i)
    table += "00:00:01 00:00:02 1 " + std::to_string(static_cast<std::uint64_t>(64 / ((i * 7 % 240 + 0.5) / 240))) + "\n";
  ASSERT_TRUE(mole::testkit::run<Distributions>(flows(table)).bytes.exponent);
  mole::testkit::check_laws<Distributions>(flows(table));
}

}  // namespace
