#include "arma.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

#include <random>

using mole::testkit::run;
using mole::testkit::ValueTable;

namespace {

constexpr std::int64_t hour = 3'600'000'000;
constexpr double none = -1;

double normal(std::mt19937_64& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) / 9007199254740992.0;
  return sum;
}
mole::Grid grid_of_values(const std::vector<double>& x) {
  mole::Grid g{0, hour, x, {}};
  for (const double v : x) g.weight.push_back(v == none ? 0 : 1);
  return g;
}

// Level of Lake Huron in feet, 1875 to 1972: Brockwell and Davis (1991), Time Series: Theory and Methods, series A.
const std::vector<double> lake_huron{
    580.38, 581.86, 580.97, 580.8,  579.79, 580.39, 580.42, 580.82, 581.4,  581.32, 581.44, 581.68, 581.17, 580.53,
    580.01, 579.91, 579.14, 579.16, 579.55, 579.67, 578.44, 578.24, 579.1,  579.09, 579.35, 578.82, 579.32, 579.01,
    579,    579.8,  579.83, 579.72, 579.89, 580.01, 579.37, 578.69, 578.19, 578.67, 579.55, 578.92, 578.09, 579.37,
    580.13, 580.14, 579.51, 579.24, 578.66, 578.86, 578.05, 577.79, 576.75, 576.75, 577.82, 578.64, 580.58, 579.48,
    577.38, 576.9,  576.94, 576.24, 576.84, 576.85, 576.9,  577.79, 578.18, 577.51, 577.23, 578.42, 579.61, 579.05,
    579.26, 579.22, 579.38, 579.1,  577.95, 578.12, 579.75, 580.85, 580.41, 579.96, 579.61, 578.76, 578.18, 577.21,
    577.13, 579.1,  578.25, 577.91, 576.89, 575.96, 576.8,  577.68, 578.38, 578.52, 579.74, 579.31, 579.89, 579.96};

// Quarterly approval of US presidents in per cent, 1945 to 1974, with six quarters missing: McNeil (1977), Interactive Data
// Analysis.
const std::vector<double> presidents{none, 87, 82, 75, 63, 50, 43, 32, 35, 60, 54,   55,   36, 39, none, none, 69, 57, 57, 51,
                                     45,   37, 46, 39, 36, 24, 32, 23, 25, 32, none, 32,   59, 74, 75,   60,   71, 61, 71, 57,
                                     71,   68, 79, 73, 76, 71, 67, 75, 79, 62, 63,   57,   60, 49, 48,   52,   57, 62, 61, 66,
                                     71,   62, 61, 57, 72, 83, 71, 78, 79, 71, 62,   74,   76, 64, 62,   57,   80, 73, 69, 69,
                                     71,   64, 69, 62, 63, 46, 56, 44, 44, 52, 38,   46,   36, 49, 35,   44,   59, 65, 65, 56,
                                     66,   53, 61, 52, 51, 48, 54, 49, 49, 61, none, none, 68, 44, 40,   27,   28, 25, 24, 24};

mole::testkit::Given<Arma> at(std::size_t i) {
  const auto start = static_cast<std::int64_t>(i) * hour;
  return {.params = {.season = "none", .every = 0}, .contexts = {}, .interval = {{start}, {start + hour}}};
}

}  // namespace

// R: arima(LakeHuron, order = c(2, 0, 0)) and Box.test(residuals(.), lag = 10, type = "Ljung-Box", fitdf = 2).
TEST(Arma, FitsTheAutoregressionOfLakeHuron) {
  const auto g = grid_of_values(lake_huron);
  const auto fit = mole::fit_arma(g, 2, 0, 1e-10, 2000);
  EXPECT_NEAR(fit.model.ar[0], 1.0436, 6e-5);
  EXPECT_NEAR(fit.model.ar[1], -0.2495, 6e-5);
  EXPECT_NEAR(fit.mean, 579.0473, 6e-5);
  EXPECT_NEAR(fit.variance, 0.4788, 6e-5);
  EXPECT_NEAR(fit.log_likelihood, -103.63, 0.006);
  EXPECT_NEAR(fit.aic(), 215.27, 0.006);
  const auto errors = mole::standard_errors(g, fit);
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_NEAR(errors[0], 0.0983, 6e-5);
  EXPECT_NEAR(errors[1], 0.1008, 6e-5);
  EXPECT_NEAR(errors[2], 0.3319, 6e-5);
  std::vector<std::optional<double>> residuals;
  mole::ArmaFilter(fit.model).run(g, fit.mean, &residuals);
  const auto test = mole::ljung_box(residuals, 10, 2);
  EXPECT_NEAR(test.statistic, 5.9457, 5e-4);
  EXPECT_NEAR(test.p, 0.6533, 6e-5);
}

