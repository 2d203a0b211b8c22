#include "fit.hpp"

#include <mole/series_metric.hpp>
#include <mole/statistics/profile.hpp>

// ARMA model of a numeric column without its seasonal profile: order, coefficients with standard errors, and a test of the
// residuals. docs/metrics/arma.md
struct Arma : mole::SeriesMetric {
  static constexpr auto about = mole::metric("arma", "1.0.0", "ARMA model of a column");

  using Number = std::optional<double>;
  struct Coefficient {
    Number value, error;
    static constexpr auto output =
        mole::columns(mole::column("*", &Coefficient::value, mole::unit::one, "*; null beyond the order"),
                      mole::column("*_error", &Coefficient::error, mole::unit::one, "*: standard error"));
  };
  struct Row {
    std::optional<std::uint64_t> ar_order, ma_order;
    Coefficient ar1, ar2, ar3, ar4, ma1, ma2;
    Number mean, mean_error, deviation, criterion, residual_p;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_ar_order", &Row::ar_order, mole::unit::one,
                   "Order of the autoregression; null if not due or with too few values"),
      mole::column("{values}_ma_order", &Row::ma_order, mole::unit::one, "Order of the moving average"),
      mole::group("{values}_ar1", "Weight of the value one interval ago", &Row::ar1, Coefficient::output),
      mole::group("{values}_ar2", "Weight of the value two intervals ago", &Row::ar2, Coefficient::output),
      mole::group("{values}_ar3", "Weight of the value three intervals ago", &Row::ar3, Coefficient::output),
      mole::group("{values}_ar4", "Weight of the value four intervals ago", &Row::ar4, Coefficient::output),
      mole::group("{values}_ma1", "Weight of the shock one interval ago", &Row::ma1, Coefficient::output),
      mole::group("{values}_ma2", "Weight of the shock two intervals ago", &Row::ma2, Coefficient::output),
      mole::column("{values}_arma_mean", &Row::mean, mole::same("values"), "Mean of the process, without the seasonal profile"),
      mole::column("{values}_arma_mean_error", &Row::mean_error, mole::same("values"), "Standard error of the mean"),
      mole::column("{values}_shock", &Row::deviation, mole::same("values"), "Standard deviation of the shocks"),
      mole::column("{values}_criterion", &Row::criterion, mole::unit::one, "BIC or AICc of the selected model"),
      mole::column("{values}_residual_p", &Row::residual_p, mole::unit::one,
                   "p value of the Ljung-Box test; small if the residuals are still autocorrelated"),
      mole::column("{values}_arma_count", &Row::count, mole::unit::interval, "Number of values used"));

  struct Params {
    std::string season = "week";
    std::uint64_t most_ar = 3, most_ma = 2;
    std::string criterion = "bic";
    std::uint64_t lags = 24;
    bool logarithmic = false;
    double minimum_coverage = 0;
    std::uint64_t every = 86'400;
  };
  static constexpr auto params = mole::params(
      mole::param("season", &Params::season, "Seasonal profile to remove first: none, day, week, month or year"),
      mole::param("most_ar", &Params::most_ar, mole::unit::one, mole::range(0, 4), "Maximum order of the autoregression"),
      mole::param("most_ma", &Params::most_ma, mole::unit::one, mole::range(0, 2), "Maximum order of the moving average"),
      mole::param("criterion", &Params::criterion, "Criterion that selects the orders: bic or aicc"),
      mole::param("lags", &Params::lags, mole::unit::interval, mole::range(7, 1000),
                  "Number of lags in the test of the residuals"),
      mole::param("logarithmic", &Params::logarithmic, "Model log(1 + x); mean and shock are then logarithms"),
      mole::minimum_coverage_param(&Params::minimum_coverage), mole::every_param(&Params::every));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to model"));

  struct Module : mole::SeasonalModule<Params> {
    explicit Module(const Params& given) : SeasonalModule(given) {
      if (given.criterion != "bic" && given.criterion != "aicc")
        throw mole::Failure(mole::invalid("'" + given.criterion + "' is not a criterion; use bic or aicc"));
    }
  };
  explicit Arma(const Module& m) : module(&m) {}
  const Module* module;

  static constexpr std::size_t min_values = 30;

  Row finish(const mole::Interval& row) const {
    const auto& p = module->p;
    Row out{};
    if (!mole::is_due(row.end, p.every)) return out;
    auto grid = mole::without_profile(module->scale.of(mole::history_with(series, row, p.minimum_coverage)), module->season);
    double min = 0, max = 0;
    for (std::size_t k = 0; k < grid.size(); ++k) {
      if (!grid.has(k)) continue;
      if (out.count++ == 0) min = max = grid.value[k];
      min = std::min(min, grid.value[k]), max = std::max(max, grid.value[k]);
    }
    if (out.count < min_values || !(max > min)) return out;
    fit_model(grid, max - min, out);
    return out;
  }

  // Divides the values by `scale`, so that the step sizes of the search do not depend on the unit.
  void fit_model(mole::Grid& grid, double scale, Row& out) const {
    const auto& p = module->p;
    for (auto& x : grid.value) x /= scale;
    const auto fit = mole::choose_arma(grid, p.most_ar, p.most_ma, p.criterion == "bic");
    const auto errors = mole::standard_errors(grid, fit);
    const auto& [ar, ma] = fit.model;
    out.ar_order = ar.size(), out.ma_order = ma.size();
    Coefficient* const ar_columns[] = {&out.ar1, &out.ar2, &out.ar3, &out.ar4};
    Coefficient* const ma_columns[] = {&out.ma1, &out.ma2};
    const auto error_of = [&](std::size_t i) { return errors.empty() ? std::nullopt : Number(errors[i]); };
    for (std::size_t i = 0; i < ar.size(); ++i) *ar_columns[i] = {ar[i], error_of(i)};
    for (std::size_t i = 0; i < ma.size(); ++i) *ma_columns[i] = {ma[i], error_of(ar.size() + i)};
    out.mean = fit.mean * scale;
    if (!errors.empty()) out.mean_error = errors.back() * scale;
    out.deviation = std::sqrt(fit.variance) * scale;
    const double scale_term = 2 * fit.n * mole::log(scale);
    out.criterion = (p.criterion == "bic" ? fit.bic() : fit.aicc()) + scale_term;
    std::vector<std::optional<double>> residuals;
    mole::ArmaFilter(fit.model).run(grid, fit.mean, &residuals);
    out.residual_p = mole::ljung_box(residuals, p.lags, ar.size() + ma.size()).p;
  }
};

MOLE_PLUGINS(Arma)
