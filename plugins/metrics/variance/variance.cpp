#include <mole/exact_sum.hpp>
#include <mole/metric.hpp>

// Variance of any numeric column, about a centre, which is normally its mean. Sums of values and of squares are exact, and so is
// moving them to another centre; what is left to round is small, so nothing cancels, whatever the centre.
struct Variance {
  static constexpr auto about = mole::metric("variance", "1.0.0", "Variance of a column");

  struct Row {
    std::optional<double> variance;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_variance", &Row::variance, mole::square("values"), "Variance; null without more than ddof values"),
      mole::column("{values}_count", &Row::count, mole::unit::interval, "Values that entered the variance"));

  struct Params {
    double minimum_coverage = 0;
    std::uint64_t ddof = 0;
  };
  static constexpr auto params =
      mole::params(mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                               "Leave out values with less coverage than this"),
                   mole::param("ddof", &Params::ddof, mole::unit::one, mole::range(0, 1),
                               "Delta degrees of freedom: 0 for the population, 1 for a sample"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to take the variance of"),
                                              mole::context("centre", mole::same("values"), "Centre for the sums, normally the mean"));

  explicit Variance(const Params& given) : p(given) {}
  Params p;
  std::optional<double> centre;

  // Sums over x - c for some centre c, at first 0.
  struct Moments {
    std::uint64_t count = 0;
    mole::ExactSum sum, squares;
    static constexpr auto state = mole::fields(&Moments::count, &Moments::sum, &Moments::squares);

    // From x to x - c: the squares lose 2cx and gain c^2 each.
    void shift(double c) {
      mole::ExactSum one, square;
      one.add(c);
      square.add_product(c, c);
      squares.add_scaled(sum, -c);
      squares.add_scaled(sum, -c);
      squares.add_scaled(square, count);
      sum.add_scaled(one, count, true);
    }
  };
  Moments moments;
  static constexpr auto state = mole::fields(&Variance::moments);

  void begin(std::string_view, std::optional<double> value) { centre = value; }
  void add(const mole::Values& values) {
    for (auto [value, coverage, interval_start] : values) {
      if (coverage < p.minimum_coverage) continue;
      moments.sum.add(value);
      moments.squares.add_product(value, value);
      ++moments.count;
    }
  }
  void merge(const Variance& other) {
    moments.count += other.moments.count;
    moments.sum.merge(other.moments.sum);
    moments.squares.merge(other.moments.squares);
  }
  Row finish() const {
    const auto n = moments.count;
    if (n <= p.ddof) return {std::nullopt, n};
    Moments m = moments;
    if (centre) m.shift(*centre);
    // What the centre missed: nearly nothing if it is the mean. A centre far off hides the mean from the first division.
    for (int i = 0; i < 2; ++i) m.shift(m.sum.divided_by(n));
    const double rest = m.sum.round();
    return {(m.squares.round() - rest * rest / static_cast<double>(n)) / static_cast<double>(n - p.ddof), n};
  }
};

MOLE_PLUGINS(Variance)
