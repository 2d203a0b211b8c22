#include "change_points.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <random>

using mole::testkit::run;
using mole::testkit::ValueTable;

namespace {

constexpr std::int64_t day = 86'400'000'000, hour = day / 24;

double normal(std::mt19937_64& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) / 9007199254740992.0;
  return sum;
}
mole::Grid grid_of_values(const std::vector<double>& x) { return {0, day, x, std::vector<double>(x.size(), 1)}; }

// Volume of the Nile at Aswan in 10^8 m^3, 1871 to 1970 (Cobb 1978).
const std::vector<double> nile{
    1120, 1160, 963,  1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935, 1110, 994,  1020, 960,  1180, 799,  958,  1140,
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,  874,  694, 940,  833,  701,  916,  692,  1020, 1050, 969,
    831,  726,  456,  824,  702,  1120, 1100, 832,  764,  821,  768,  845, 864,  862,  698,  845,  744,  796,  1040, 759,
    781,  865,  845,  944,  984,  897,  822,  1010, 771,  676,  649,  846, 812,  742,  801,  1040, 860,  874,  848,  890,
    744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,  1020, 906, 901,  1170, 912,  746,  919,  718,  714,  740};

mole::testkit::Given<ChangePoints> at_day(int i, const std::string& season) {
  return {.params = {.season = season, .every = 0}, .contexts = {}, .interval = {{i * day}, {(i + 1) * day}}};
}

}  // namespace

// G. W. Cobb, Biometrika 65 (1978), 243-251: one change, after 1898; means 1097.75 before and 849.97 after it.
TEST(ChangePoints, FindTheChangeInTheNileSeries) {
  ValueTable t;
  for (std::size_t i = 0; i < nile.size(); ++i) t.rows.push_back({nile[i], 1, {static_cast<std::int64_t>(i) * day}});
  for (const std::uint64_t least : {2, 5, 16}) {
    auto given = at_day(99, "none");
    given.params.least = least;
    const auto row = run<ChangePoints>(t, given);
    EXPECT_EQ(row.count, 1u);
    EXPECT_EQ(row.at->us / day, 1899 - 1871);
    EXPECT_NEAR(*row.before, 1097.75, 0.005);
    EXPECT_NEAR(*row.after, 849.97, 0.005);
    EXPECT_LT(*row.z, -5);
  }
}

// Pruning is exact: the cost equals that of trying all segmentations (optimal partitioning, Jackson et al. 2005).
TEST(ChangePoints, HaveTheCostOfTheBestSegmentation) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<double> x;
    double level = 0;
    for (int i = 0; i < 60; ++i) {
      if (random() % 12 == 0) level = 4 * normal(random);
      x.push_back(level + normal(random));
    }
    const std::size_t least = 1 + static_cast<std::size_t>(trial) % 4;
    const double penalty = 2 + trial % 7;
    std::vector<double> best(x.size() + 1, 1e300);
    best[0] = -penalty;
    for (std::size_t t = 1; t <= x.size(); ++t) {
      for (std::size_t s = 0; s + least <= t; ++s) {
        double mean = 0, cost = 0;
        for (std::size_t i = s; i < t; ++i) mean += x[i] / static_cast<double>(t - s);
        for (std::size_t i = s; i < t; ++i) cost += (x[i] - mean) * (x[i] - mean);
        best[t] = std::min(best[t], best[s] + cost + penalty);
      }
    }
    EXPECT_NEAR(mole::Pelt(grid_of_values(x), 1, penalty, least).cost(), best.back(), 1e-9) << trial;
  }
}

// Includes a slow drift plus white noise, where neighbouring values hardly show the drift: V = 1 + 0.05^2 / (1 - 0.98)^2 = 7.25.
TEST(ChangePoints, EstimateAutocorrelatedNoise) {
  std::mt19937_64 random(4);
  struct Case {
    double phi, shock, white;
  };
  for (const auto& [phi, shock, white] : {Case{0.0, 1, 0}, Case{0.5, 1, 0}, Case{0.8, 1, 0}, Case{0.98, 0.05, 1}}) {
    std::vector<double> x;
    double e = 0;
    for (int i = 0; i < 20'000; ++i) {
      e = phi * e + shock * normal(random);
      x.push_back(e + white * normal(random) + 10 * (i / 5000));
    }
    const double known = shock * shock / ((1 - phi) * (1 - phi)) + white * white;
    EXPECT_GT(mole::long_run_variance(grid_of_values(x)) / known, 0.85) << phi;
    EXPECT_LT(mole::long_run_variance(grid_of_values(x)) / known, 2.5)
        << phi;  // the maximum of several estimates is biased upwards
  }
}

