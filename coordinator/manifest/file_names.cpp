#include "coordinator/manifest/file_names.hpp"

#include <algorithm>

namespace mole::coordinator::manifest {
namespace {

// Names that programs give to files they are still writing, and to copies that editors and operating systems keep.
bool is_temporary(std::string_view id) {
  static constexpr std::string_view endings[] = {"~", ".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp"};
  const auto name = id.substr(id.rfind('/') + 1);
  return name.empty() || id.starts_with('.') || id.find("/.") != std::string_view::npos ||
         (name.starts_with('#') && name.ends_with('#')) ||
         std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace

Result<FileNames> FileNames::make(NameRules rules) {
  FileNames names;
  MOLE_TRY(names.pattern_, FilePattern::parse(rules.files));
  MOLE_TRY(names.zone_, TimeZone::load(rules.zone));
  names.rules_ = std::move(rules);
  return names;
}

NameParts FileNames::read(std::string_view id) const {
  NameParts parts;
  if (is_temporary(id)) {
    parts.kind = NameKind::temporary;
    return parts;
  }
  const auto fields = pattern_.match(id);
  if (!fields) return parts;
  parts.kind = NameKind::impossible;
  parts.router = fields->router;
  if (const auto known = rules_.routers.find(parts.router); known != rules_.routers.end()) parts.router = known->second;
  parts.sequence = fields->sequence.value_or(0);
  auto starts = fields->start.instants(zone_), ends = fields->end.instants(zone_);
  const bool has_start = !fields->start.empty(), has_end = !fields->end.empty();
  if ((has_start && starts.empty()) || (has_end && ends.empty())) return parts;
  const auto range = [&](std::size_t reading) {
    const auto start = has_start ? starts[std::min(reading, starts.size() - 1)] : 0;
    const auto end = has_end ? ends[std::min(reading, ends.size() - 1)] : 0;
    if (has_start && has_end) return TimeRange{start, end};
    return has_start ? TimeRange{start, shifted(start, 1)} : TimeRange{shifted(end, -1), end};
  };
  // Of a start and an end, the one that occurs once decides which reading of the other is meant.
  std::vector<TimeRange> readings;
  for (std::size_t i = 0; i < std::max(starts.size(), ends.size()); ++i)
    if (const auto r = range(i); !r.empty()) readings.push_back(r);
  if (readings.empty()) return parts;
  if (has_start && has_end && starts.size() != ends.size())
    std::ranges::stable_sort(readings, {}, [&](TimeRange r) { return std::abs(r.to - r.from - rules_.covers); });
  parts.kind = NameKind::archive_file;
  parts.covers = readings.front();
  const bool decided = has_start && has_end && starts.size() != ends.size();
  if (readings.size() > 1 && !decided) parts.later = readings.back();
  return parts;
}

// A file of whole days ends at the same local time, also if clocks are changed in between.
Micros FileNames::shifted(Micros at, int files) const {
  if (rules_.covers % day_us == 0) return zone_.days_later(at, files * (rules_.covers / day_us));
  return at + files * rules_.covers;
}

}  // namespace mole::coordinator::manifest
