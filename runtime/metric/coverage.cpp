#include "runtime/metric/coverage.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

// Sorts and merges the ranges, so that nothing is counted twice where files overlap.
std::vector<TimeRange> merged(std::vector<TimeRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](TimeRange a, TimeRange b) { return a.from < b.from; });
  std::vector<TimeRange> out;
  for (const TimeRange r : ranges) {
    if (r.empty()) continue;
    if (!out.empty() && r.from <= out.back().to)
      out.back().to = std::max(out.back().to, r.to);
    else
      out.push_back(r);
  }
  return out;
}

std::uint64_t count_overlapping(const std::vector<TimeRange>& files, TimeRange interval) {
  return static_cast<std::uint64_t>(std::count_if(files.begin(), files.end(), [&](TimeRange f) { return f.overlaps(interval); }));
}

}  // namespace

void CoverageTable::expect(const task::File& file) { routers_[file.router].expected.push_back(file.covers); }

void CoverageTable::add(const task::File& file, const Evidence& evidence, bool present) {
  Router& router = routers_[file.router];
  router.evidence.push_back(evidence);
  if (present) router.present.push_back(file.covers);
}

void CoverageTable::finish() {
  for (auto& [name, router] : routers_) {
    router.readable.clear();
    for (const auto& e : router.evidence)
      router.readable.insert(router.readable.end(), e.readable_ranges().begin(), e.readable_ranges().end());
    router.readable = merged(std::move(router.readable));
  }
}

RowCoverage CoverageTable::of(TimeRange interval, const Router& router) const {
  RowCoverage out;
  Micros readable = 0;
  for (const TimeRange r : router.readable)
    readable += std::max<Micros>(0, std::min(r.to, interval.to) - std::max(r.from, interval.from));
  Evidence::Count count;
  for (const auto& e : router.evidence) {
    const auto part = e.count(interval);
    count.received += part.received;
    count.lost += part.lost;
  }
  out.flows_lost = count.lost;
  out.share = static_cast<double>(readable) / static_cast<double>(interval.to - interval.from);
  if (count.lost > 0)
    out.share *= static_cast<double>(count.received) / (static_cast<double>(count.received) + static_cast<double>(count.lost));
  // Every cell of the archive's file grid is expected to hold a file, even before the archive begins. Files may share one.
  const Micros origin = router.expected.empty() ? 0 : router.expected.front().from;
  const Micros grid_cells = (ceil_to(interval.to, covers_, origin) - floor_to(interval.from, covers_, origin)) / covers_;
  out.files_expected = std::max(static_cast<std::uint64_t>(grid_cells), count_overlapping(router.expected, interval));
  out.files_present = count_overlapping(router.present, interval);
  return out;
}

RowCoverage CoverageTable::of(TimeRange interval, std::span<const std::string> routers) const {
  static const Router no_files;
  RowCoverage sum;
  for (const auto& name : routers) {
    const auto found = routers_.find(name);
    const RowCoverage one = of(interval, found == routers_.end() ? no_files : found->second);
    sum.share += one.share;
    sum.flows_lost += one.flows_lost;
    sum.files_expected += one.files_expected;
    sum.files_present += one.files_present;
  }
  if (!routers.empty()) sum.share /= static_cast<double>(routers.size());
  return sum;
}

std::vector<std::string> CoverageTable::routers() const {
  std::vector<std::string> out;
  for (const auto& [name, router] : routers_) out.push_back(name);
  return out;
}

}  // namespace mole::runtime
