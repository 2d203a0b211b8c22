#include "plugins/decoders/export/reports.hpp"

#include <algorithm>
#include <cmath>

namespace mole::plugins::flow_export {

void Reports::datagram(std::int64_t exported_us, std::uint32_t flows, std::uint32_t exporter, const Gap& gap, bool repeated) {
  Entry entry{true, exported_us, flows, exporter, 0, gap};
  entry.repeated = repeated;
  if (gap.count > 0) entry.missing.push_back(gap);
  push(std::move(entry));
}

void Reports::later(std::int64_t exported_us, std::uint32_t flows, std::uint64_t lost, std::uint32_t exporter) {
  push({true, exported_us, flows, exporter, lost});
}

void Reports::skipped(std::uint64_t offset, std::uint64_t size, std::string reason) {
  Entry entry{false};
  entry.offset = offset;
  entry.size = size;
  entry.reason = std::move(reason);
  push(std::move(entry));
}

void Reports::arrived(std::uint64_t domain, std::uint32_t first, std::uint32_t count) {
  for (Entry& entry : waiting_)
    for (std::size_t i = 0; i < entry.missing.size(); ++i) {
      Gap& gap = entry.missing[i];
      const std::uint32_t at = first - gap.first;  // modulo 2^32
      if (gap.domain != domain || at >= gap.count) continue;
      Gap after = gap;
      const std::uint32_t arrived = std::min(count, gap.count - at);
      after.first = first + arrived;
      after.count = gap.count - at - arrived;
      gap.count = at;
      if (gap.count == 0) entry.missing.erase(entry.missing.begin() + static_cast<std::ptrdiff_t>(i));
      if (after.count > 0) entry.missing.push_back(after);
      return;
    }
}

void Reports::push(Entry entry) {
  waiting_.push_back(std::move(entry));
  while (!waiting_.empty() && (waiting_.front().missing.empty() || waiting_.size() > max_delayed_reports)) {
    emit(waiting_.front());
    waiting_.pop_front();
  }
}

void Reports::flush() {
  for (const Entry& entry : waiting_) emit(entry);
  waiting_.clear();
}

void Reports::emit(const Entry& entry) {
  if (!entry.is_datagram) return sink_.skipped(entry.offset, entry.size, entry.reason);
  std::uint64_t numbers = 0;
  for (const Gap& gap : entry.missing) numbers += gap.count;
  const auto lost = static_cast<std::uint64_t>(std::llround(static_cast<double>(numbers) * entry.gap.flows_per_number));
  sink_.datagram({entry.exported_us}, entry.flows, entry.lost + lost, entry.gap.in_damage, entry.exporter, entry.repeated);
}

}  // namespace mole::plugins::flow_export
