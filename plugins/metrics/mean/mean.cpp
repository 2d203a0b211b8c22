#include <mole/exact_sum.hpp>
#include <mole/metric.hpp>

// Arithmetic mean of any numeric column. The sum is exact, so the mean is the double nearest to the true one, whatever was
// merged in what order. With a window it is a moving average.
struct Mean {
  static constexpr auto about = mole::metric("mean", "1.1.0", "Mean of a column");

  struct Row {
    std::optional<double> mean;
    std::uint64_t count;
  };
  static constexpr auto output =
      mole::columns(mole::column("{values}_mean", &Row::mean, mole::same("values"), "Arithmetic mean; null without values"),
                    mole::column("{values}_count", &Row::count, mole::unit::interval, "Values that entered the mean"));

  struct Params {
    double minimum_coverage = 0;
    bool weighted = false;
  };
  static constexpr auto params = mole::params(
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Leave out values with less coverage than this"),
      mole::param("weighted", &Params::weighted, "Let each value count as much as its coverage, to a millionth, instead of 1"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to take the mean of"));

  explicit Mean(const Params& given) : p(given) {}
  Params p;
  std::uint64_t count = 0, weight = 0;  // weight: in all, of 2^20 for a value with full coverage; or 1 for each
  mole::ExactSum sum;
  static constexpr auto state = mole::fields(&Mean::count, &Mean::weight, &Mean::sum);

  void add(const mole::Values& values) {
    for (auto [value, coverage, interval_start] : values) {
      if (coverage < p.minimum_coverage) continue;
      const auto w = p.weighted ? mole::whole_weight(coverage) : 1;
      if (w == 0) continue;
      mole::ExactSum one;
      one.add(value);
      sum.add_scaled(one, w);
      weight += w;
      ++count;
    }
  }
  void merge(const Mean& other) {
    sum.merge(other.sum);
    weight += other.weight;
    count += other.count;
  }
  Row finish() const { return {weight > 0 ? std::optional(sum.divided_by(weight)) : std::nullopt, count}; }
};

MOLE_PLUGINS(Mean)
