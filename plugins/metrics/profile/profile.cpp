#include <mole/metric.hpp>
#include <mole/statistics/profile.hpp>

// The rhythm of any numeric column: what this time of the day, week, month or year looked like before, and how much of the
// column that explains. docs/metrics/profile.md
struct ProfileOfColumn {
  static constexpr auto about = mole::metric("profile", "1.0.0", "Daily, weekly, monthly or yearly profile of a column");

  struct Row {
    std::optional<double> expected, low, high, residual, strength;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_expected", &Row::expected, mole::same("values"),
                   "Median of the earlier values at this time of the period; null if there is none"),
      mole::column("{values}_expected_low", &Row::low, mole::same("values"), "Lower edge of what the noise would allow"),
      mole::column("{values}_expected_high", &Row::high, mole::same("values"), "Upper edge"),
      mole::column("{values}_residual", &Row::residual, mole::same("values"),
                   "The row's value less the expected one; null in a gap"),
      mole::column("{values}_rhythm", &Row::strength, mole::unit::one,
                   "Share of the variance in the window that the profile explains, 0 to 1"),
      mole::column("{values}_expected_count", &Row::count, mole::unit::interval, "Earlier values at this time of the period"));

  struct Params {
    std::string period = "week";
    bool logarithmic = false;
    double confidence = 0.95;
    double minimum_coverage = 0;
  };
  static constexpr auto params = mole::params(
      mole::param("period", &Params::period, "The rhythm: day, week, month, year; none: the median of the whole window"),
      mole::param("logarithmic", &Params::logarithmic, "Work on log(1 + x), where noise in proportion to the value becomes even"),
      mole::param("confidence", &Params::confidence, mole::unit::one, mole::range(0.5, 0.9999),
                  "Of the band between low and high, for normal noise"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Leave out values with less coverage than this"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column whose rhythm is sought"));

  struct Module {
    explicit Module(const Params& given)
        : p(given), period(given.period), reach(mole::normal_point((1 - given.confidence) / 2)) {}
    Params p;
    mole::Period period;
    double reach;
  };
  explicit ProfileOfColumn(const Module& m) : module(&m) {}
  const Module* module;
  mole::Series series;
  static constexpr auto state = mole::fields(&ProfileOfColumn::series);

  void add(const mole::Values& values) { series.add(values); }
  void merge(const ProfileOfColumn& other) { series.merge(other.series); }

  Row finish(const mole::Interval& row) const {
    Row out{};
    auto history = mole::history_of(series, row, module->p.minimum_coverage);
    if (module->p.logarithmic) history = mole::logarithm_of(std::move(history));
    const mole::Profile profile(history, module->period);
    out.strength = profile.strength();
    out.count = profile.count(row.start.us);
    const auto expected = profile.expected(row.start.us);
    if (!expected) return out;
    const auto back = [&](double x) { return module->p.logarithmic ? std::max(mole::expm1(x), 0.0) : x; };
    const double around = module->reach * profile.spread(*expected);
    out.expected = back(*expected);
    out.low = back(*expected - around);
    out.high = back(*expected + around);
    const auto own = mole::grid_of(series.between(row.start, row.end), row.start, row.end.us - row.start.us, row.end,
                                   module->p.minimum_coverage);
    if (own.size() > 0 && own.has(0)) out.residual = own.value[0] - *out.expected;
    return out;
  }
};

MOLE_PLUGINS(ProfileOfColumn)
