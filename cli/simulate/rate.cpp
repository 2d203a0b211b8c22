#include "cli/simulate/rate.hpp"

#include "cli/simulate/random.hpp"

#include <algorithm>
#include <array>

namespace mole::cli {
namespace {

constexpr std::uint64_t noise_stream = 16;
constexpr std::int64_t million = 1'000'000;

// Share of each hour in the flows of a day, in ten thousandths; 07 to 19 h sums to 8000.
constexpr std::array<std::uint64_t, 24> day_shape{140, 120, 110, 110, 120, 150, 190,                           // 00-06
                                                  500, 620, 700, 740, 720, 660, 680, 740, 740, 700, 640, 560,  // 07-18
                                                  270, 240, 210, 180, 160};                                    // 19-23
constexpr std::uint64_t sum_of(std::size_t from, std::size_t to) {
  std::uint64_t sum = 0;
  for (auto h = from; h < to; ++h) sum += day_shape[h];
  return sum;
}
static_assert(sum_of(0, 24) == 10'000 && sum_of(7, 19) == 8'000);

// Returns eight times the share at the centre of a quarter, interpolated between the centres of two hours; the sum over a day
// is unchanged.
std::uint64_t interpolated_share_times_eight(std::size_t quarter_of_day) {
  const auto hour = quarter_of_day / 4, quarter = quarter_of_day % 4;
  const auto here = day_shape[hour], before = day_shape[(hour + 23) % 24], after = day_shape[(hour + 1) % 24];
  constexpr std::array<std::uint64_t, 4> neighbour_weights{3, 1, 1, 3};
  const auto weight = neighbour_weights[quarter];
  return (8 - weight) * here + weight * (quarter < 2 ? before : after);
}

std::uint64_t integer_sqrt(std::uint64_t n) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = 1ULL << 31; bit > 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= n) root += bit;
  return root;
}

// Returns noise in millionths that is drawn at every multiple of `step` and interpolated linearly in between.
std::int64_t slow_noise(std::uint64_t seed, Micros at, Micros step) {
  const auto from = floor_to(at, step);
  const auto drawn = [&](Micros t) {
    return Random(seed, noise_stream + static_cast<std::uint64_t>(step / quarter_us), static_cast<std::uint64_t>(t)).normal();
  };
  const auto part = (at - from) / minute_us, whole = step / minute_us;
  return (drawn(from) * (whole - part) + drawn(from + step) * part) / whole;
}

}  // namespace

std::uint64_t expected_milliflows(const SimulationSpec& spec, Micros quarter) {
  const auto day = floor_div(quarter, day_us);
  const auto of_day = static_cast<std::size_t>((quarter - day * day_us) / quarter_us);
  const auto weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday; 0 is Monday
  auto milliflows = spec.flows_per_hour * 24 * interpolated_share_times_eight(of_day) * 1000 / (8 * 4 * 10'000);
  if (weekday >= 5) milliflows = milliflows * 3 / 10;
  const auto grown = million + spec.growth_per_million * ((quarter - spec.range.from) / hour_us) / (365 * 24);
  return milliflows * static_cast<std::uint64_t>(std::max<std::int64_t>(grown, 0)) / million;
}

std::uint64_t flows_of_quarter(const SimulationSpec& spec, std::uint32_t router, Micros quarter) {
  const auto expected = expected_milliflows(spec, quarter);
  Random random(spec.seed ^ router, noise_stream, static_cast<std::uint64_t>(quarter));
  const auto rounding = random.below(1000);
  if (spec.noise_per_million == 0) return (expected + rounding) / 1000;
  const auto common = slow_noise(spec.seed, quarter, day_us), own = slow_noise(spec.seed ^ router, quarter, 3 * hour_us);
  // Shares of the variance: 0.3, 0.4 and 0.3. Interpolation leaves two thirds of the variance of the draws.
  const auto deviation = (common * 67 + own * 77 + random.normal() * 55) / 100;
  const auto noise = static_cast<std::int64_t>(spec.noise_per_million) * deviation / million;
  const auto factor = static_cast<std::uint64_t>(std::max(million + noise, million / 10));
  const auto milliflows = expected * factor / million;
  const auto counting = static_cast<std::int64_t>(integer_sqrt(milliflows * 1000)) * random.normal() / million;
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, (static_cast<std::int64_t>(milliflows + rounding) + counting) / 1000));
}

}  // namespace mole::cli
