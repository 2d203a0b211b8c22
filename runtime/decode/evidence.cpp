#include "runtime/decode/evidence.hpp"

#include <algorithm>

namespace mole::runtime {

Evidence Evidence::of(std::vector<Second> seconds, std::vector<TimeRange> readable) {
  Evidence evidence;
  evidence.seconds_ = std::move(seconds);
  evidence.readable_ = std::move(readable);
  evidence.finish();
  return evidence;
}

void Evidence::add(Micros exported, std::uint64_t received, std::uint64_t lost) {
  const std::int64_t second = floor_div(exported, second_us);
  if (seconds_.empty() || seconds_.back().second != second) seconds_.push_back({second, {}});
  seconds_.back().count.received += received;
  seconds_.back().count.lost += lost;
}

void Evidence::finish() {
  std::stable_sort(seconds_.begin(), seconds_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  auto out = seconds_.begin();
  for (auto in = seconds_.begin(); in != seconds_.end(); ++in) {
    if (out != seconds_.begin() && std::prev(out)->second == in->second) {
      std::prev(out)->count.received += in->count.received;
      std::prev(out)->count.lost += in->count.lost;
    } else {
      *out++ = *in;
    }
  }
  seconds_.erase(out, seconds_.end());
}

Evidence::Count Evidence::count(TimeRange range) const {
  Count sum;
  for (const auto& s : seconds_in(range)) {
    sum.received += s.count.received;
    sum.lost += s.count.lost;
  }
  return sum;
}

std::span<const Evidence::Second> Evidence::seconds_in(TimeRange range) const {
  const auto first_from = [this](Micros t) {
    return std::lower_bound(seconds_.begin(), seconds_.end(), -floor_div(-t, second_us),
                            [](const Second& s, std::int64_t second) { return s.second < second; });
  };
  return {first_from(range.from), first_from(range.to)};
}

}  // namespace mole::runtime
