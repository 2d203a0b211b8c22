#include "runtime/metric/coverage.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

// Sorted and apart, so that nothing is counted twice where files overlap.
std::vector<TimeRange> joined(std::vector<TimeRange> ranges) {
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

std::uint64_t overlapping(const std::vector<TimeRange>& files, TimeRange interval) {
  return static_cast<std::uint64_t>(std::count_if(files.begin(), files.end(), [&](TimeRange f) { return f.overlaps(interval); }));
}

}  // namespace

void CoverageTable::expect(const task::File& file) { routers_[file.router].expected.push_back(file.covers); }

void CoverageTable::read(const task::File& file, const Evidence& evidence, bool present) {
  Router& router = routers_[file.router];
  router.evidence.push_back(evidence);
  if (present) router.present.push_back(file.covers);
}

void CoverageTable::settle() {
  for (auto& [name, router] : routers_) {
    router.readable.clear();
    for (const auto& e : router.evidence)
      router.readable.insert(router.readable.end(), e.readable_ranges().begin(), e.readable_ranges().end());
    router.readable = joined(std::move(router.readable));
  }
}

RowEvidence CoverageTable::of(TimeRange interval, const Router& router) const {
  RowEvidence out;
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
  out.coverage = static_cast<double>(readable) / static_cast<double>(interval.to - interval.from);
  if (count.lost > 0)
    out.coverage *= static_cast<double>(count.received) / (static_cast<double>(count.received) + static_cast<double>(count.lost));
  // Expected are the places of the archive's grid, also before it begins; several files may share a place.
  const Micros origin = router.expected.empty() ? 0 : router.expected.front().from;
  const Micros places = (ceil_to(interval.to, covers_, origin) - floor_to(interval.from, covers_, origin)) / covers_;
  out.files_expected = std::max(static_cast<std::uint64_t>(places), overlapping(router.expected, interval));
  out.files_present = overlapping(router.present, interval);
  return out;
}

RowEvidence CoverageTable::of(TimeRange interval, std::span<const std::string> routers) const {
  static const Router nothing;
  RowEvidence sum;
  for (const auto& name : routers) {
    const auto found = routers_.find(name);
    const RowEvidence one = of(interval, found == routers_.end() ? nothing : found->second);
    sum.coverage += one.coverage;
    sum.flows_lost += one.flows_lost;
    sum.files_expected += one.files_expected;
    sum.files_present += one.files_present;
  }
  if (!routers.empty()) sum.coverage /= static_cast<double>(routers.size());
  return sum;
}

std::vector<std::string> CoverageTable::routers() const {
  std::vector<std::string> out;
  for (const auto& [name, router] : routers_) out.push_back(name);
  return out;
}

}  // namespace mole::runtime
