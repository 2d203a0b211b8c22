#include "scorer.hpp"

#include <mole/series_metric.hpp>

// Anomaly score of a numeric column against its own profile and level, with a p value and a flag with a given rate of false
// alarms. docs/metrics/anomaly.md
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
    double minimum_coverage = 0.95;
  };
  static constexpr auto params = mole::params(
      mole::param("period", &Params::season,
                  "Period of the profile: day, week, month, year or none; the window should contain four periods"),
      mole::logarithmic_param(&Params::logarithmic),
      mole::param(
          "memory", &Params::memory, mole::unit::second, mole::range(0, 31'536'000),
          "The level is the median deviation from the profile over this time; a lasting change is flagged for half this time"),
      mole::param("false_alarms_per_week", &Params::false_alarms_per_week, mole::unit::one, mole::range(1e-6, 100),
                  "Expected number of flags per week in traffic without anomalies"),
      mole::param("hits", &Params::hits, mole::unit::one, mole::range(1, 16),
                  "Minimum number of intervals that exceed the limit, out of the latest `of`, to raise the flag"),
      mole::param("of", &Params::of, mole::unit::one, mole::range(1, 16),
                  "Number of latest intervals, including this one, of which at least `hits` must exceed the limit"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Exclude values with less coverage than this from scoring and from the history"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to score"));

  using Module = mole::SeasonalModule<Params>;
  explicit Anomaly(const Module& m) : module(&m) {}
  const Module* module;

  Row finish(const mole::Interval& row) const {
    const auto& [p, season, scale] = *module;
    Row out{};
    const mole::AnomalyScorer scorer(scale.of(mole::history_of(series, row, p.minimum_coverage)), season,
                                     static_cast<std::int64_t>(p.memory * 1e6));
    const auto expected = scorer.expected(row.start.us);
    if (!expected) return out;
    const double chance = std::min(p.false_alarms_per_week * row.seconds() / (7 * 86'400), mole::AnomalyScorer::tail_share / 2);
    const double limit = scorer.limit_for(chance), margin = limit * scorer.spread(row.start.us);
    out.expected = scale.back(*expected);
    out.low = scale.back(*expected - margin);
    out.high = scale.back(*expected + margin);
    const auto value = value_of(row, p.minimum_coverage);
    if (!value) return out;
    out.score = scorer.score(row.start.us, scale.of(*value));
    out.p = scorer.p(*out.score);
    out.alarm = std::abs(*out.score) > limit && has_enough_hits(scorer, limit);
    return out;
  }

  // Whether enough of the preceding intervals also exceed the limit.
  bool has_enough_hits(const mole::AnomalyScorer& scorer, double limit) const {
    std::uint64_t hits = 1;
    const auto n = scorer.size();
    for (std::uint64_t back = 1; back < module->p.of && back <= n; ++back)
      hits += scorer.scored(n - back) && std::abs(scorer.score_of(n - back)) > limit;
    return hits >= module->p.hits;
  }
};

MOLE_PLUGINS(Anomaly)
