#include "surprise.hpp"

#include <mole/series_metric.hpp>

// Anomaly score of a numeric column against its own profile and level, with a p value and a flag that keeps to a given rate of
// false alarms. docs/metrics/anomaly.md
struct Anomaly : mole::SeriesMetric {
  static constexpr auto about = mole::metric("anomaly", "1.0.0", "Anomaly score of a column against its profile");

  struct Row {
    std::optional<double> score, p, expected, low, high;
    std::optional<bool> alarm;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_score", &Row::score, mole::unit::one,
                   "Signed distance from the expected value in standard deviations of the noise; null in a gap or with too "
                   "little history"),
      mole::column("{values}_p", &Row::p, mole::unit::one, "Probability of a score at least this far from 0 by chance"),
      mole::column("{values}_anomaly", &Row::alarm, mole::unit::one,
                   "Whether the score exceeds the limit for the given rate of false alarms"),
      mole::column("{values}_expected", &Row::expected, mole::same("values"),
                   "Profile at this time plus the recent level; also given in a gap"),
      mole::column("{values}_normal_low", &Row::low, mole::same("values"), "Values below this are anomalies"),
      mole::column("{values}_normal_high", &Row::high, mole::same("values"), "Values above this are anomalies"));

  struct Params {
    std::string season = "week";
    bool logarithmic = false;
    double memory = 86'400;
    double false_alarms_per_week = 0.1;
    std::uint64_t hits = 1, of = 1;
    double minimum_coverage = 0.8;
  };
  static constexpr auto params = mole::params(
      mole::param("period", &Params::season,
                  "Period of the profile: day, week, month, year or none; the window should contain four periods"),
      mole::logarithmic_param(&Params::logarithmic),
      mole::param(
          "memory", &Params::memory, mole::unit::second, mole::range(0, 31'536'000),
          "The level is the median deviation from the profile over this time; a lasting change is flagged for half of it"),
      mole::param("false_alarms_per_week", &Params::false_alarms_per_week, mole::unit::one, mole::range(1e-6, 100),
                  "Expected number of flags per week in traffic without anomalies"),
      mole::param("hits", &Params::hits, mole::unit::one, mole::range(1, 16), "Raise the flag only if at least this many ..."),
      mole::param("of", &Params::of, mole::unit::one, mole::range(1, 16),
                  "... of this many latest intervals, including this one, exceed the limit"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Neither score nor learn from values with less coverage than this"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to watch"));

  using Module = mole::SeasonalModule<Params>;
  explicit Anomaly(const Module& m) : module(&m) {}
  const Module* module;

  Row finish(const mole::Interval& row) const {
    const auto& [p, season, scale] = *module;
    Row out{};
    const mole::Surprise surprise(scale.of(mole::history_of(series, row, p.minimum_coverage)), season,
                                  static_cast<std::int64_t>(p.memory * 1e6));
    const auto expected = surprise.expected(row.start.us);
    if (!expected) return out;
    const double chance = std::min(p.false_alarms_per_week * row.seconds() / (7 * 86'400), mole::Surprise::tail_share / 2);
    const double limit = surprise.size_of(chance), around = limit * surprise.spread(row.start.us);
    out.expected = scale.back(*expected);
    out.low = scale.back(*expected - around);
    out.high = scale.back(*expected + around);
    const auto own = value_of(row, p.minimum_coverage);
    if (!own) return out;
    out.score = surprise.score(row.start.us, scale.of(*own));
    out.p = surprise.p(*out.score);
    out.alarm = std::abs(*out.score) > limit && has_enough_hits(surprise, limit);
    return out;
  }

  // Whether enough of the preceding intervals exceed the limit too.
  bool has_enough_hits(const mole::Surprise& surprise, double limit) const {
    std::uint64_t hits = 1;
    const auto n = surprise.size();
    for (std::uint64_t back = 1; back < module->p.of && back <= n; ++back)
      hits += surprise.scored(n - back) && std::abs(surprise.score_of(n - back)) > limit;
    return hits >= module->p.hits;
  }
};

MOLE_PLUGINS(Anomaly)
