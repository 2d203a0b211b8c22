#include "holt_winters.hpp"

#include <mole/metric.hpp>
#include <mole/statistics/profile.hpp>

// Forecast of any numeric column by exponential smoothing: what the row's interval was expected to be some time ahead, with a
// band as wide as such forecasts have missed before. docs/metrics/forecast.md
struct Forecast {
  static constexpr auto about = mole::metric("forecast", "1.0.0", "Forecast of a column with its band");

  struct Row {
    std::optional<double> forecast, low, high, error, scaled_error, alpha, beta, gamma, phi;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_forecast", &Row::forecast, mole::same("values"),
                   "For this interval, from values `ahead` before it; also given in a gap; null with too short a past"),
      mole::column("{values}_forecast_low", &Row::low, mole::same("values"), "Lower edge of the band"),
      mole::column("{values}_forecast_high", &Row::high, mole::same("values"), "Upper edge of the band"),
      mole::column("{values}_forecast_error", &Row::error, mole::same("values"),
                   "The row's value less the forecast; null in a gap"),
      mole::column(
          "{values}_mase", &Row::scaled_error, mole::unit::one,
          "Mean absolute error of such forecasts in the window, of that of taking the last season's value: below 1 is better"),
      mole::column("{values}_alpha", &Row::alpha, mole::unit::one, "Smoothing of the level, 0 to 1"),
      mole::column("{values}_beta", &Row::beta, mole::unit::one, "Smoothing of the trend"),
      mole::column("{values}_gamma", &Row::gamma, mole::unit::one, "Smoothing of the season; null without one"),
      mole::column("{values}_phi", &Row::phi, mole::unit::one, "Damping of the trend an interval; 1: none"));

  struct Params {
    std::string season = "week";
    bool multiplicative = false;
    bool damped = true;
    bool logarithmic = false;
    double ahead = 86'400;
    double confidence = 0.95;
    double minimum_coverage = 0;
    std::uint64_t evaluations = 60;
    std::uint64_t every = 0;
  };
  static constexpr auto params = mole::params(
      mole::param("season", &Params::season, "day, week or none; the window should hold four"),
      mole::param("multiplicative", &Params::multiplicative, "The season is a factor, not a summand"),
      mole::param("damped", &Params::damped, "The trend dies away"),
      mole::param("logarithmic", &Params::logarithmic, "Work on log(1 + x): noise and season in proportion to the value"),
      mole::param("ahead", &Params::ahead, mole::unit::second, mole::range(0, 31'536'000),
                  "Only values of intervals that ended this long before the row's began are used; 0: all before it"),
      mole::param("confidence", &Params::confidence, mole::unit::one, mole::range(0.5, 0.999),
                  "Share of the past errors that the band holds"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Leave out values with less coverage than this"),
      mole::param("evaluations", &Params::evaluations, mole::unit::one, mole::range(10, 10'000),
                  "How long to look for the best smoothing; each is a pass over the window"),
      mole::param("every", &Params::every, mole::unit::second, mole::range(0, 315'360'000),
                  "Compute for intervals that end on a multiple of this since the epoch, others are null; 0: for all"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to forecast"));

  struct Module {
    explicit Module(const Params& given) : p(given), season(given.season) {
      if (given.season == "month" || given.season == "year")
        throw mole::Failure(mole::invalid("a " + given.season + " is not a whole number of intervals; use day, week or none"));
    }
    Params p;
    mole::Period season;
  };
  explicit Forecast(const Module& m) : module(&m) {}
  const Module* module;
  mole::Series series;
  static constexpr auto state = mole::fields(&Forecast::series);

  static constexpr std::size_t least_errors = 20;

  void add(const mole::Values& values) { series.add(values); }
  void merge(const Forecast& other) { series.merge(other.series); }

  Row finish(const mole::Interval& row) const {
    const auto& p = module->p;
    const std::int64_t step = row.end.us - row.start.us;
    if (step <= 0 || !mole::is_due(row.end, p.every)) return {};
    if (module->season.length() % step != 0)
      throw mole::Failure(mole::invalid("the interval does not divide a " + p.season +
                                        ", so it has no season; choose another interval, or season: none"));
    const auto lead = static_cast<std::int64_t>(p.ahead * 1e6) / step;  // intervals left out before the row
    const mole::Time end{row.start.us - lead * step};
    auto past = mole::grid_of(series.before(end), row.start, step, end, p.minimum_coverage);
    if (p.logarithmic) past = mole::logarithm_of(std::move(past));
    const auto season = module->season.none() ? 1 : static_cast<std::size_t>(module->season.length() / step);
    std::size_t there = 0;
    for (std::size_t k = 0; k < past.size(); ++k) there += past.has(k);
    if (past.size() < 2 * season + 2 || there < season + 2) return {};
    return forecast(row, past, season, static_cast<std::size_t>(lead) + 1);
  }

  Row forecast(const mole::Interval& row, const mole::Grid& past, std::size_t season, std::size_t ahead) const {
    const auto& p = module->p;
    const mole::HoltWinters model(past, season, p.multiplicative);
    const auto smoothing = model.fit(ahead, p.damped, 1e-4, static_cast<int>(p.evaluations));
    std::vector<mole::HoltWinters::Error> errors;
    const auto now = model.run(smoothing, ahead, &errors);
    const double f = model.forecast(now, smoothing, ahead);
    if (!std::isfinite(f)) return {};
    const auto back = [&](double x) { return p.logarithmic ? std::max(mole::expm1(x), 0.0) : x; };
    Row out{};
    out.forecast = back(f);
    out.alpha = smoothing.level, out.beta = smoothing.trend, out.phi = smoothing.damping;
    if (season > 1) out.gamma = smoothing.season;
    place_band(model, past, errors, f, back, out);
    out.scaled_error = scaled(past, errors, season, ahead);
    const auto own =
        mole::grid_of(series.between(row.start, row.end), row.start, row.end.us - row.start.us, row.end, p.minimum_coverage);
    if (own.size() > 0 && own.has(0)) out.error = own.value[0] - *out.forecast;
    return out;
  }

  // As far from the forecast as the middle `confidence` of the past errors; of a multiplicative model, in proportion.
  template <class Back>
  void place_band(const mole::HoltWinters& model, const mole::Grid& past, const std::vector<mole::HoltWinters::Error>& errors,
                  double f, const Back& back, Row& out) const {
    std::vector<mole::Weighted> e;
    for (const auto& error : errors) {
      const double forecast = past.value[error.cell] - error.error;
      if (!model.multiplicative())
        e.push_back({error.error, past.weight[error.cell]});
      else if (forecast != 0)
        e.push_back({error.error / forecast * f, past.weight[error.cell]});
    }
    if (e.size() < least_errors) return;
    std::sort(e.begin(), e.end());
    out.low = back(f + mole::quantile_of(e, (1 - module->p.confidence) / 2));
    out.high = back(f + mole::quantile_of(e, (1 + module->p.confidence) / 2));
  }

  // Mean absolute scaled error (Hyndman and Koehler 2006), for this lead and against the seasonal naive forecast of the same.
  static std::optional<double> scaled(const mole::Grid& past, const std::vector<mole::HoltWinters::Error>& errors,
                                      std::size_t season, std::size_t ahead) {
    const std::size_t back = season * ((ahead + season - 1) / season);
    double ours = 0, naive = 0;
    std::size_t count = 0;
    for (const auto& e : errors) {
      if (e.cell < back || !past.has(e.cell - back)) continue;
      ours += std::abs(e.error);
      naive += std::abs(past.value[e.cell] - past.value[e.cell - back]);
      ++count;
    }
    if (count < least_errors || !(naive > 0)) return std::nullopt;
    return ours / naive;
  }
};

MOLE_PLUGINS(Forecast)
