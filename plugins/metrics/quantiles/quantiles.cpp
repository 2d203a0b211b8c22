#include <mole/series_metric.hpp>
#include <mole/statistics/statistics.hpp>

#include <algorithm>
#include <cmath>

// Exact quantiles of a numeric column; the state keeps all values of the window. docs/metrics/quantiles.md
struct Quantiles : mole::SeriesMetric {
  static constexpr auto about = mole::metric("quantiles", "1.0.0", "Quantiles of a column, weighted by coverage");

  struct Row {
    std::optional<double> minimum, q05, q25, median, q75, q95, maximum, chosen, spread;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_minimum", &Row::minimum, mole::same("values"),
                   "Minimum; null if there are no values, as are the other quantiles"),
      mole::column("{values}_q05", &Row::q05, mole::same("values"), "5 % quantile"),
      mole::column("{values}_q25", &Row::q25, mole::same("values"), "Lower quartile"),
      mole::column("{values}_median", &Row::median, mole::same("values"), "Median"),
      mole::column("{values}_q75", &Row::q75, mole::same("values"), "Upper quartile"),
      mole::column("{values}_q95", &Row::q95, mole::same("values"), "95 % quantile"),
      mole::column("{values}_maximum", &Row::maximum, mole::same("values"), "Maximum"),
      mole::column("{values}_quantile", &Row::chosen, mole::same("values"), "Quantile given by the parameter `probability`"),
      mole::column("{values}_mad", &Row::spread, mole::same("values"),
                   "1.4826 times the median absolute deviation: estimates the standard deviation of normal data"),
      mole::column("{values}_count", &Row::count, mole::unit::interval, "Number of values used"));

  struct Params {
    double probability = 0.99;
    double minimum_coverage = 0;
    std::uint64_t every = 0;
  };
  static constexpr auto params = mole::params(
      mole::param("probability", &Params::probability, mole::unit::one, mole::range(0, 1), "Additional quantile to compute"),
      mole::minimum_coverage_param(&Params::minimum_coverage), mole::every_param(&Params::every));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to take quantiles of"));

  explicit Quantiles(const Params& given) : p(given) {}
  Params p;

  Row finish(const mole::Interval& interval) const {
    if (!mole::is_due(interval.end, p.every)) return {};
    std::vector<mole::Weighted> x;
    for (const auto& point : series.points())
      if (point.weight >= p.minimum_coverage) x.push_back({point.value, point.weight});
    if (x.empty()) return {};
    std::sort(x.begin(), x.end());
    const auto at = [&](double share) { return mole::quantile_of(x, share); };
    const double median = at(0.5);
    auto deviations = x;
    for (auto& w : deviations) w.value = std::abs(w.value - median);
    const double spread = mole::normal_spread * mole::weighted_median(std::move(deviations));
    return {x.front().value, at(0.05), at(0.25), median, at(0.75), at(0.95), x.back().value, at(p.probability), spread, x.size()};
  }
};

MOLE_PLUGINS(Quantiles)
