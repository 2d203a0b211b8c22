#include "cli/check/name_findings.hpp"

#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace mole::cli {
namespace {

using coordinator::ArchiveFile;
using coordinator::ArchiveGaps;
using coordinator::manifest::NameKind;

constexpr std::uint64_t min_bytes = 24;    // the header of an empty datagram
constexpr std::size_t enough_files = 4;    // of a router, to know its usual size
constexpr std::uint64_t much_smaller = 5;  // times smaller than most; nights and weekends are not

void add_gaps(const ArchiveGaps& gaps, std::vector<Finding>& findings) {
  if (gaps.missing.empty()) return;
  Finding finding{.kind = FindingKind::gap, .count = gaps.missing.size()};
  for (const auto& gap : gaps.missing)
    add_example(finding, fmt::format("{}{}{} to {}", gap.router, gap.router.empty() ? "" : " ", format_time(gap.from),
                                     format_time(gap.to)));
  finding.message = fmt::format("{} missing between the first and the last file of a router; mole archive gaps lists them",
                                human_number(finding.count, "file is", "files are"));
  findings.push_back(std::move(finding));
}

// The usual distance between the files of a router, if most have it.
std::optional<Micros> usual_distance(const std::vector<ArchiveFile>& files) {
  std::map<std::string, std::set<Micros>> starts;
  for (const auto& file : files)
    if (file.state != coordinator::FileState::future) starts[file.router].insert(file.from);
  std::map<Micros, std::size_t> distances;
  std::size_t all = 0;
  for (const auto& [router, times] : starts)
    for (auto at = times.begin(); at != times.end() && std::next(at) != times.end(); ++at)
      ++distances[*std::next(at) - *at], ++all;
  if (all < enough_files) return std::nullopt;
  const auto usual = std::ranges::max_element(distances, {}, [](const auto& d) { return d.second; });
  return usual->second * 2 > all ? std::optional(usual->first) : std::nullopt;
}

void add_distance(const coordinator::manifest::Archive& declared, const std::vector<ArchiveFile>& files,
                  std::vector<Finding>& findings) {
  const auto usual = usual_distance(files);
  if (!usual || (*usual >= declared.covers - declared.covers / 10 && *usual <= declared.covers + declared.covers / 10)) return;
  if (declared.covers % day_us == 0 && *usual > declared.covers - 2 * hour_us && *usual < declared.covers + 2 * hour_us) return;
  findings.push_back({.kind = FindingKind::distance,
                      .count = 1,
                      .message = fmt::format("most files of a router are {} apart, but \"covers\" is {}", format_duration(*usual),
                                             format_duration(declared.covers)),
                      .manifest = {"covers: " + format_duration(*usual)}});
}

void add_conflicts(const ArchiveGaps& gaps, std::vector<Finding>& findings) {
  Finding duplicate{.kind = FindingKind::duplicate}, repeated{.kind = FindingKind::repeated_time};
  bool refused = false;
  for (const auto& conflict : gaps.conflicts) {
    auto& finding = conflict.files.size() > 1 ? duplicate : repeated;
    ++finding.count;
    refused = refused || (conflict.refused && conflict.files.size() > 1);
    add_example(finding, conflict.message);
  }
  if (duplicate.count > 0) {
    duplicate.message = fmt::format("{} several files of one router", human_number(duplicate.count, "time has", "times have"));
    if (refused) duplicate.manifest = {"duplicates: newest                      # or largest, or all if they are parts"};
    findings.push_back(std::move(duplicate));
  }
  if (repeated.count > 0) {
    repeated.message = fmt::format("{} a local time that occurred twice, so requests that read it are refused",
                                   human_number(repeated.count, "file has", "files have"));
    findings.push_back(std::move(repeated));
  }
}

void add_passed_over(const coordinator::manifest::Archive& declared, const ArchiveGaps& gaps, std::vector<Finding>& findings) {
  for (const auto& passed : gaps.passed_over) {
    const auto kind = passed.examples.empty() ? NameKind::unmatched : declared.files.read(passed.examples.front()).kind;
    const bool harmless = kind == NameKind::temporary;
    Finding finding{.kind = harmless ? FindingKind::ignored : FindingKind::name, .problem = !harmless, .count = passed.count};
    finding.message = fmt::format("{} not used: {}", human_number(passed.count, "path is", "paths are"), passed.reason);
    for (const auto& example : passed.examples) add_example(finding, example);
    findings.push_back(std::move(finding));
  }
}

// Downloaders write a byte that is not UTF-8 as \xHH.
void add_not_utf8(const std::vector<ArchiveFile>& files, std::vector<Finding>& findings) {
  Finding finding{.kind = FindingKind::not_utf8, .problem = false};
  for (const auto& file : files) {
    if (file.id.find("\\x") == std::string::npos) continue;
    ++finding.count;
    add_example(finding, file.id);
  }
  if (finding.count == 0) return;
  finding.message =
      fmt::format("{} not UTF-8; other bytes are written as \\xHH", human_number(finding.count, "name is", "names are"));
  findings.push_back(std::move(finding));
}

void add_if_any(Finding finding, const char* one, const char* many, const std::string& message, std::vector<Finding>& findings) {
  if (finding.count == 0) return;
  finding.message = human_number(finding.count, one, many) + " " + message;
  findings.push_back(std::move(finding));
}

std::string with_size(const ArchiveFile& file) {
  return fmt::format("{} ({})", file.id, human_bytes(static_cast<double>(file.size)));
}

}  // namespace

void add_example(Finding& finding, std::string example) {
  if (finding.examples.size() < max_examples) finding.examples.push_back(std::move(example));
}

void add_name_findings(const coordinator::manifest::Archive& declared, const std::vector<ArchiveFile>& files,
                       const ArchiveGaps& gaps, std::vector<Finding>& findings) {
  add_gaps(gaps, findings);
  add_distance(declared, files, findings);
  add_conflicts(gaps, findings);
  add_passed_over(declared, gaps, findings);
  add_not_utf8(files, findings);
}

void add_size_findings(const std::vector<ArchiveFile>& files, std::vector<Finding>& findings) {
  std::map<std::string, std::vector<std::uint64_t>> sizes;  // by router
  for (const auto& file : files)
    if (file.size >= min_bytes) sizes[file.router].push_back(file.size);
  for (auto& [router, all] : sizes) std::ranges::sort(all);
  Finding empty{.kind = FindingKind::size}, tiny = empty, small = empty;
  for (const auto& file : files) {
    const auto& all = sizes[file.router];
    if (file.size == 0) {
      ++empty.count;
      add_example(empty, file.id);
    } else if (file.size < min_bytes) {
      ++tiny.count;
      add_example(tiny, with_size(file));
    } else if (all.size() >= enough_files && file.size < all[all.size() / 4] / much_smaller) {
      ++small.count;
      add_example(small, with_size(file));
    }
  }
  add_if_any(std::move(empty), "file is", "files are", "empty", findings);
  add_if_any(std::move(tiny), "file is", "files are", "too small for a datagram", findings);
  add_if_any(std::move(small), "file is", "files are", "less than a fifth of the size of three quarters of that router's files",
             findings);
}

}  // namespace mole::cli
