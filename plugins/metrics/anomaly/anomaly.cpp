#include "surprise.hpp"

#include <mole/metric.hpp>

// Anomaly score of any numeric column against its own profile and level, with a p value and a flag that holds a declared rate of
// false alarms. docs/metrics/anomaly.md
struct Anomaly {
  static constexpr auto about = mole::metric("anomaly", "1.0.0", "Anomaly score of a column against its profile");

  struct Row {
    std::optional<double> score, p, expected, low, high;
    std::optional<bool> alarm;
  };
  static constexpr auto output =
      mole::columns(mole::column("{values}_score", &Row::score, mole::unit::one,
                                 "Distance from what is expected in standard deviations of the noise, with its sign; null in a "
                                 "gap or with too short a past"),
                    mole::column("{values}_p", &Row::p, mole::unit::one, "Share of intervals that are as far off by chance"),
                    mole::column("{values}_anomaly", &Row::alarm, mole::unit::one,
                                 "Whether it is too far off for the declared rate of false alarms"),
                    mole::column("{values}_expected", &Row::expected, mole::same("values"),
                                 "Profile at this time, moved by the level of late; also given in a gap"),
                    mole::column("{values}_normal_low", &Row::low, mole::same("values"), "Below this the flag would rise"),
                    mole::column("{values}_normal_high", &Row::high, mole::same("values"), "Above this the flag would rise"));

  struct Params {
    std::string period = "week";
    bool logarithmic = false;
    double memory = 86'400;
    double false_alarms_per_week = 0.1;
    std::uint64_t hits = 1, of = 1;
    double minimum_coverage = 0.8;
  };
  static constexpr auto params = mole::params(
      mole::param("period", &Params::period,
                  "The rhythm of the profile: day, week, month, year or none; the window should hold four of them"),
      mole::param("logarithmic", &Params::logarithmic, "Work on log(1 + x), where noise in proportion to the value becomes even"),
      mole::param(
          "memory", &Params::memory, mole::unit::second, mole::range(0, 31'536'000),
          "The level is the median deviation from the profile over this time; half of it is what a lasting change stays flagged"),
      mole::param("false_alarms_per_week", &Params::false_alarms_per_week, mole::unit::one, mole::range(1e-6, 100),
                  "Expected rate of the flag on traffic without anomalies"),
      mole::param("hits", &Params::hits, mole::unit::one, mole::range(1, 16), "Raise the flag only if this many ..."),
      mole::param("of", &Params::of, mole::unit::one, mole::range(1, 16),
                  "... of the last so many intervals are too far off, this one among them"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Neither judge nor learn from values with less coverage than this"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to watch"));

  struct Module {
    explicit Module(const Params& given) : p(given), period(given.period) {}
    Params p;
    mole::Period period;
  };
  explicit Anomaly(const Module& m) : module(&m) {}
  const Module* module;
  mole::Series series;
  static constexpr auto state = mole::fields(&Anomaly::series);

  void add(const mole::Values& values) { series.add(values); }
  void merge(const Anomaly& other) { series.merge(other.series); }

  Row finish(const mole::Interval& row) const {
    const auto& p = module->p;
    Row out{};
    const auto prepared = [&](mole::Grid g) { return p.logarithmic ? mole::logarithm_of(std::move(g)) : g; };
    const mole::Surprise surprise(prepared(mole::history_of(series, row, p.minimum_coverage)), module->period,
                                  static_cast<std::int64_t>(p.memory * 1e6));
    const auto expected = surprise.expected(row.start.us);
    if (!expected) return out;
    const double chance = std::min(p.false_alarms_per_week * row.seconds() / (7 * 86'400), mole::Surprise::tail_share / 2);
    const double limit = surprise.size_of(chance), around = limit * surprise.spread(row.start.us);
    const auto back = [&](double x) { return p.logarithmic ? std::max(mole::expm1(x), 0.0) : x; };
    out.expected = back(*expected);
    out.low = back(*expected - around);
    out.high = back(*expected + around);
    const auto own = prepared(
        mole::grid_of(series.between(row.start, row.end), row.start, row.end.us - row.start.us, row.end, p.minimum_coverage));
    if (own.size() == 0 || !own.has(0)) return out;
    out.score = surprise.score(row.start.us, own.value[0]);
    out.p = surprise.p(*out.score);
    out.alarm = std::abs(*out.score) > limit && lasts(surprise, limit);
    return out;
  }

  // Whether enough of the intervals just before were too far off as well.
  bool lasts(const mole::Surprise& surprise, double limit) const {
    std::uint64_t hits = 1;
    const auto n = surprise.size();
    for (std::uint64_t back = 1; back < module->p.of && back <= n; ++back)
      hits += surprise.scored(n - back) && std::abs(surprise.score_of(n - back)) > limit;
    return hits >= module->p.hits;
  }
};

MOLE_PLUGINS(Anomaly)
