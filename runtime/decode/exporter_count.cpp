#include "runtime/decode/exporter_count.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

constexpr std::uint32_t max_exporters = 256;
constexpr std::uint64_t min_datagrams = 3;  // damaged bytes can look like a datagram of another exporter

}  // namespace

void ExporterCount::add(std::uint32_t exporter, Micros exported) {
  if (exporter >= max_exporters) return;
  if (exporter >= exporters_.size()) exporters_.resize(exporter + 1);
  auto& e = exporters_[exporter];
  e.first = e.datagrams == 0 ? exported : std::min(e.first, exported);
  e.last = e.datagrams == 0 ? exported : std::max(e.last, exported);
  ++e.datagrams;
}

std::uint64_t ExporterCount::count() const {
  if (exporters_.empty()) return 0;
  Micros from = INT64_MAX, to = INT64_MIN;
  for (const auto& e : exporters_) {
    if (e.datagrams == 0) continue;
    from = std::min(from, e.first);
    to = std::max(to, e.last);
  }
  // After a restart, the last datagrams of the old number may be stored after the first ones of the new number.
  const Micros overlap = (to - from) / 10;
  std::uint64_t most = 1;
  for (const auto& e : exporters_) {
    if (e.datagrams < min_datagrams) continue;
    const auto at = e.first + overlap;  // the number of exporters is largest where one begins
    most = std::max(most, static_cast<std::uint64_t>(std::ranges::count_if(exporters_, [&](const Exporter& other) {
                      return other.datagrams >= min_datagrams && other.first <= e.first && at <= other.last;
                    })));
  }
  return most;
}

}  // namespace mole::runtime
