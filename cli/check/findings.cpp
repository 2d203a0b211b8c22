#include "cli/check/findings.hpp"

#include "cli/check/content_findings.hpp"
#include "cli/check/name_findings.hpp"
#include "cli/format/human.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace mole::cli {
namespace {

std::vector<RouterSummary> routers_of(const std::vector<coordinator::ArchiveFile>& files, const coordinator::ArchiveGaps& gaps) {
  std::map<std::string, RouterSummary> routers;
  for (const auto& file : files) {
    if (file.state == coordinator::FileState::future) continue;
    auto [found, added] =
        routers.try_emplace(file.router, RouterSummary{.router = file.router, .from = file.from, .to = file.to});
    auto& router = found->second;
    ++router.files;
    router.bytes += file.size;
    router.from = std::min(router.from, file.from);
    router.to = std::max(router.to, file.to);
  }
  for (const auto& gap : gaps.missing)
    if (const auto found = routers.find(gap.router); found != routers.end()) ++found->second.missing;
  std::vector<RouterSummary> out;
  for (auto& [name, router] : routers) out.push_back(std::move(router));
  return out;
}

}  // namespace

bool ArchiveCheck::has_problem() const { return std::ranges::any_of(findings, &Finding::problem); }

ArchiveCheck check_archive(const std::string& name, const coordinator::manifest::Archive& declared,
                           const std::vector<coordinator::ArchiveFile>& files, const coordinator::ArchiveGaps& gaps,
                           const coordinator::RequestStatus& contents) {
  ArchiveCheck out;
  out.archive = name;
  out.routers = routers_of(files, gaps);
  for (const auto& router : out.routers) {
    out.from = out.files == 0 ? router.from : std::min(out.from, router.from);
    out.to = std::max(out.to, router.to);
    out.files += router.files;
    out.bytes += router.bytes;
  }
  out.files_read = contents.files.done;
  out.formats = contents.formats;
  std::ranges::sort(out.formats, {}, [](const auto& f) { return std::tie(f.router, f.from, f.decoder); });
  if (contents.state == coordinator::RequestState::failed)
    out.findings.push_back({.kind = FindingKind::unreadable,
                            .problem = true,
                            .count = contents.files.total - std::min(contents.files.total, contents.files.done),
                            .message = "not all files could be read: " + contents.reason,
                            .examples = {},
                            .manifest = {}});
  out.flows = std::accumulate(contents.delays.start.begin(), contents.delays.start.end(), std::uint64_t{0});
  out.flows_late = contents.delays.late;
  if (out.flows > 0) {
    out.delay_since_start = distribution_of(contents.delays.start);
    out.delay_since_end = distribution_of(contents.delays.end);
  }
  add_name_findings(declared, files, gaps, out.findings);
  add_size_findings(files, out.findings);
  add_content_findings(declared, gaps, files, contents, out.findings);
  return out;
}

}  // namespace mole::cli
