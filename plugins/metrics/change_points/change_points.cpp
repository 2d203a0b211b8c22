#include "pelt.hpp"

#include <mole/metric.hpp>
#include <mole/statistics/profile.hpp>

// Changes of the level of any numeric column within a window, its rhythm taken away; the row tells of the last one.
// docs/metrics/change_points.md
struct ChangePoints {
  static constexpr auto about = mole::metric("change_points", "1.0.0", "Changes of the level of a column");

  struct Row {
    std::optional<std::uint64_t> count;
    std::optional<mole::Time> at;
    std::optional<double> before, after, change, z;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_changes", &Row::count, mole::unit::one,
                   "Changes of level within the window; null if not due or too few values"),
      mole::column("{values}_changed_at", &Row::at, mole::unit::one,
                   "First interval of the level that holds at the row; null without a change"),
      mole::column("{values}_level_before", &Row::before, mole::same("values"),
                   "Level before the last change: the median of the window, moved"),
      mole::column("{values}_level", &Row::after, mole::same("values"), "Level since the last change, or in the window"),
      mole::column("{values}_change", &Row::change, mole::same("values"), "Level since less level before"),
      mole::column("{values}_change_z", &Row::z, mole::unit::one, "The change in units of its standard error"));

  struct Params {
    std::string season = "week";
    bool logarithmic = false;
    double penalty = 3;
    std::uint64_t least = 16;
    double minimum_coverage = 0;
    std::uint64_t every = 86'400;
  };
  static constexpr auto params = mole::params(
      mole::param("season", &Params::season, "The rhythm that is taken away first: none, day, week, month or year"),
      mole::param("logarithmic", &Params::logarithmic, "Work on log(1 + x): changes in proportion"),
      mole::param("penalty", &Params::penalty, mole::unit::one, mole::range(0.1, 1000),
                  "Of a change, in units of log(number of values); more: fewer changes"),
      mole::param("least", &Params::least, mole::unit::interval, mole::range(1, 100'000), "Values that a level must last"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Leave out values with less coverage than this"),
      mole::param("every", &Params::every, mole::unit::second, mole::range(0, 315'360'000),
                  "Compute for intervals that end on a multiple of this since the epoch, others are null; 0: for all"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column whose changes are sought"));

  struct Module {
    explicit Module(const Params& given) : p(given), season(given.season) {}
    Params p;
    mole::Period season;
  };
  explicit ChangePoints(const Module& m) : module(&m) {}
  const Module* module;
  mole::Series series;
  static constexpr auto state = mole::fields(&ChangePoints::series);

  static constexpr std::size_t least_values = 10;
  static constexpr int most_turns = 20;

  void add(const mole::Values& values) { series.add(values); }
  void merge(const ChangePoints& other) { series.merge(other.series); }

  Row finish(const mole::Interval& row) const {
    const auto& p = module->p;
    if (!mole::is_due(row.end, p.every)) return {};
    auto grid = mole::history_with(series, row, p.minimum_coverage);
    if (p.logarithmic) grid = mole::logarithm_of(std::move(grid));
    std::vector<mole::Weighted> values;
    for (std::size_t k = 0; k < grid.size(); ++k)
      if (grid.has(k)) values.push_back({grid.value[k], grid.weight[k]});
    auto rest = mole::without_rhythm(grid, module->season);
    const auto there = std::count_if(rest.weight.begin(), rest.weight.end(), [](double w) { return w > 0; });
    if (static_cast<std::size_t>(there) < std::max<std::size_t>(least_values, 2 * p.least)) return {};
    // The levels are told about the median of the window; without a season that is where they lie anyway.
    const double middle = module->season.none() ? 0 : mole::weighted_median(std::move(values));
    const double noise = std::max(mole::long_run_variance(rest), 1e-18 * std::max(middle * middle, 1e-12));
    const double penalty = p.penalty * mole::log(static_cast<double>(there));
    // A new level bends the rhythm, and that the levels: both are found in turn until they agree.
    mole::Pelt pelt(rest, noise, penalty, p.least);
    for (int turn = 0; turn < most_turns && !module->season.none(); ++turn) {
      rest = mole::without_rhythm(grid, module->season, pelt.levels());
      mole::Pelt next(rest, noise, penalty, p.least);
      const bool agreed = next.same_as(pelt);
      pelt = std::move(next);
      if (agreed) break;
    }
    if (pelt.segments().empty()) return {};  // squares of such values have no number
    return told(pelt.segments(), rest, middle, noise);
  }

  Row told(const std::vector<mole::Pelt::Segment>& segments, const mole::Grid& grid, double middle, double noise) const {
    const auto back = [&](double x) { return module->p.logarithmic ? mole::expm1(middle + x) : middle + x; };
    Row out{};
    out.count = segments.size() - 1;
    const auto& last = segments.back();
    out.after = back(last.mean);
    if (segments.size() < 2) return out;
    const auto& one_before = segments[segments.size() - 2];
    out.at = mole::Time{grid.first + static_cast<std::int64_t>(last.first_cell) * grid.step};
    out.before = back(one_before.mean);
    out.change = *out.after - *out.before;
    out.z = (last.mean - one_before.mean) / std::sqrt(noise * (1 / last.weight + 1 / one_before.weight));
    return out;
  }
};

MOLE_PLUGINS(ChangePoints)
