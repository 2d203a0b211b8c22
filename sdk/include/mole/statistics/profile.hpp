// Rhythms: what the same time of day, week, month or year looked like before.
//
//   const mole::Profile profile(grid, mole::Period("week"));
//   profile.expected(row.start.us);     // median of the earlier values at this time of the week; none: not seen before
//   profile.residual(k);                // value k less the median of the other values at its time of the week
//
// Medians, weighted by coverage, so that neither one strange week nor half an interval bends the profile.
#pragma once

#include <mole/series.hpp>
#include <mole/statistics/statistics.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole {

// A rhythm of the calendar, UTC: "day", "week" (from Monday 00:00), "month", "year", or "none".
class Period {
 public:
  // Throws Failure(invalid) for any other word.
  explicit Period(std::string_view word) {
    static constexpr std::string_view words[] = {"none", "day", "week", "month", "year"};
    for (const auto w : words)
      if (w == word)
        return;
      else
        ++kind_;
    throw Failure(invalid("'" + std::string(word) + "' is not a period: use none, day, week, month or year"));
  }
  bool none() const { return kind_ == 0; }
  // Microseconds since the period began that holds `t`.
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
  // Of an average one. 0: none.
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
  // Of all cells of `grid` that are no gaps.
  Profile(const Grid& grid, const Period& period)
      : period_(period), step_(grid.step), grid_(grid), residual_(grid.size()), expected_(grid.size()), known_(grid.size()) {
    for (std::size_t k = 0; k < grid.size(); ++k)
      if (grid.has(k)) slots_[slot_of(grid.first + static_cast<std::int64_t>(k) * step_)].push_back(k);
    for (auto& [slot, cells] : slots_) compare_within(cells);
    measure_spread();
  }

  // Median of the values at this time of the period; none if there is no such value.
  std::optional<double> expected(std::int64_t start) const {
    const auto found = slots_.find(slot_of(start));
    if (found == slots_.end()) return std::nullopt;
    return median_without(found->second, grid_.size());
  }
  std::size_t count(std::int64_t start) const {
    const auto found = slots_.find(slot_of(start));
    return found == slots_.end() ? 0 : found->second.size();
  }
  // Whether cell k has a value and others at its time of the period to be compared with.
  bool known(std::size_t k) const { return known_[k] != 0; }
  double residual(std::size_t k) const { return residual_[k]; }
  double expected_of(std::size_t k) const { return expected_[k]; }  // by the others

  // Standard deviation of residuals (by their median absolute deviation) where about this much is expected: noise
  // grows with traffic. By eighths of the residuals, ordered by what was expected. 0 without residuals.
  double spread(double expected) const {
    std::size_t i = 0;
    while (i < up_to_.size() && expected > up_to_[i]) ++i;
    return spreads_.empty() ? 0 : spreads_[std::min(i, spreads_.size() - 1)];
  }
  // Share of the variance that the rhythm explains, 0 to 1 (Wang, Smith and Hyndman 2006), each value being compared with the
  // others of its time, so that noise alone has no rhythm. None without residuals or without variance.
  std::optional<double> strength() const {
    double weight = 0, mean = 0, all = 0, rest = 0;
    for (std::size_t k = 0; k < known_.size(); ++k)
      if (known_[k]) weight += grid_.weight[k], mean += grid_.weight[k] * grid_.value[k];
    if (weight == 0) return std::nullopt;
    mean /= weight;
    for (std::size_t k = 0; k < known_.size(); ++k) {
      if (!known_[k]) continue;
      const double d = grid_.value[k] - mean;
      all += grid_.weight[k] * d * d;
      rest += grid_.weight[k] * residual_[k] * residual_[k];
    }
    if (!(all > 0)) return std::nullopt;
    return std::max(0.0, 1 - rest / all);
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
    if (cells.size() > 64) {  // one value more or less does not move the median of so many
      const double median = median_without(cells, grid_.size());
      for (const auto k : cells) compare(k, median);
    } else {
      for (const auto k : cells) compare(k, median_without(cells, k));
    }
  }
  void compare(std::size_t k, double with) {
    known_[k] = 1;
    expected_[k] = with;
    residual_[k] = grid_.value[k] - with;
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

// log(1 + x) of all values, for traffic, whose noise and rhythm are proportions. Throws Failure(invalid) below 0.
inline Grid logarithm_of(Grid grid) {
  for (std::size_t k = 0; k < grid.size(); ++k) {
    if (grid.has(k) && grid.value[k] < 0)
      throw Failure(invalid("a value is negative and has no logarithm; set the parameter logarithmic to false"));
    grid.value[k] = log1p(std::max(grid.value[k], 0.0));
  }
  return grid;
}

// The grid less its rhythm: each value less the median at its time of the period, itself included; what is alone at its time is a
// gap. Without a period: the grid itself. `level`: what to take away first, by cell, or nothing; it stays in the result.
inline Grid without_rhythm(const Grid& grid, const Period& period, const std::vector<double>& level = {}) {
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
