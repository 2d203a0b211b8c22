#include <mole/series_metric.hpp>
#include <mole/statistics/log2.hpp>

#include <algorithm>
#include <cmath>

// Exponentially weighted average and deviation of a numeric column. The weight of a value halves with its age in time, not with
// the number of newer values: in a gap, older values lose weight but the average does not move towards zero. docs/metrics/ewma.md
struct Ewma : mole::SeriesMetric {
  static constexpr auto about = mole::metric("ewma", "1.0.0", "Exponentially weighted average of a column");

  struct Row {
    std::optional<double> mean, deviation, size;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_ewma", &Row::mean, mole::same("values"),
                   "Average with weights coverage * 2^(-age / half_life); null if there are no values"),
      mole::column("{values}_ewm_deviation", &Row::deviation, mole::same("values"), "Standard deviation with the same weights"),
      mole::column("{values}_ewm_size", &Row::size, mole::unit::interval,
                   "Sum of the weights: the equivalent number of recent, fully covered intervals"));

  struct Params {
    double half_life = 21'600;
    double minimum_coverage = 0;
  };
  static constexpr auto params =
      mole::params(mole::param("half_life", &Params::half_life, mole::unit::second, mole::range(1, 315'360'000),
                               "Age at which the weight of a value is half; use a window of ten times this"),
                   mole::minimum_coverage_param(&Params::minimum_coverage));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to average"));

  explicit Ewma(const Params& given) : p(given) {}
  Params p;

  // Ages are relative to the start of the row's interval. Oldest values first, so that small weights are not lost in large sums.
  Row finish(const mole::Interval& row) const {
    double size = 0, mean = 0, squares = 0;  // squares: weighted, about the running mean (West 1979)
    for (const auto& point : series.before(row.end)) {
      if (point.weight < p.minimum_coverage) continue;
      const double half_lives = static_cast<double>(row.start.us - point.start.us) / 1e6 / p.half_life;
      if (half_lives > 1000) continue;  // its weight is zero
      const double weight = point.weight * mole::exp2(-half_lives);
      size += weight;
      const double off = point.value - mean;
      mean += off * (weight / size);
      squares += weight * off * (point.value - mean);
    }
    if (size == 0) return {};
    return {mean, std::sqrt(std::max(squares / size, 0.0)), size};
  }
};

MOLE_PLUGINS(Ewma)
