#include <mole/metric.hpp>

#include <algorithm>
#include <utility>

// The longest time without a flow start. A silence that crosses an interval boundary belongs to the later interval.
struct LongestSilence {
  static constexpr auto about = mole::metric("longest_silence", "1.0.0", "Longest gap between flow starts");

  struct Row {
    std::optional<double> gap;
  };
  static constexpr auto output = mole::columns(
      mole::column("gap", &Row::gap, mole::unit::second, "Longest gap that ends in the interval; null if there is none"));

  std::optional<mole::Time> last;       // start of the latest flow of any interval
  std::optional<std::int64_t> longest;  // in this interval, microseconds
  static constexpr auto state = mole::fields(&LongestSilence::last, &LongestSilence::longest);

  void add(const mole::Flows<mole::start>& flows) {
    for (const auto t : flows.span<mole::start>()) {
      if (last) longest = std::max(longest.value_or(0), t.us - last->us);
      last = t;
    }
  }
  Row finish() {
    const auto us = std::exchange(longest, std::nullopt);
    return {us ? std::optional(static_cast<double>(*us) / 1e6) : std::nullopt};
  }
};

MOLE_PLUGINS(LongestSilence)
