#include <mole/metric.hpp>
#include <mole/series.hpp>
#include <mole/statistics/statistics.hpp>

// Quantiles of any numeric column, exact: all values of the window are kept. docs/metrics/quantiles.md
struct Quantiles {
  static constexpr auto about = mole::metric("quantiles", "1.0.0", "Quantiles of a column, weighted by coverage");

  struct Row {
    std::optional<double> minimum, q05, q25, median, q75, q95, maximum, chosen, spread;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_minimum", &Row::minimum, mole::same("values"), "Least value; null, as all others, without values"),
      mole::column("{values}_q05", &Row::q05, mole::same("values"), "5 % quantile"),
      mole::column("{values}_q25", &Row::q25, mole::same("values"), "Lower quartile"),
      mole::column("{values}_median", &Row::median, mole::same("values"), "Median"),
      mole::column("{values}_q75", &Row::q75, mole::same("values"), "Upper quartile"),
      mole::column("{values}_q95", &Row::q95, mole::same("values"), "95 % quantile"),
      mole::column("{values}_maximum", &Row::maximum, mole::same("values"), "Greatest value"),
      mole::column("{values}_quantile", &Row::chosen, mole::same("values"), "Quantile of the parameter `probability`"),
      mole::column("{values}_mad", &Row::spread, mole::same("values"),
                   "1.4826 times the median absolute deviation from the median: the standard deviation, if normal"),
      mole::column("{values}_count", &Row::count, mole::unit::interval, "Values that entered"));

  struct Params {
    double probability = 0.99;
    double minimum_coverage = 0;
    std::uint64_t every = 0;
  };
  static constexpr auto params = mole::params(
      mole::param("probability", &Params::probability, mole::unit::one, mole::range(0, 1), "Which further quantile to give"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Leave out values with less coverage than this"),
      mole::param("every", &Params::every, mole::unit::second, mole::range(0, 315'360'000),
                  "Compute for intervals that end on a multiple of this since the epoch, others are null; 0: for all"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to take quantiles of"));

  explicit Quantiles(const Params& given) : p(given) {}
  Params p;
  mole::Series series;
  static constexpr auto state = mole::fields(&Quantiles::series);

  void add(const mole::Values& values) { series.add(values); }
  void merge(const Quantiles& other) { series.merge(other.series); }
  Row finish(const mole::Interval& interval) const {
    if (!mole::is_due(interval.end, p.every)) return {};
    std::vector<mole::Weighted> x;
    for (const auto& point : series.points())
      if (point.weight >= p.minimum_coverage) x.push_back({point.value, point.weight});
    Row row{};
    row.count = x.size();
    if (x.empty()) return row;
    std::sort(x.begin(), x.end());
    row.minimum = x.front().value;
    row.q05 = mole::quantile_of(x, 0.05);
    row.q25 = mole::quantile_of(x, 0.25);
    row.median = mole::quantile_of(x, 0.5);
    row.q75 = mole::quantile_of(x, 0.75);
    row.q95 = mole::quantile_of(x, 0.95);
    row.maximum = x.back().value;
    row.chosen = mole::quantile_of(x, p.probability);
    std::vector<mole::Weighted> away = x;
    for (auto& w : away) w.value = std::abs(w.value - *row.median);
    row.spread = mole::normal_spread * mole::weighted_median(std::move(away));
    return row;
  }
};

MOLE_PLUGINS(Quantiles)
