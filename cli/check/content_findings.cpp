#include "cli/check/content_findings.hpp"

#include "cli/check/name_findings.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"
#include "cli/init/reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace mole::cli {
namespace {

using coordinator::DamagedFile;
using coordinator::FileState;

std::string first_reason(const DamagedFile& file) {
  for (const auto* lost : {&file.lost_compressed, &file.lost_content})
    if (!lost->empty()) return lost->front().reason;
  return "it contains no flows";
}

void add_damage(const coordinator::ArchiveGaps& gaps, std::vector<Finding>& findings) {
  Finding damaged{.kind = FindingKind::damaged};
  std::map<std::string, Finding> unreadable;  // by reason
  for (const auto& file : gaps.damaged) {
    if (file.state == FileState::misplaced) continue;
    const bool none = file.state == FileState::unreadable;
    auto& finding = none ? unreadable[first_reason(file)] : damaged;
    ++finding.count;
    add_example(finding, none ? file.id : file.id + ": " + first_reason(file));
  }
  if (damaged.count > 0) {
    damaged.message = fmt::format("{} damaged; the rest of the content is used, and mole archive gaps lists the lost bytes",
                                  human_number(damaged.count, "file is", "files are"));
    findings.push_back(std::move(damaged));
  }
  for (auto& [reason, finding] : unreadable) {
    finding.kind = FindingKind::unreadable;
    finding.message = fmt::format("{} unreadable: {}", human_number(finding.count, "file is", "files are"), reason);
    findings.push_back(std::move(finding));
  }
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// The reading of the names that agrees with most of the misplaced files.
std::optional<Reading> other_reading(const coordinator::manifest::Archive& declared, const std::vector<DamagedFile>& misplaced) {
  Naming naming{.files = declared.files.rules().files};
  naming.local = !contains(naming.files, ":unix}") && !contains(naming.files, "%s") && !contains(naming.files, "%z");
  naming.has_both = contains(naming.files, "{start:") && contains(naming.files, "{end:");
  if (!naming.has_both)
    for (auto at = naming.files.find("{end:"); at != std::string::npos; at = naming.files.find("{end:", at))
      naming.files.replace(at, 5, "{start:");
  std::vector<task::FileReport> reports;
  for (const auto& file : misplaced) {
    auto& report = reports.emplace_back();
    report.id = file.id;
    report.datagrams = 1;
    report.exported_first = file.exported_from;
    report.exported_last = file.exported_to;
  }
  auto reading = reading_of({naming}, reports, "", declared.covers);
  const bool same = reading.files == declared.files.rules().files && reading.zone == declared.zone;
  return same || reading.agree * 5 < reports.size() * 4 ? std::nullopt : std::optional(std::move(reading));
}

void add_misplaced(const coordinator::manifest::Archive& declared, const coordinator::ArchiveGaps& gaps,
                   std::vector<Finding>& findings) {
  std::vector<DamagedFile> misplaced;
  std::ranges::copy_if(gaps.damaged, std::back_inserter(misplaced),
                       [](const auto& f) { return f.state == FileState::misplaced; });
  if (misplaced.empty()) return;
  Finding finding{.kind = FindingKind::misplaced, .count = misplaced.size()};
  for (const auto& file : misplaced) add_example(finding, file.id + ": " + misplaced_text(file));
  finding.message =
      fmt::format("{} export times that are not near the time in the name, so {} as missing",
                  human_number(finding.count, "file has", "files have"), finding.count == 1 ? "it counts" : "they count");
  if (const auto other = other_reading(declared, misplaced)) {
    finding.message += fmt::format("; {} of them agree with a different reading of the names", human_count(other->agree));
    if (other->files != declared.files.rules().files) finding.manifest.push_back("files: " + nlohmann::json(other->files).dump());
    if (other->zone != declared.zone) finding.manifest.push_back("zone: " + other->zone);
  }
  findings.push_back(std::move(finding));
}

// Copies whose names state a different time than the original. Those of equal times are in the findings on names.
void add_copies(const std::vector<coordinator::ArchiveFile>& files, std::vector<Finding>& findings) {
  std::map<std::pair<std::string, Micros>, std::uint64_t> of_time;
  for (const auto& file : files) ++of_time[{file.router, file.from}];
  Finding finding{.kind = FindingKind::copy};
  for (const auto& file : files) {
    if (file.state != FileState::duplicate || of_time[{file.router, file.from}] > 1) continue;
    ++finding.count;
    add_example(finding, file.id);
  }
  if (finding.count == 0) return;
  finding.message = fmt::format(
      "{} the content of another file of the router with an overlapping time, and {} not counted again; "
      "remove the copies",
      human_number(finding.count, "file repeats", "files repeat"), finding.count == 1 ? "is" : "are");
  findings.push_back(std::move(finding));
}

void add_exporters(const coordinator::manifest::Archive& declared, const coordinator::RequestStatus& contents,
                   std::vector<Finding>& findings) {
  if (contents.shared_files.empty()) return;
  const bool has_router = declared.files.pattern().names_router();
  Finding finding{.kind = FindingKind::exporters, .problem = !has_router, .count = contents.shared_files.size()};
  for (const auto& file : contents.shared_files) add_example(finding, fmt::format("{}: {} exporters", file.id, file.exporters));
  finding.message = fmt::format("{} datagrams of several exporters; their flows are counted together",
                                human_number(finding.count, "file contains", "files contain"));
  if (!has_router) finding.message += ", because \"files\" has no {router}; store them in different files to tell them apart";
  findings.push_back(std::move(finding));
}

// The shortest usual duration that leaves at most 1 % and at most `max_late` of the flows late.
std::optional<Micros> better_lateness(const DelayCounts& delays, std::uint64_t flows, double max_late) {
  std::uint64_t within = 0;
  for (std::size_t i = 0; i < delay_bounds().size() && i < delays.start.size(); ++i) {
    within += delays.start[i];
    if (static_cast<double>(flows - within) <= std::min(0.01, max_late) * static_cast<double>(flows)) return delay_bounds()[i];
  }
  return std::nullopt;
}

void add_late(const coordinator::manifest::Archive& declared, const coordinator::RequestStatus& contents,
              std::vector<Finding>& findings) {
  const auto& delays = contents.delays;
  const auto flows = std::accumulate(delays.start.begin(), delays.start.end(), std::uint64_t{0});
  if (flows == 0 || static_cast<double>(delays.late) <= declared.max_late * static_cast<double>(flows)) return;
  Finding finding{.kind = FindingKind::late, .count = delays.late};
  finding.message =
      fmt::format("{} ({}) began more than \"lateness\" ({}) before the time of their file and are not counted",
                  human_number(delays.late, "flow", "flows"),
                  human_share(static_cast<double>(delays.late) / static_cast<double>(flows)), format_duration(declared.lateness));
  if (const auto lateness = better_lateness(delays, flows, declared.max_late); lateness && *lateness > declared.lateness)
    finding.manifest = {"lateness: " + format_duration(*lateness)};
  findings.push_back(std::move(finding));
}

}  // namespace

void add_content_findings(const coordinator::manifest::Archive& declared, const coordinator::ArchiveGaps& gaps,
                          const std::vector<coordinator::ArchiveFile>& files, const coordinator::RequestStatus& contents,
                          std::vector<Finding>& findings) {
  add_misplaced(declared, gaps, findings);
  add_copies(files, findings);
  add_damage(gaps, findings);
  add_exporters(declared, contents, findings);
  add_late(declared, contents, findings);
}

}  // namespace mole::cli
