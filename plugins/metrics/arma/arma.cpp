#include "fit.hpp"

#include <mole/metric.hpp>
#include <mole/statistics/profile.hpp>

// The process behind any numeric column: order and coefficients of an ARMA model of what its rhythm leaves, with standard
// errors and a test of the residuals. docs/metrics/arma.md
struct Arma {
  static constexpr auto about = mole::metric("arma", "1.0.0", "ARMA model of a column");

  using Number = std::optional<double>;
  struct Row {
    std::optional<std::uint64_t> ar_order, ma_order;
    Number ar1, ar1_error, ar2, ar2_error, ar3, ar3_error, ar4, ar4_error, ma1, ma1_error, ma2, ma2_error;
    Number mean, mean_error, deviation, criterion, residual_p;
    std::uint64_t count;
  };
  static constexpr auto output = mole::columns(
      mole::column("{values}_ar_order", &Row::ar_order, mole::unit::one,
                   "Order of the autoregression; null if not due or too few values"),
      mole::column("{values}_ma_order", &Row::ma_order, mole::unit::one, "Order of the moving average"),
      mole::column("{values}_ar1", &Row::ar1, mole::unit::one, "Weight of the value one interval ago; null beyond the order"),
      mole::column("{values}_ar1_error", &Row::ar1_error, mole::unit::one, "Its standard error"),
      mole::column("{values}_ar2", &Row::ar2, mole::unit::one, "Two intervals ago"),
      mole::column("{values}_ar2_error", &Row::ar2_error, mole::unit::one, "Its standard error"),
      mole::column("{values}_ar3", &Row::ar3, mole::unit::one, "Three intervals ago"),
      mole::column("{values}_ar3_error", &Row::ar3_error, mole::unit::one, "Its standard error"),
      mole::column("{values}_ar4", &Row::ar4, mole::unit::one, "Four intervals ago"),
      mole::column("{values}_ar4_error", &Row::ar4_error, mole::unit::one, "Its standard error"),
      mole::column("{values}_ma1", &Row::ma1, mole::unit::one, "Weight of the shock one interval ago"),
      mole::column("{values}_ma1_error", &Row::ma1_error, mole::unit::one, "Its standard error"),
      mole::column("{values}_ma2", &Row::ma2, mole::unit::one, "Two intervals ago"),
      mole::column("{values}_ma2_error", &Row::ma2_error, mole::unit::one, "Its standard error"),
      mole::column("{values}_arma_mean", &Row::mean, mole::same("values"), "Mean of the process, about the rhythm"),
      mole::column("{values}_arma_mean_error", &Row::mean_error, mole::same("values"), "Its standard error"),
      mole::column("{values}_shock", &Row::deviation, mole::same("values"), "Standard deviation of what is new in an interval"),
      mole::column("{values}_criterion", &Row::criterion, mole::unit::one, "BIC or AICc of the chosen order"),
      mole::column("{values}_residual_p", &Row::residual_p, mole::unit::one,
                   "p value of Ljung and Box: small if the model leaves dependence behind"),
      mole::column("{values}_arma_count", &Row::count, mole::unit::interval, "Values that entered"));

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
      mole::param("season", &Params::season, "The rhythm that is taken away first: none, day, week, month or year"),
      mole::param("most_ar", &Params::most_ar, mole::unit::one, mole::range(0, 4), "Highest order of the autoregression to try"),
      mole::param("most_ma", &Params::most_ma, mole::unit::one, mole::range(0, 2), "Highest order of the moving average to try"),
      mole::param("criterion", &Params::criterion, "What chooses the orders: bic or aicc"),
      mole::param("lags", &Params::lags, mole::unit::interval, mole::range(7, 1000), "Of the test of the residuals"),
      mole::param("logarithmic", &Params::logarithmic, "Model log(1 + x); mean and shock are then logarithms"),
      mole::param("minimum_coverage", &Params::minimum_coverage, mole::unit::one, mole::range(0, 1),
                  "Leave out values with less coverage than this"),
      mole::param("every", &Params::every, mole::unit::second, mole::range(0, 315'360'000),
                  "Compute for intervals that end on a multiple of this since the epoch, others are null; 0: for all"));

  static constexpr auto inputs = mole::inputs(mole::values("values", "Column to model"));

  struct Module {
    explicit Module(const Params& given) : p(given), season(given.season) {
      if (given.criterion != "bic" && given.criterion != "aicc")
        throw mole::Failure(mole::invalid("'" + given.criterion + "' is not a criterion: use bic or aicc"));
    }
    Params p;
    mole::Period season;
  };
  explicit Arma(const Module& m) : module(&m) {}
  const Module* module;
  mole::Series series;
  static constexpr auto state = mole::fields(&Arma::series);

  static constexpr std::size_t least_values = 30;

  void add(const mole::Values& values) { series.add(values); }
  void merge(const Arma& other) { series.merge(other.series); }

  Row finish(const mole::Interval& row) const {
    const auto& p = module->p;
    Row out{};
    if (!mole::is_due(row.end, p.every)) return out;
    auto grid = mole::history_with(series, row, p.minimum_coverage);
    if (p.logarithmic) grid = mole::logarithm_of(std::move(grid));
    grid = mole::without_rhythm(grid, module->season);
    double least = 0, greatest = 0;
    for (std::size_t k = 0; k < grid.size(); ++k) {
      if (!grid.has(k)) continue;
      if (out.count++ == 0) least = greatest = grid.value[k];
      least = std::min(least, grid.value[k]), greatest = std::max(greatest, grid.value[k]);
    }
    if (out.count < least_values || !(greatest > least)) return out;
    describe(grid, greatest - least, out);
    return out;
  }

  // The values are scaled for the search, so that its steps suit bytes and bits alike.
  void describe(mole::Grid& grid, double scale, Row& out) const {
    const auto& p = module->p;
    for (auto& x : grid.value) x /= scale;
    const auto fit = mole::choose_arma(grid, p.most_ar, p.most_ma, p.criterion == "bic");
    const auto errors = mole::standard_errors(grid, fit);
    const auto& [ar, ma] = fit.model;
    out.ar_order = ar.size(), out.ma_order = ma.size();
    Number* const ar_columns[][2] = {
        {&out.ar1, &out.ar1_error}, {&out.ar2, &out.ar2_error}, {&out.ar3, &out.ar3_error}, {&out.ar4, &out.ar4_error}};
    Number* const ma_columns[][2] = {{&out.ma1, &out.ma1_error}, {&out.ma2, &out.ma2_error}};
    for (std::size_t i = 0; i < ar.size(); ++i) {
      *ar_columns[i][0] = ar[i];
      if (!errors.empty()) *ar_columns[i][1] = errors[i];
    }
    for (std::size_t i = 0; i < ma.size(); ++i) {
      *ma_columns[i][0] = ma[i];
      if (!errors.empty()) *ma_columns[i][1] = errors[ar.size() + i];
    }
    out.mean = fit.mean * scale;
    if (!errors.empty()) out.mean_error = errors.back() * scale;
    out.deviation = std::sqrt(fit.variance) * scale;
    const double of_scale = 2 * fit.n * mole::log(scale);
    out.criterion = (p.criterion == "bic" ? fit.bic() : fit.aicc()) + of_scale;
    std::vector<std::optional<double>> residuals;
    mole::ArmaFilter(fit.model).run(grid, fit.mean, &residuals);
    out.residual_p = mole::ljung_box(residuals, p.lags, ar.size() + ma.size()).p;
  }
};

MOLE_PLUGINS(Arma)
