#include <mole/series_metric.hpp>
#include <mole/statistics/profile.hpp>

// The seasonal profile of a numeric column: its usual value at this time of the day, week, month or year, and the share of the
// column's variance that the profile explains. docs/metrics/profile.md
struct ProfileOfColumn : mole::SeriesMetric {
  static constexpr auto about = mole::metric("profile", "1.0.0", "Daily, weekly, monthly or yearly profile of a column");

  struct Row {
    std::optional<double> expected, low, high, residual, strength;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_expected", &Row::expected, mole::same("values"),
                   "Median of the earlier values at this time of the period; null if there are no such values"),
      mole::column("{values}_expected_low", &Row::low, mole::same("values"), "Lower limit of the range expected from noise"),
      mole::column("{values}_expected_high", &Row::high, mole::same("values"), "Upper limit of that range"),
      mole::column("{values}_residual", &Row::residual, mole::same("values"),
                   "Value of the row minus the expected value; null in a gap"),
      mole::column("{values}_rhythm", &Row::strength, mole::unit::one,
                   "Share of the window's variance that the profile explains, 0 to 1"),
      mole::column("{values}_expected_count", &Row::count, mole::unit::interval,
                   "Number of earlier values at this time of the period"));

  struct Params {
    std::string season = "week";
    bool logarithmic = false;
    double confidence = 0.95;
    double minimum_coverage = 0;
  };
  static constexpr auto params = mole::params(
      mole::param("period", &Params::season, "Period of the profile: day, week, month or year; none: median of the whole window"),
      mole::logarithmic_param(&Params::logarithmic),
      mole::param("confidence", &Params::confidence, mole::unit::one, mole::range(0.5, 0.9999),
                  "Confidence level of the range from low to high, for normally distributed noise"),
      mole::minimum_coverage_param(&Params::minimum_coverage));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to profile"));

  struct Module : mole::SeasonalModule<Params> {
    explicit Module(const Params& given) : SeasonalModule(given), reach(mole::normal_point((1 - given.confidence) / 2)) {}
    double reach;  // half the width of the range, in standard deviations
  };
  explicit ProfileOfColumn(const Module& m) : module(&m) {}
  const Module* module;

  Row finish(const mole::Interval& row) const {
    Row out{};
    const auto& scale = module->scale;
    const mole::Profile profile(scale.of(mole::history_of(series, row, module->p.minimum_coverage)), module->season);
    out.strength = profile.strength();
    out.count = profile.count(row.start.us);
    const auto expected = profile.expected(row.start.us);
    if (!expected) return out;
    const double margin = module->reach * profile.spread(*expected);
    out.expected = scale.back(*expected);
    out.low = scale.back(*expected - margin);
    out.high = scale.back(*expected + margin);
    if (const auto value = value_of(row, module->p.minimum_coverage)) out.residual = *value - *out.expected;
    return out;
  }
};

MOLE_PLUGINS(ProfileOfColumn)
