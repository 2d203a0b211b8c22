// SeriesMetric: the base of a metric that needs one column's values in time order. The state is the series; the metric adds
// only the computation.
//
//   struct Growth : mole::SeriesMetric {
//     static constexpr auto about = mole::metric("growth", "1.0.0", "Last value of the window minus the first");
//     struct Row { std::optional<double> growth; };
//     static constexpr auto output = mole::columns(
//         mole::column("{values}_growth", &Row::growth, mole::same("values"), "Last value minus the first"));
//     static constexpr auto inputs = mole::inputs(mole::values("values", "Column to compare"));
//
//     Row finish() const {
//       if (series.size() == 0) return {};
//       return {series.points().back().value - series.points().front().value};
//     }
//   };
#pragma once

#include <mole/metric.hpp>
#include <mole/series.hpp>

#include <cstdint>
#include <optional>

namespace mole {

struct SeriesMetric {
  Series series;
  static constexpr auto state = fields(&SeriesMetric::series);

  void add(const Values& values) { series.add(values); }
  void merge(const SeriesMetric& other) { series.merge(other.series); }

  // The value of the row's own interval, if its coverage is sufficient.
  std::optional<double> value_of(const Interval& row, double minimum_coverage) const {
    const auto own = grid_of(series.between(row.start, row.end), row.start, row.end.us - row.start.us, row.end, minimum_coverage);
    return own.size() > 0 && own.has(0) ? std::optional(own.value[0]) : std::nullopt;
  }
};

// Parameters that most of these metrics have.
template <class P>
constexpr auto minimum_coverage_param(double P::*member) {
  return param("minimum_coverage", member, unit::one, range(0, 1), "Ignore values with less coverage than this");
}
template <class P>
constexpr auto logarithmic_param(bool P::*member) {
  return param("logarithmic", member, "Model log(1 + x), for noise proportional to the value");
}
// For is_due().
template <class P>
constexpr auto every_param(std::uint64_t P::*member) {
  return param(
      "every", member, unit::second, range(0, 315'360'000),
      "Compute only intervals whose end, counted from the epoch, is a multiple of this; the others are null. 0: all intervals");
}

}  // namespace mole