// R: arima(LakeHuron, order = c(1, 0, 1)); Brockwell and Davis, from example 8.8: phi 0.7449, theta 0.3206 by maximum likelihood.
TEST(Arma, FitsTheMixedModelOfLakeHuron) {
  const auto g = grid_of_values(lake_huron);
  const auto fit = mole::fit_arma(g, 1, 1, 1e-10, 2000);
  EXPECT_NEAR(fit.model.ar[0], 0.7449, 6e-5);
  EXPECT_NEAR(fit.model.ma[0], 0.3206, 6e-5);
  EXPECT_NEAR(fit.mean, 579.0555, 6e-5);
  const auto errors = mole::standard_errors(g, fit);
  EXPECT_NEAR(errors[0], 0.0777, 6e-5);
  EXPECT_NEAR(errors[1], 0.1135, 6e-5);
  EXPECT_NEAR(errors[2], 0.3501, 6e-5);
  EXPECT_NEAR(fit.aic(), 214.49, 0.006);
}

// R: arima(presidents, order = c(3, 0, 0)), the example with missing values in its manual. R also searches for the mean and stops
// slightly before the maximum.
TEST(Arma, HandlesTheGapsInThePresidentsSeries) {
  const auto g = grid_of_values(presidents);
  const auto fit = mole::fit_arma(g, 3, 0, 1e-10, 4000);
  EXPECT_EQ(fit.n, 114);
  EXPECT_NEAR(fit.model.ar[0], 0.7496, 1e-4);
  EXPECT_NEAR(fit.model.ar[1], 0.2523, 1e-4);
  EXPECT_NEAR(fit.model.ar[2], -0.1890, 1e-4);
  EXPECT_NEAR(fit.mean, 56.2236, 0.01);
  EXPECT_GE(fit.log_likelihood, mole::log_likelihood(g, {{0.7496, 0.2523, -0.1890}, {}}, 56.2236));
  EXPECT_NEAR(fit.variance, 81.12, 0.006);
  EXPECT_NEAR(fit.log_likelihood, -414.08, 0.006);
  EXPECT_NEAR(fit.aic(), 838.16, 0.006);
  const auto errors = mole::standard_errors(g, fit);
  EXPECT_NEAR(errors[0], 0.0936, 6e-5);
  EXPECT_NEAR(errors[1], 0.1140, 6e-5);
  EXPECT_NEAR(errors[2], 0.0946, 6e-5);
  EXPECT_NEAR(errors[3], 4.2845, 0.01);
}

// The likelihood of AR(1) with mean 0 is the product of the densities of x_1 with variance 1 / (1 - phi^2) and of x_t - phi
// x_{t-1} with variance 1; across a gap, of x_t - phi^g x_{t-g} with variance (1 - phi^2g) / (1 - phi^2).
TEST(Arma, MatchesTheLikelihoodInClosedForm) {
  const double phi = 0.7, x[] = {1.0, -0.5, 0.8, 2.0};
  const auto density = [](double e, double v) { return -0.5 * (std::log(v) + e * e / v); };
  const double known = density(1.0, 1 / (1 - phi * phi)) + density(-0.5 - phi, 1) +
                       density(0.8 + phi * phi * phi * 0.5, (1 - std::pow(phi, 6)) / (1 - phi * phi)) +
                       density(2.0 - phi * 0.8, 1);
  const mole::Grid g{0, hour, {x[0], x[1], 99, 99, x[2], x[3]}, {1, 1, 0, 0, 1, 1}};
  const auto sum = mole::ArmaFilter({{phi}, {}}).run(g);
  EXPECT_NEAR(-0.5 * (sum.xx + sum.log_f), known, 1e-12);
  // A value of coverage 1/2 is observed with as much noise as a shock; alone, its variance is 1 / (1 - phi^2) + 1.
  const auto half = mole::ArmaFilter({{phi}, {}}).run({0, hour, {3}, {0.5}});
  EXPECT_NEAR(half.xx, 9 / (1 / (1 - phi * phi) + 1), 1e-12);
}

