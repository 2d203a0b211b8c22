#include "kendall.hpp"

#include <mole/series_metric.hpp>

// Trend of a numeric column over a window: robust slope with confidence limits, Mann-Kendall test, and the trend line at the end
// of the interval. docs/metrics/trend.md
struct Trend : mole::SeriesMetric {
  static constexpr auto about = mole::metric("trend", "1.0.0", "Robust trend of a column with its confidence band");

  struct Row {
    std::optional<double> slope, slope_low, slope_high, level, level_low, level_high, tau, p;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_per_day", &Row::slope, mole::same("values"),
                   "Growth per day: median slope between equal times of the season; null if not due or with too few values"),
      mole::column("{values}_per_day_low", &Row::slope_low, mole::same("values"),
                   "Lower confidence limit of the growth; null if there are too few pairs"),
      mole::column("{values}_per_day_high", &Row::slope_high, mole::same("values"), "Upper confidence limit of the growth"),
      mole::column("{values}_trend", &Row::level, mole::same("values"), "Trend line at the end of the interval"),
      mole::column("{values}_trend_low", &Row::level_low, mole::same("values"), "Lower limit of the band around the trend line"),
      mole::column("{values}_trend_high", &Row::level_high, mole::same("values"), "Upper limit of the band"),
      mole::column("{values}_kendall_tau", &Row::tau, mole::unit::one,
                   "Rising pairs minus falling pairs, divided by all pairs: -1 to 1"),
      mole::column("{values}_trend_p", &Row::p, mole::unit::one, "Two-sided p value of the seasonal Mann-Kendall test"),
      mole::column("{values}_trend_count", &Row::count, mole::unit::interval, "Number of values used"));

  struct Params {
    std::string season = "week";
    double confidence = 0.95;
    double minimum_coverage = 0;
    std::uint64_t every = 86'400;
  };
  static constexpr auto params =
      mole::params(mole::param("season", &Params::season,
                               "Compare only values at the same time of the day, week, month or year; none: compare all values"),
                   mole::param("confidence", &Params::confidence, mole::unit::one, mole::range(0.5, 0.9999),
                               "Confidence level of the limits and the band"),
                   mole::minimum_coverage_param(&Params::minimum_coverage), mole::every_param(&Params::every));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to find the trend of"));

  using Module = mole::SeasonalModule<Params>;
  explicit Trend(const Module& m) : module(&m) {}
  const Module* module;

  static constexpr double max_pairs = 1 << 20;

  Row finish(const mole::Interval& row) const {
    Row out{};
    if (!mole::is_due(row.end, module->p.every)) return out;
    const auto cycles = bounded_cycles(row);
    if (cycles.size() < 3) return out;
    for (const auto& c : cycles) out.count += c.values.size();
    const auto kendall = mole::kendall_of(cycles);
    if (kendall.slopes.size() < 3) return out;
    out.slope = kendall.slope();
    out.tau = kendall.tau();
    out.p = kendall.p();
    const auto limits = kendall.limits(module->p.confidence);
    if (limits) std::tie(out.slope_low, out.slope_high) = *limits;
    set_line(cycles, row, out);
    return out;
  }

  // Averages neighbouring values until there are at most max_pairs pairs.
  std::vector<mole::Cycle> bounded_cycles(const mole::Interval& row) const {
    for (std::int64_t step = row.end.us - row.start.us;; step *= 2) {
      auto cycles = mole::cycles_of(mole::grid_of(series.before(row.end), row.end, step, row.end, module->p.minimum_coverage),
                                    module->season);
      double values = 0;
      for (const auto& c : cycles) values += static_cast<double>(c.values.size());
      if (values * static_cast<double>(cycles.size()) <= 2 * max_pairs) return cycles;
    }
  }

  // The line passes through the median of the values, each moved along the slope to the middle day. The limits of the band are
  // lines through the same point.
  static void set_line(const std::vector<mole::Cycle>& cycles, const mole::Interval& row, Row& out) {
    const auto& first = cycles.front().values.front();
    const auto& last = cycles.back().values.back();
    const double middle = std::midpoint(first.day, last.day), ahead = last.day + row.seconds() / 86'400 - middle;
    std::vector<mole::Weighted> moved;
    for (const auto& c : cycles)
      for (const auto& v : c.values) moved.push_back({v.value - *out.slope * (v.day - middle), v.weight});
    const double level = mole::weighted_median(std::move(moved));
    out.level = level + *out.slope * ahead;
    if (!out.slope_low) return;
    out.level_low = level + *out.slope_low * ahead;
    out.level_high = level + *out.slope_high * ahead;
  }
};

MOLE_PLUGINS(Trend)
