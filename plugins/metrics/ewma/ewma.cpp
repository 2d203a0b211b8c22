#include <mole/statistics/log2.hpp>
#include <mole/metric.hpp>
#include <mole/series.hpp>

// Exponentially weighted average and deviation of any numeric column. What a value counts halves with its age in time, not with
// the number of values since: a gap makes the past older and pulls nothing towards zero. docs/metrics/ewma.md
struct Ewma {
  static constexpr auto about = mole::metric("ewma", "1.0.0", "Exponentially weighted average of a column");

  struct Row {
    std::optional<double> mean, deviation, size;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_ewma", &Row::mean, mole::same("values"),
                   "Average with weights coverage * 2^(-age / half_life); null without values"),
      mole::column("{values}_ewm_deviation", &Row::deviation, mole::same("values"), "Standard deviation with the same weights"),
      mole::column("{values}_ewm_size", &Row::size, mole::unit::interval,
                   "Sum of the weights: how many recent full intervals the average rests on"));

  struct Params {
    double half_life = 21'600;
    double minimum_coverage = 0;
  };
  static constexpr auto params =
      mole::params(mole::param("half_life", &Params::half_life, mole::unit::second, mole::range(1, 315'360'000),
                               "Age at which a value counts half; the window should hold ten of them"),
                   mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                               "Leave out values with less coverage than this"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to average"));

  explicit Ewma(const Params& given) : p(given) {}
  Params p;
  mole::Series series;
  static constexpr auto state = mole::fields(&Ewma::series);

  void add(const mole::Values& values) { series.add(values); }
  void merge(const Ewma& other) { series.merge(other.series); }
  // Ages are counted from the row's own interval; old ones first, so that small weights are not lost in large sums.
  Row finish(const mole::Interval& row) const {
    double size = 0, mean = 0, squares = 0;  // squares: weighted, about the mean so far (West 1979)
    for (const auto& point : series.before(row.end)) {
      if (point.weight < p.minimum_coverage) continue;
      const double half_lives = static_cast<double>(row.start.us - point.start.us) / 1e6 / p.half_life;
      if (half_lives > 1000) continue;  // it counts nothing
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
