#include <mole/exact_sum.hpp>
#include <mole/series_metric.hpp>

// Variance and standard deviation of a numeric column about a centre, normally its mean. Sums and sums of squares are exact, and
// so is moving them to a different centre, so no precision is lost to cancellation.
struct Variance {
  static constexpr auto about = mole::metric("variance", "1.1.0", "Variance and standard deviation of a column");

  struct Row {
    std::optional<double> variance, standard_deviation;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_variance", &Row::variance, mole::square("values"), "Variance; null with ddof values or fewer"),
      mole::column("{values}_standard_deviation", &Row::standard_deviation, mole::same("values"), "Square root of the variance"),
      mole::column("{values}_count", &Row::count, mole::unit::interval, "Number of values used"));

  struct Params {
    double minimum_coverage = 0;
    std::uint64_t ddof = 0;
    bool weighted = false;
  };
  static constexpr auto params = mole::params(
      mole::minimum_coverage_param(&Params::minimum_coverage),
      mole::param("ddof", &Params::ddof, mole::unit::one, mole::range(0, 1),
                  "Delta degrees of freedom: 0 for the population, 1 for a sample"),
      mole::param("weighted", &Params::weighted, "Weight each value by its coverage, to a precision of one millionth"));

  static constexpr auto inputs =
      mole::inputs(mole::values("values", "Column to take the variance of"),
                   mole::context("centre", mole::same("values"), "Centre for the sums, normally the mean"));

  explicit Variance(const Params& given) : p(given) {}
  Params p;
  std::optional<double> centre;

  // Sums over x - c for a centre c, initially 0.
  struct Moments {
    std::uint64_t count = 0, weight = 0;  // weight: sum of weights; 2^20 each at full coverage, or 1 each if unweighted
    mole::ExactSum sum, squares;
    static constexpr auto state = mole::fields(&Moments::count, &Moments::weight, &Moments::sum, &Moments::squares);

    void add(double x, std::uint64_t w) {
      mole::ExactSum one, square;
      one.add(x);
      square.add_product(x, x);
      sum.add_scaled(one, w);
      squares.add_scaled(square, w);
      weight += w;
      ++count;
    }
    // Moves the centre by c: each square becomes x^2 - 2cx + c^2.
    void shift(double c) {
      mole::ExactSum one, square;
      one.add(c);
      square.add_product(c, c);
      squares.add_scaled(sum, -c);
      squares.add_scaled(sum, -c);
      squares.add_scaled(square, weight);
      sum.add_scaled(one, weight, true);
    }
  };
  Moments moments;
  static constexpr auto state = mole::fields(&Variance::moments);

  void begin(std::string_view, std::optional<double> value) { centre = value; }
  void add(const mole::Values& values) {
    for (auto [value, coverage, interval_start] : values) {
      if (coverage < p.minimum_coverage) continue;
      const auto w = p.weighted ? mole::integer_weight(coverage) : 1;
      if (w > 0) moments.add(value, w);
    }
  }
  void merge(const Variance& other) { mole::merge_fields(*this, other); }
  // With weights, ddof is relative to the number of values, not to their weight.
  Row finish() const {
    const auto n = moments.count;
    if (n <= p.ddof) return {std::nullopt, std::nullopt, n};
    Moments m = moments;
    if (centre) m.shift(*centre);
    // Corrects the centre to the mean. A distant centre needs a second pass, since the first division rounds.
    for (int i = 0; i < 2; ++i) m.shift(m.sum.divided_by(m.weight));
    const double rest = m.sum.round(), weight = static_cast<double>(m.weight), count = static_cast<double>(n);
    const double freedom = p.ddof == 0 ? weight : weight * (count - static_cast<double>(p.ddof)) / count;
    const double variance = (m.squares.round() - rest * rest / weight) / freedom;
    return {variance, std::sqrt(std::max(variance, 0.0)), n};
  }
};

MOLE_PLUGINS(Variance)
