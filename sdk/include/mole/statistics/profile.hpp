// Profile: the usual value at each time of the day, week, month or year.
//
//   std::optional<double> usual(const mole::Grid& grid, const mole::Interval& row) {
//     const mole::Profile profile(grid, mole::Period("week"));
//     return profile.expected(row.start.us);   // median of the values at this time of the week; nullopt if there are none
//   }
//
// Medians are weighted by coverage: a single unusual week or a partly covered interval hardly changes a profile.
#pragma once

#include <mole/series.hpp>
#include <mole/statistics/statistics.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole {

// A period of the calendar in UTC: "day", "week" (from Monday 00:00), "month", "year", or "none".
class Period {
 public:
  // Throws Failure(invalid) for any other name.
  explicit Period(std::string_view name) {
    static constexpr std::string_view names[] = {"none", "day", "week", "month", "year"};
    for (const auto n : names)
      if (n == name)
        return;
      else
        ++kind_;
    throw Failure(invalid("'" + std::string(name) + "' is not a period; use none, day, week, month or year"));
  }
  bool none() const { return kind_ == 0; }
  // Microseconds from the start of the current period to `t`.
  std::int64_t phase(std::int64_t t) const {
    using namespace std::chrono;
    const auto days_since = floor<days>(microseconds(t));
    if (kind_ == 0) return 0;
    if (kind_ == 1) return t - day_us * days_since.count();
    if (kind_ == 2) return t - day_us * (days_since.count() - ((days_since.count() + 3) % 7 + 7) % 7);
    const year_month_day date{sys_days(days_since)};
    const sys_days from = kind_ == 3 ? sys_days(date.year() / date.month() / 1) : sys_days(date.year() / January / 1);
    return t - day_us * from.time_since_epoch().count();
  }
  // Average length in microseconds; 0 for none.
  std::int64_t length() const {
    static constexpr std::int64_t lengths[] = {0, day_us, 7 * day_us, 2'629'746'000'000, 31'556'952'000'000};
    return lengths[kind_];
  }

 private:
  static constexpr std::int64_t day_us = 86'400'000'000;
  int kind_ = 0;
};

class Profile {
 public:
  Profile(const Grid& grid, const Period& period)
      : period_(period), step_(grid.step), grid_(grid), residual_(grid.size()), expected_(grid.size()), known_(grid.size()) {
    for (std::size_t k = 0; k < grid.size(); ++k)
      if (grid.has(k)) slots_[slot_of(grid.first + static_cast<std::int64_t>(k) * step_)].push_back(k);
    for (auto& [slot, cells] : slots_) compare_within(cells);
    measure_spread();
  }

  // Median of the values at this time of the period; nullopt if there are none.
  std::optional<double> expected(std::int64_t start) const {
    const auto found = slots_.find(slot_of(start));
    if (found == slots_.end()) return std::nullopt;
    return median_without(found->second, grid_.size());
  }
  std::size_t count(std::int64_t start) const {
    const auto found = slots_.find(slot_of(start));
    return found == slots_.end() ? 0 : found->second.size();
  }
  // Whether cell k has a value, and other cells at its time of the period have values to compare it with.
  bool known(std::size_t k) const { return known_[k] != 0; }
  double residual(std::size_t k) const { return residual_[k]; }
  double expected_of(std::size_t k) const { return expected_[k]; }  // from the other cells

  // Standard deviation (from the median absolute deviation) of the residuals whose expected value is similar, since noise grows
  // with traffic: residuals are ordered by expected value and split into up to eight parts. 0 if there are no residuals.
  double spread(double expected) const {
    std::size_t i = 0;
    while (i < up_to_.size() && expected > up_to_[i]) ++i;
    return spreads_.empty() ? 0 : spreads_[std::min(i, spreads_.size() - 1)];
  }
  // Share of the variance that the profile explains, 0 to 1 (Wang, Smith and Hyndman 2006). Each value is compared with the other
  // values of its time, so that pure noise gives 0. nullopt if there are no residuals or the variance is 0.
  std::optional<double> strength() const {
    double weight = 0, mean = 0, total = 0, unexplained = 0;
    for (std::size_t k = 0; k < known_.size(); ++k)
      if (known_[k]) weight += grid_.weight[k], mean += grid_.weight[k] * grid_.value[k];
    if (weight == 0) return std::nullopt;
    mean /= weight;
    for (std::size_t k = 0; k < known_.size(); ++k) {
      if (!known_[k]) continue;
      const double d = grid_.value[k] - mean;
      total += grid_.weight[k] * d * d;
      unexplained += grid_.weight[k] * residual_[k] * residual_[k];
    }
    if (!(total > 0)) return std::nullopt;
    return std::max(0.0, 1 - unexplained / total);
  }

