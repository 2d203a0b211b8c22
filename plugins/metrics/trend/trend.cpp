#include "kendall.hpp"

#include <mole/metric.hpp>

// Trend of any numeric column over a window: robust slope with confidence limits, Mann-Kendall test, and where the trend line
// stands. docs/metrics/trend.md
struct Trend {
  static constexpr auto about = mole::metric("trend", "1.0.0", "Robust trend of a column with its confidence band");

  struct Row {
    std::optional<double> slope, slope_low, slope_high, level, level_low, level_high, tau, p;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_per_day", &Row::slope, mole::same("values"),
                   "Growth in a day: median slope between values of the same season; null if not due or too few values"),
      mole::column("{values}_per_day_low", &Row::slope_low, mole::same("values"),
                   "Lower confidence limit of the growth; null if the data set none"),
      mole::column("{values}_per_day_high", &Row::slope_high, mole::same("values"), "Upper confidence limit of the growth"),
      mole::column("{values}_trend", &Row::level, mole::same("values"), "Trend line at the end of the interval"),
      mole::column("{values}_trend_low", &Row::level_low, mole::same("values"), "Lower edge of the band about the trend line"),
      mole::column("{values}_trend_high", &Row::level_high, mole::same("values"), "Upper edge of the band"),
      mole::column("{values}_kendall_tau", &Row::tau, mole::unit::one, "Rising less falling pairs, of all pairs: -1 to 1"),
      mole::column("{values}_trend_p", &Row::p, mole::unit::one, "Two-sided p value of no trend (seasonal Mann-Kendall)"),
      mole::column("{values}_trend_count", &Row::count, mole::unit::interval, "Values that entered"));

  struct Params {
    std::string season = "week";
    double confidence = 0.95;
    double minimum_coverage = 0;
    std::uint64_t every = 86'400;
  };
  static constexpr auto params = mole::params(
      mole::param("season", &Params::season,
                  "Compare values of the same time of the day, week, month or year only; none: all with all"),
      mole::param("confidence", &Params::confidence, mole::unit::one, mole::range(0.5, 0.9999), "Of the limits and the band"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Leave out values with less coverage than this"),
      mole::param("every", &Params::every, mole::unit::second, mole::range(0, 315'360'000),
                  "Compute for intervals that end on a multiple of this since the epoch, others are null; 0: for all"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column whose trend is sought"));

  struct Module {
    explicit Module(const Params& given) : p(given), season(given.season) {}
    Params p;
    mole::Period season;
  };
  explicit Trend(const Module& m) : module(&m) {}
  const Module* module;
  mole::Series series;
  static constexpr auto state = mole::fields(&Trend::series);

  static constexpr double most_pairs = 1 << 20;

  void add(const mole::Values& values) { series.add(values); }
  void merge(const Trend& other) { series.merge(other.series); }

  Row finish(const mole::Interval& row) const {
    Row out{};
    if (!mole::is_due(row.end, module->p.every)) return out;
    const auto cycles = cycles_within_reason(row);
    if (cycles.size() < 3) return out;
    for (const auto& c : cycles) out.count += c.values.size();
    const auto kendall = mole::kendall_of(cycles);
    if (kendall.slopes.size() < 3) return out;
    out.slope = kendall.slope();
    out.tau = kendall.tau();
    out.p = kendall.p();
    const auto limits = kendall.limits(module->p.confidence);
    if (limits) std::tie(out.slope_low, out.slope_high) = *limits;
    place_line(cycles, row, out);
    return out;
  }

  // Neighbours are averaged until the pairs are few enough to be held.
  std::vector<mole::Cycle> cycles_within_reason(const mole::Interval& row) const {
    for (std::int64_t step = row.end.us - row.start.us;; step *= 2) {
      auto cycles = mole::cycles_of(mole::grid_of(series.before(row.end), row.end, step, row.end, module->p.minimum_coverage),
                                    module->season);
      double values = 0;
      for (const auto& c : cycles) values += static_cast<double>(c.values.size());
      if (values * static_cast<double>(cycles.size()) <= 2 * most_pairs) return cycles;
    }
  }

  // The line goes through the median of the values, moved along it to their middle day; the band turns about that point.
  static void place_line(const std::vector<mole::Cycle>& cycles, const mole::Interval& row, Row& out) {
    const auto& first = cycles.front().values.front();
    const auto& last = cycles.back().values.back();
    const double middle = std::midpoint(first.day, last.day), ahead = last.day + row.seconds() / 86'400 - middle;
    std::vector<mole::Weighted> there;
    for (const auto& c : cycles)
      for (const auto& v : c.values) there.push_back({v.value - *out.slope * (v.day - middle), v.weight});
    const double level = mole::weighted_median(std::move(there));
    out.level = level + *out.slope * ahead;
    if (!out.slope_low) return;
    out.level_low = level + *out.slope_low * ahead;
    out.level_high = level + *out.slope_high * ahead;
  }
};

MOLE_PLUGINS(Trend)
