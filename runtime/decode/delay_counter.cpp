#include "runtime/decode/delay_counter.hpp"

#include <algorithm>
#include <limits>

namespace mole::runtime {
namespace {

void count(std::vector<std::uint64_t>& counts, Micros exported, Micros time) {
  const auto bounds = delay_bounds();
  Micros delay = 0;
  if (__builtin_sub_overflow(exported, time, &delay))
    delay = time < 0 ? std::numeric_limits<Micros>::max() : std::numeric_limits<Micros>::min();
  ++counts[static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), delay) - bounds.begin())];
}

}  // namespace

void DelayCounter::add(const FlowBatch& batch) {
  counts_.start.resize(delay_bounds().size() + 1);
  counts_.end.resize(delay_bounds().size() + 1);
  const auto starts = batch.column<std::int64_t>(MOLE_COLUMN_START), ends = batch.column<std::int64_t>(MOLE_COLUMN_END);
  for (std::uint32_t row = 0; row < batch.rows && !datagrams_.empty(); ++row) {
    auto& datagram = datagrams_.front();
    count(counts_.start, datagram.exported, starts[row]);
    count(counts_.end, datagram.exported, ends[row]);
    counts_.late += starts[row] < late_before_;
    if (--datagram.flows == 0) datagrams_.pop_front();
  }
}

}  // namespace mole::runtime