 private:
  std::int64_t slot_of(std::int64_t start) const { return period_.phase(start) / step_; }

  double median_without(const std::vector<std::size_t>& cells, std::size_t left_out) const {
    thread_local std::vector<Weighted> x;
    x.clear();
    for (const auto k : cells)
      if (k != left_out) x.push_back({grid_.value[k], grid_.weight[k]});
    std::sort(x.begin(), x.end());
    return step_quantile(x, 0.5);
  }
  void compare_within(const std::vector<std::size_t>& cells) {
    if (cells.size() < 2) return;
    if (cells.size() > 64) {  // the cell itself hardly changes the median of so many
      const double median = median_without(cells, grid_.size());
      for (const auto k : cells) compare(k, median);
    } else {
      for (const auto k : cells) compare(k, median_without(cells, k));
    }
  }
  void compare(std::size_t k, double expected) {
    known_[k] = 1;
    expected_[k] = expected;
    residual_[k] = grid_.value[k] - expected;
  }
  void measure_spread() {
    std::vector<std::pair<double, double>> all;
    for (std::size_t k = 0; k < known_.size(); ++k)
      if (known_[k]) all.emplace_back(expected_[k], residual_[k]);
    if (all.empty()) return;
    std::sort(all.begin(), all.end());
    const std::size_t parts = std::clamp<std::size_t>(all.size() / 50, 1, 8);
    for (std::size_t i = 0; i < parts; ++i) {
      const std::size_t from = all.size() * i / parts, to = all.size() * (i + 1) / parts;
      std::vector<double> part;
      for (std::size_t k = from; k < to; ++k) part.push_back(all[k].second);
      spreads_.push_back(spread_of(part, 0));
      if (i + 1 < parts) up_to_.push_back(all[to - 1].first);
    }
  }

  Period period_;
  std::int64_t step_;
  Grid grid_;
  std::vector<double> residual_, expected_;
  std::vector<std::uint8_t> known_;
  std::map<std::int64_t, std::vector<std::size_t>> slots_;  // cells by time of the period
  std::vector<double> up_to_, spreads_;
};

// The scale on which values are modelled: unchanged, or log(1 + x) for traffic, whose noise and seasonal variation are
// proportional to the value.
class Scale {
 public:
  explicit Scale(bool logarithmic) : logarithmic_(logarithmic) {}

  // Throws Failure(invalid) for a negative value on the logarithmic scale.
  double of(double x) const {
    if (!logarithmic_) return x;
    if (x < 0) throw Failure(invalid("a negative value has no logarithm; set the parameter logarithmic to false"));
    return log1p(x);
  }
  Grid of(Grid grid) const {
    for (std::size_t k = 0; k < grid.size(); ++k)
      if (grid.has(k)) grid.value[k] = of(grid.value[k]);
    return grid;
  }
  double back(double x) const { return logarithmic_ ? std::max(expm1(x), 0.0) : x; }

 private:
  bool logarithmic_;
};

// Shared by the states of a seasonal metric: its parameters, period and scale. Params has a string `season` and may have a bool
// `logarithmic`. In the metric: using Module = mole::SeasonalModule<Params>;
template <class Params>
struct SeasonalModule {
  explicit SeasonalModule(const Params& given) : p(given), season(given.season), scale(is_logarithmic()) {}
  Params p;
  Period season;
  Scale scale;

 private:
  bool is_logarithmic() const {
    if constexpr (requires { p.logarithmic; }) return p.logarithmic;
    return false;
  }
};

// Returns the grid minus its profile: each value minus the median of the values at its time of the period. A cell that is the
// only one at its time becomes a gap. Without a period, returns the grid. `level`, if given, is subtracted from the cells only to
// compute the medians.
inline Grid without_profile(const Grid& grid, const Period& period, const std::vector<double>& level = {}) {
  if (period.none()) return grid;
  std::vector<std::pair<std::int64_t, std::size_t>> slots;
  for (std::size_t k = 0; k < grid.size(); ++k)
    if (grid.has(k)) slots.emplace_back(period.phase(grid.first + static_cast<std::int64_t>(k) * grid.step) / grid.step, k);
  std::sort(slots.begin(), slots.end());
  Grid out = grid;
  for (std::size_t from = 0, to = 0; from < slots.size(); from = to) {
    std::vector<Weighted> x;
    for (; to < slots.size() && slots[to].first == slots[from].first; ++to) {
      const auto k = slots[to].second;
      x.push_back({grid.value[k] - (level.empty() ? 0 : level[k]), grid.weight[k]});
    }
    const double median = weighted_median(x);
    for (std::size_t i = from; i < to; ++i) {
      out.value[slots[i].second] -= median;
      if (to - from < 2) out.weight[slots[i].second] = 0;
    }
  }
  return out;
}

}  // namespace mole
