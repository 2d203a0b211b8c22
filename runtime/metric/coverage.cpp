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

CoverageTable::CoverageTable(const task::Archive& archive)
    : covers_(archive.covers),
      since_start_(archive.export_delay.start, archive.lateness),
      since_end_(archive.export_delay.end, archive.lateness) {}

void CoverageTable::expect(const task::File& file) { routers_[file.router].expected.push_back(file.covers); }

void CoverageTable::add(const task::File& file, const Evidence& evidence, bool present) {
  Router& router = routers_[file.router];
  router.files.push_back({file.id, evidence});
  if (present) router.present.push_back(file.covers);
}

void CoverageTable::finish() {
  for (auto& [name, router] : routers_) {
    router.readable.clear();
    for (const auto& [id, e] : router.files)
      router.readable.insert(router.readable.end(), e.readable_ranges().begin(), e.readable_ranges().end());
    for (const auto& [id, e] : router.files)
      for (const auto& s : e.seconds()) router.any_missing = router.any_missing || s.count.missing() > 0;
    router.readable = merged(std::move(router.readable));
  }
}

// 1 minus the share that was exported in unreadable time, so that an interval without any has exactly 1.
double CoverageTable::readable_share(TimeRange interval, const Router& router, const DelayCurve& delay) const {
  const TimeRange exported{interval.from, interval.to + delay.longest()};
  double missing = 0;
  Micros read_to = exported.from;
  const auto add_gap = [&](Micros to) {
    if (to > read_to) missing += delay.share_exported(interval, {read_to, to});
  };
  bool any = false;
  for (const TimeRange r : router.readable) {
    if (!r.overlaps(exported)) continue;
    any = true;
    add_gap(r.from);
    read_to = std::max(read_to, r.to);
  }
  add_gap(exported.to);
  return any ? std::clamp(1 - missing, 0.0, 1.0) : 0;
}

// Each second of export time counts with the share of its flows that belong to the interval.
double CoverageTable::received_share(TimeRange interval, const Router& router, const DelayCurve& delay,
                                     const FileIds& unusable) const {
  if (!router.any_missing && unusable.empty()) return 1;
  const Micros end = interval.to + delay.longest();
  double received = 0, missing = 0;
  for (const auto& [id, e] : router.files) {
    const bool usable = !unusable.contains(id);
    for (const auto& s : e.seconds_in({interval.from, end})) {
      const Micros middle = s.second * second_us + second_us / 2;
      const double weight = delay.share(middle - interval.from) - delay.share(middle - interval.to);
      (usable ? received : missing) += weight * static_cast<double>(s.count.received);
      missing += weight * static_cast<double>(s.count.missing());
    }
  }
  return missing > 0 ? received / (received + missing) : 1;
}

RowCoverage CoverageTable::of(TimeRange interval, const Router& router, const DelayCurve& delay, const FileIds& unusable) const {
  RowCoverage out;
  for (const auto& [id, e] : router.files) out.flows_lost += e.count(interval).lost;
  out.share = readable_share(interval, router, delay) * received_share(interval, router, delay, unusable);
  // Every cell of the archive's file grid is expected to hold a file, even before the archive begins. Files may share one.
  const Micros origin = router.expected.empty() ? 0 : router.expected.front().from;
  const Micros grid_cells = (ceil_to(interval.to, covers_, origin) - floor_to(interval.from, covers_, origin)) / covers_;
  out.files_expected = std::max(static_cast<std::uint64_t>(grid_cells), count_overlapping(router.expected, interval));
  out.files_present = count_overlapping(router.present, interval);
  return out;
}

RowCoverage CoverageTable::of(TimeRange interval, std::span<const std::string> routers, Load load,
                              const FileIds& unusable) const {
  static const Router nothing;
  RowCoverage sum;
  for (const auto& name : routers) {
    const auto found = routers_.find(name);
    const RowCoverage one =
        of(interval, found == routers_.end() ? nothing : found->second, load == Load::end ? since_end_ : since_start_, unusable);
    sum.share += one.share;
    sum.flows_lost += one.flows_lost;
    sum.files_expected += one.files_expected;
    sum.files_present += one.files_present;
  }
  if (!routers.empty()) sum.share /= static_cast<double>(routers.size());
  if (sum.share < least_coverage) sum.share = 0;
  return sum;
}

std::vector<std::string> CoverageTable::routers() const {
  std::vector<std::string> out;
  for (const auto& [name, router] : routers_) out.push_back(name);
  return out;
}

}  // namespace mole::runtime