TEST(Arma, FindsTheProcessThatGeneratedTheValues) {
  struct Case {
    std::vector<double> ar, ma;
  };
  for (const auto& [ar, ma] : {Case{{0.8}, {}}, Case{{1.2, -0.5}, {}}, Case{{}, {0.6}}, Case{{0.7}, {0.4}}}) {
    std::mt19937_64 random(11);
    ValueTable t;
    std::vector<double> x(4, 0), e(4, 0);
    for (std::size_t i = 4; i < 2004; ++i) {
      e.push_back(normal(random));
      double v = e[i];
      for (std::size_t k = 0; k < ar.size(); ++k) v += ar[k] * x[i - 1 - k];
      for (std::size_t k = 0; k < ma.size(); ++k) v += ma[k] * e[i - 1 - k];
      x.push_back(v);
      if (i % 40 < 37) t.rows.push_back({5e9 + 1e9 * v, 1, {static_cast<std::int64_t>(i - 4) * hour}});
    }
    const auto row = run<Arma>(t, at(1999));
    EXPECT_EQ(row.ar_order, ar.size());
    EXPECT_EQ(row.ma_order, ma.size());
    const auto near = [](std::optional<double> found, std::optional<double> error, double truth) {
      return std::abs(*found - truth) < 3 * *error;
    };
    EXPECT_TRUE(ar.size() < 1 || near(row.ar1.value, row.ar1.error, ar[0]));
    EXPECT_TRUE(ar.size() < 2 || near(row.ar2.value, row.ar2.error, ar[1]));
    EXPECT_TRUE(ma.size() < 1 || near(row.ma1.value, row.ma1.error, ma[0]));
    EXPECT_NEAR(*row.deviation / 1e9, 1, 0.06);
    EXPECT_LT(std::abs(*row.mean - 5e9), 4 * *row.mean_error);
    EXPECT_GT(*row.residual_p, 0.001);
  }
}

TEST(Arma, DetectsAnInsufficientModel) {
  std::mt19937_64 random(5);
  ValueTable t;
  for (int i = 0; i < 500; ++i) t.rows.push_back({5 + normal(random) + 3 * std::sin(i * 0.5), 1, {i * hour}});
  auto given = at(499);
  given.params.most_ar = 0, given.params.most_ma = 0;
  EXPECT_LT(*run<Arma>(t, given).residual_p, 1e-9);
}

// Every second cell is a gap: first as many values as lags, then more lags than values.
TEST(Arma, TestsTheResidualsOfFewValues) {
  std::vector<std::optional<double>> residuals;
  for (int i = 0; i < 24; ++i) residuals.push_back(i % 2 ? -1.0 : 1.0), residuals.push_back(std::nullopt);
  EXPECT_LT(mole::ljung_box(residuals, 24, 0).p, 1e-9);
  EXPECT_TRUE(std::isfinite(mole::ljung_box(residuals, 24, 0).statistic));
  std::vector<std::optional<double>> few(residuals.begin(), residuals.begin() + 20);
  EXPECT_EQ(mole::ljung_box(few, 1000, 0).p, mole::ljung_box(few, 19, 0).p);
}

TEST(Arma, IsNullForConstantsAndTooFewValues) {
  ValueTable t;
  for (int i = 0; i < 40; ++i) t.rows.push_back({5, 1, {i * hour}});
  EXPECT_EQ(run<Arma>(t, at(39)).ar_order, std::nullopt);
  for (int i = 0; i < 40; ++i) t.rows[static_cast<std::size_t>(i)].value = i * i % 7;
  EXPECT_EQ(run<Arma>(t, at(20)).ar_order, std::nullopt);
  EXPECT_NE(run<Arma>(t, at(39)).ar_order, std::nullopt);
}

TEST(Arma, RejectsAnUnknownCriterion) {
  auto given = at(1);
  given.params.criterion = "unknown";
  EXPECT_THROW(mole::testkit::Metric<Arma> metric(given), mole::testkit::CallFailed);
}

TEST(Arma, SatisfiesTheLaws) {
  ValueTable t;
  for (int i = 0; i < 36; ++i) t.rows.push_back({static_cast<double>(i * i % 7), i == 4 ? 0.0 : 1.0 / (1 + i % 5), {i * hour}});
  t.rows[5].value = std::nullopt;
  std::swap(t.rows[7], t.rows[20]);
  auto given = at(35);
  given.params.most_ar = 1, given.params.most_ma = 0;
  mole::testkit::check_laws<Arma>(t, given);
}
