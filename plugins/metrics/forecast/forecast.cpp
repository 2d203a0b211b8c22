#include "holt_winters.hpp"

#include <mole/series_metric.hpp>
#include <mole/statistics/profile.hpp>

// Forecast of a numeric column by exponential smoothing: the value predicted for the row's interval from values at least `ahead`
// before it, with a prediction interval estimated from past forecast errors. docs/metrics/forecast.md
struct Forecast : mole::SeriesMetric {
  static constexpr auto about = mole::metric("forecast", "1.0.0", "Forecast of a column with a prediction interval");

  struct Row {
    std::optional<double> forecast, low, high, error, scaled_error, alpha, beta, gamma, phi;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_forecast", &Row::forecast, mole::same("values"),
                   "Forecast from values at least `ahead` before the row; also given in a gap; null with too little history"),
      mole::column("{values}_forecast_low", &Row::low, mole::same("values"), "Lower limit of the prediction interval"),
      mole::column("{values}_forecast_high", &Row::high, mole::same("values"), "Upper limit of the prediction interval"),
      mole::column("{values}_forecast_error", &Row::error, mole::same("values"),
                   "Value of the row minus the forecast; null in a gap"),
      mole::column("{values}_mase", &Row::scaled_error, mole::unit::one,
                   "Mean absolute error of such forecasts in the window, divided by that of repeating the last season's value: "
                   "below 1 is better"),
      mole::column("{values}_alpha", &Row::alpha, mole::unit::one, "Smoothing factor of the level, 0 to 1"),
      mole::column("{values}_beta", &Row::beta, mole::unit::one, "Smoothing factor of the trend"),
      mole::column("{values}_gamma", &Row::gamma, mole::unit::one, "Smoothing factor of the season; null if there is no season"),
      mole::column("{values}_phi", &Row::phi, mole::unit::one, "Damping factor of the trend per interval; 1: not damped"));

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
      mole::param("season", &Params::season, "Season: day, week or none; the window should contain four seasons"),
      mole::param("multiplicative", &Params::multiplicative, "Multiply by the seasonal component instead of adding it"),
      mole::param("damped", &Params::damped, "Damp the trend"),
      mole::param("logarithmic", &Params::logarithmic, "Model log(1 + x), for noise and season proportional to the value"),
      mole::param("ahead", &Params::ahead, mole::unit::second, mole::range(0, 31'536'000),
                  "Use only values of intervals that ended this long before the row's interval starts; 0: all values before it"),
      mole::param("confidence", &Params::confidence, mole::unit::one, mole::range(0.5, 0.999),
                  "Share of the past errors within the prediction interval"),
      mole::minimum_coverage_param(&Params::minimum_coverage),
      mole::param("evaluations", &Params::evaluations, mole::unit::one, mole::range(10, 10'000),
                  "Maximum number of trial smoothings, each a pass over the window"),
      mole::every_param(&Params::every));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to forecast"));

  struct Module : mole::SeasonalModule<Params> {
    explicit Module(const Params& given) : SeasonalModule(given) {
      if (given.season == "month" || given.season == "year")
        throw mole::Failure(mole::invalid("a " + given.season + " is not a whole number of intervals; use day, week or none"));
    }
  };
  explicit Forecast(const Module& m) : module(&m) {}
  const Module* module;

  static constexpr std::size_t min_errors = 20;

  Row finish(const mole::Interval& row) const {
    const auto& p = module->p;
    const std::int64_t step = row.end.us - row.start.us;
    if (step <= 0 || !mole::is_due(row.end, p.every)) return {};
    if (module->season.length() % step != 0)
      throw mole::Failure(
          mole::invalid("a " + p.season + " is not a whole number of intervals; choose a different interval, or season: none"));
    const auto lead = static_cast<std::int64_t>(p.ahead * 1e6) / step;  // intervals skipped before the row
    const mole::Time end{row.start.us - lead * step};
    const auto past = module->scale.of(mole::grid_of(series.before(end), row.start, step, end, p.minimum_coverage));
    const auto season = module->season.none() ? 1 : static_cast<std::size_t>(module->season.length() / step);
    std::size_t present = 0;
    for (std::size_t k = 0; k < past.size(); ++k) present += past.has(k);
    if (past.size() < 2 * season + 2 || present < season + 2) return {};
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
    Row out{};
    out.forecast = module->scale.back(f);
    out.alpha = smoothing.level, out.beta = smoothing.trend, out.phi = smoothing.damping;
    if (season > 1) out.gamma = smoothing.season;
    set_limits(model, past, errors, f, out);
    out.scaled_error = scaled(past, errors, season, ahead);
    if (const auto value = value_of(row, p.minimum_coverage)) out.error = *value - *out.forecast;
    return out;
  }

  // The limits enclose the middle `confidence` of the past errors, which are relative for a multiplicative model.
  void set_limits(const mole::HoltWinters& model, const mole::Grid& past, const std::vector<mole::HoltWinters::Error>& errors,
                  double f, Row& out) const {
    std::vector<mole::Weighted> e;
    for (const auto& error : errors) {
      const double forecast = past.value[error.cell] - error.error;
      if (!model.multiplicative())
        e.push_back({error.error, past.weight[error.cell]});
      else if (forecast != 0)
        e.push_back({error.error / forecast * f, past.weight[error.cell]});
    }
    if (e.size() < min_errors) return;
    std::sort(e.begin(), e.end());
    out.low = module->scale.back(f + mole::quantile_of(e, (1 - module->p.confidence) / 2));
    out.high = module->scale.back(f + mole::quantile_of(e, (1 + module->p.confidence) / 2));
  }

  // Mean absolute scaled error (Hyndman and Koehler 2006) for this lead, relative to the seasonal naive forecast.
  static std::optional<double> scaled(const mole::Grid& past, const std::vector<mole::HoltWinters::Error>& errors,
                                      std::size_t season, std::size_t ahead) {
    const std::size_t back = season * ((ahead + season - 1) / season);
    double model = 0, naive = 0;
    std::size_t count = 0;
    for (const auto& e : errors) {
      if (e.cell < back || !past.has(e.cell - back)) continue;
      model += std::abs(e.error);
      naive += std::abs(past.value[e.cell] - past.value[e.cell - back]);
      ++count;
    }
    if (count < min_errors || !(naive > 0)) return std::nullopt;
    return model / naive;
  }
};

MOLE_PLUGINS(Forecast)
