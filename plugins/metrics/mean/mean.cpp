#include <mole/exact_sum.hpp>
#include <mole/series_metric.hpp>

// Arithmetic mean of a numeric column. The sum is exact, so the mean is the double nearest to the true mean, in any order of
// merging. With a window it is a moving average.
struct Mean {
  static constexpr auto about = mole::metric("mean", "1.1.0", "Mean of a column");

  struct Row {
    std::optional<double> mean;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_mean", &Row::mean, mole::same("values"), "Arithmetic mean; null if there are no values"),
      mole::column("{values}_count", &Row::count, mole::unit::interval, "Number of values used"));

  struct Params {
    double minimum_coverage = 0;
    bool weighted = false;
  };
  static constexpr auto params = mole::params(
      mole::minimum_coverage_param(&Params::minimum_coverage),
      mole::param("weighted", &Params::weighted, "Weight each value by its coverage, to a precision of one millionth"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to take the mean of"));

  explicit Mean(const Params& given) : p(given) {}
  Params p;
  std::uint64_t count = 0, weight = 0;  // weight: sum of weights; 2^20 each at full coverage, or 1 each if unweighted
  mole::ExactSum sum;
  static constexpr auto state = mole::fields(&Mean::count, &Mean::weight, &Mean::sum);

  void add(const mole::Values& values) {
    for (auto [value, coverage, interval_start] : values) {
      if (coverage < p.minimum_coverage) continue;
      const auto w = p.weighted ? mole::integer_weight(coverage) : 1;
      if (w == 0) continue;
      mole::ExactSum one;
      one.add(value);
      sum.add_scaled(one, w);
      weight += w;
      ++count;
    }
  }
  void merge(const Mean& other) { mole::merge_fields(*this, other); }
  Row finish() const { return {weight > 0 ? std::optional(sum.divided_by(weight)) : std::nullopt, count}; }
};

MOLE_PLUGINS(Mean)
