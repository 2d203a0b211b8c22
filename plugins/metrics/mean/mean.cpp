#include <mole/exact_sum.hpp>
#include <mole/metric.hpp>

// Arithmetic mean of any numeric column. The sum is exact, so the mean is the double nearest to the true one, whatever was
// merged in what order.
struct Mean {
  static constexpr auto about = mole::metric("mean", "1.0.0", "Mean of a column");

  struct Row {
    std::optional<double> mean;
    std::uint64_t count;
  };
  static constexpr auto output =
      mole::columns(mole::column("{values}_mean", &Row::mean, mole::same("values"), "Arithmetic mean; null without values"),
                    mole::column("{values}_count", &Row::count, mole::unit::interval, "Values that entered the mean"));

  struct Params {
    double minimum_coverage = 0;
  };
  static constexpr auto params = mole::params(mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one,
                                                          mole::range(0, 1), "Leave out values with less coverage than this"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to take the mean of"));

  explicit Mean(const Params& p) : minimum_coverage(p.minimum_coverage) {}
  double minimum_coverage;
  std::uint64_t count = 0;
  mole::ExactSum sum;
  static constexpr auto state = mole::fields(&Mean::count, &Mean::sum);

  void add(const mole::Values& values) {
    for (auto [value, coverage, interval_start] : values) {
      if (coverage < minimum_coverage) continue;
      sum.add(value);
      ++count;
    }
  }
  void merge(const Mean& other) {
    sum.merge(other.sum);
    count += other.count;
  }
  Row finish() const { return {count > 0 ? std::optional(sum.divided_by(count)) : std::nullopt, count}; }
};

MOLE_PLUGINS(Mean)
