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

Evidence::Count& Evidence::Count::operator+=(const Count& other) {
  received += other.received;
  lost += other.lost;
  misdated += other.misdated;
  return *this;
}

// The count of the second of `time`; finish() merges repeated seconds.
Evidence::Count& Evidence::at(Micros time) {
  const std::int64_t second = floor_div(time, second_us);
  if (seconds_.empty() || seconds_.back().second != second) seconds_.push_back({second, {}});
  return seconds_.back().count;
}

void Evidence::add(Micros exported, std::uint64_t received, std::uint64_t lost) {
  Count& count = at(exported);
  count.received += received;
  count.lost += lost;
}

void Evidence::finish() {
  std::stable_sort(seconds_.begin(), seconds_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  auto out = seconds_.begin();
  for (auto in = seconds_.begin(); in != seconds_.end(); ++in) {
    if (out != seconds_.begin() && std::prev(out)->second == in->second) {
      std::prev(out)->count += in->count;
    } else {
      *out++ = *in;
    }
  }
  seconds_.erase(out, seconds_.end());
}

Evidence::Count Evidence::count(TimeRange range) const {
  Count sum;
  for (const auto& s : seconds_in(range)) sum += s.count;
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