// With weekly and daily seasons, autocorrelated noise and a gap, a change of level by 15 % is usually located within six hours;
// without a change, one is hardly ever found.
TEST(ChangePoints, FindANewLevelDespiteTheSeason) {
  int located = 0, false_alarms = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    ValueTable t;
    double e = 0;
    for (int i = 0; i < 24 * 28; ++i) {
      e = 0.6 * e + 0.03 * normal(random);
      const double shape = (i % 24 > 7 ? 3000 : 900) * (i / 24 % 7 > 4 ? 0.4 : 1.0) * std::exp(e);
      if (i > 300 && i < 320) continue;
      t.rows.push_back({seed % 2 ? shape : shape * (i >= 450 ? 1.15 : 1), 1, {i * hour}});
    }
    mole::testkit::Given<ChangePoints> given{
        .params = {.logarithmic = true, .every = 86'400}, .contexts = {}, .interval = {{(24 * 28 - 1) * hour}, {24 * 28 * hour}}};
    const auto row = run<ChangePoints>(t, given);
    if (seed % 2) {
      false_alarms += *row.count > 0;
      continue;
    }
    EXPECT_GE(*row.count, 1u) << seed;
    if (*row.count != 1) continue;
    located += std::abs(row.at->us / hour - 450) <= 6;
    EXPECT_NEAR(*row.after / *row.before, 1.15, 0.06);
  }
  EXPECT_GE(located, 7);
  EXPECT_LE(false_alarms, 1);
}

TEST(ChangePoints, AreNotFoundInAConstant) {
  ValueTable t;
  for (int i = 0; i < 60; ++i) t.rows.push_back({5, 1, {i * day}});
  EXPECT_EQ(run<ChangePoints>(t, at_day(59, "none")).count, 0u);
  EXPECT_EQ(run<ChangePoints>(t, at_day(59, "none")).after, 5.0);
  for (int i = 40; i < 60; ++i) t.rows[static_cast<std::size_t>(i)].value = 6;
  const auto row = run<ChangePoints>(t, at_day(59, "none"));
  EXPECT_EQ(row.count, 1u);
  EXPECT_EQ(row.at->us, 40 * day);
  EXPECT_EQ(row.change, 1.0);
}

TEST(ChangePoints, AreNullWithTooFewValuesOrWhenNotDue) {
  ValueTable t;
  for (int i = 0; i < 20; ++i) t.rows.push_back({5, 1, {i * day}});
  EXPECT_EQ(run<ChangePoints>(t, at_day(19, "none")).count, std::nullopt);
  auto given = at_day(40, "none");
  for (int i = 20; i < 41; ++i) t.rows.push_back({5, 1, {i * day}});
  given.params.every = 7 * 86'400;
  EXPECT_EQ(run<ChangePoints>(t, given).count, std::nullopt);
}

TEST(ChangePoints, AreNullIfSquaresOverflow) {
  ValueTable t;
  for (int i = 0; i < 60; ++i) t.rows.push_back({i * i % 7 < 3 ? 1e200 : -1e200, 1, {i * day}});
  EXPECT_EQ(run<ChangePoints>(t, at_day(59, "none")).count, std::nullopt);
}

TEST(ChangePoints, SatisfyTheLaws) {
  ValueTable t;
  for (int i = 0; i < 36; ++i)
    t.rows.push_back({i < 17 ? 5.0 + i % 3 : 11.0 + i % 2, i == 4 ? 0.0 : 1.0 / (1 + i % 5), {i * day}});
  t.rows[5].value = std::nullopt;
  std::swap(t.rows[7], t.rows[20]);
  mole::testkit::check_laws<ChangePoints>(t, at_day(35, "none"));
}
