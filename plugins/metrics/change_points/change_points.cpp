#include "pelt.hpp"

#include <mole/series_metric.hpp>
#include <mole/statistics/profile.hpp>

// Changes of the level of a numeric column within a window, after its seasonal profile is removed. A row describes the last
// change. docs/metrics/change_points.md
struct ChangePoints : mole::SeriesMetric {
  static constexpr auto about = mole::metric("change_points", "1.0.0", "Changes of the level of a column");

  struct Row {
    std::optional<std::uint64_t> count;
    std::optional<mole::Time> at;
    std::optional<double> before, after, change, z;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_changes", &Row::count, mole::unit::one,
                   "Changes of level within the window; null if not due or with too few values"),
      mole::column("{values}_changed_at", &Row::at, mole::unit::one,
                   "First interval of the current level; null if there is no change"),
      mole::column("{values}_level_before", &Row::before, mole::same("values"),
                   "Level before the last change: the mean deviation from the median of the window, plus that median"),
      mole::column("{values}_level", &Row::after, mole::same("values"), "Level since the last change, or of the whole window"),
      mole::column("{values}_change", &Row::change, mole::same("values"), "Level since the change minus the level before it"),
      mole::column("{values}_change_z", &Row::z, mole::unit::one, "The change divided by its standard error"));

  struct Params {
    std::string season = "week";
    bool logarithmic = false;
    double penalty = 3;
    std::uint64_t least = 16;
    double minimum_coverage = 0;
    std::uint64_t every = 86'400;
  };
  static constexpr auto params = mole::params(
      mole::param("season", &Params::season, "Seasonal profile to remove first: none, day, week, month or year"),
      mole::param("logarithmic", &Params::logarithmic, "Model log(1 + x), to find proportional changes"),
      mole::param("penalty", &Params::penalty, mole::unit::one, mole::range(0.1, 1000),
                  "Penalty of a change, in units of log(number of values); higher values give fewer changes"),
      mole::param("least", &Params::least, mole::unit::interval, mole::range(1, 100'000), "Minimum number of values per level"),
      mole::minimum_coverage_param(&Params::minimum_coverage), mole::every_param(&Params::every));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to search for changes"));

  using Module = mole::SeasonalModule<Params>;
  explicit ChangePoints(const Module& m) : module(&m) {}
  const Module* module;

  static constexpr std::size_t min_values = 10;
  static constexpr int max_rounds = 20;

  Row finish(const mole::Interval& row) const {
    const auto& [p, season, scale] = *module;
    if (!mole::is_due(row.end, p.every)) return {};
    const auto grid = scale.of(mole::history_with(series, row, p.minimum_coverage));
    std::vector<mole::Weighted> values;
    for (std::size_t k = 0; k < grid.size(); ++k)
      if (grid.has(k)) values.push_back({grid.value[k], grid.weight[k]});
    auto rest = mole::without_profile(grid, season);
    const auto present = std::count_if(rest.weight.begin(), rest.weight.end(), [](double w) { return w > 0; });
    if (static_cast<std::size_t>(present) < std::max<std::size_t>(min_values, 2 * p.least)) return {};
    // With a season the levels are deviations from the profile; the median of the window is added to them.
    const double middle = season.none() ? 0 : mole::weighted_median(std::move(values));
    const double noise = std::max(mole::long_run_variance(rest), 1e-18 * std::max(middle * middle, 1e-12));
    const double penalty = p.penalty * mole::log(static_cast<double>(present));
    // A change of level distorts the profile and vice versa: estimate them alternately until they agree.
    mole::Pelt pelt(rest, noise, penalty, p.least);
    for (int round = 0; round < max_rounds && !season.none(); ++round) {
      rest = mole::without_profile(grid, season, pelt.levels());
      mole::Pelt next(rest, noise, penalty, p.least);
      const bool agreed = next.same_as(pelt);
      pelt = std::move(next);
      if (agreed) break;
    }
    if (pelt.segments().empty()) return {};  // the squares of the values overflowed
    return row_of(pelt.segments(), rest, middle, noise);
  }

  Row row_of(const std::vector<mole::Pelt::Segment>& segments, const mole::Grid& grid, double middle, double noise) const {
    const auto back = [&](double x) { return module->p.logarithmic ? mole::expm1(middle + x) : middle + x; };
    Row out{};
    out.count = segments.size() - 1;
    const auto& last = segments.back();
    out.after = back(last.mean);
    if (segments.size() < 2) return out;
    const auto& previous = segments[segments.size() - 2];
    out.at = mole::Time{grid.first + static_cast<std::int64_t>(last.first_cell) * grid.step};
    out.before = back(previous.mean);
    out.change = *out.after - *out.before;
    out.z = (last.mean - previous.mean) / std::sqrt(noise * (1 / last.weight + 1 / previous.weight));
    return out;
  }
};

MOLE_PLUGINS(ChangePoints)
