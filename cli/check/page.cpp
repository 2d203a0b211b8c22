#include "cli/check/page.hpp"

#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

constexpr std::size_t max_routers = 20;

std::string routers_text(const ArchiveCheck& check, const Style& style) {
  Table table({"router", right("files"), right("size"), "from", "to", right("missing")});
  for (std::size_t i = 0; i < std::min(max_routers, check.routers.size()); ++i) {
    const auto& r = check.routers[i];
    table.row({r.router.empty() ? "(none)" : printable(r.router), human_count(r.files), human_bytes(static_cast<double>(r.bytes)),
               format_time(r.from), format_time(r.to), human_count(r.missing)});
  }
  auto text = table.text(style);
  if (check.routers.size() > max_routers)
    text += fmt::format("... and {} more (--json lists them)\n", check.routers.size() - max_routers);
  return text;
}

std::string formats_text(const ArchiveCheck& check, const Style& style) {
  Table table({"router", "decoder", right("files"), "from", "to"});
  for (std::size_t i = 0; i < std::min(max_routers, check.formats.size()); ++i) {
    const auto& f = check.formats[i];
    table.row({f.router.empty() ? "(none)" : printable(f.router), f.decoder.empty() ? "(none)" : printable(f.decoder),
               human_count(f.files), format_time(f.from), format_time(f.to)});
  }
  auto text = table.text(style);
  if (check.formats.size() > max_routers)
    text += fmt::format("... and {} more (--json lists them)\n", check.formats.size() - max_routers);
  return text;
}

std::string finding_text(const Finding& finding, const Style& style) {
  auto text = style.paint(finding.problem ? Paint::red : Paint::yellow, finding.problem ? "found" : "note ") + "   " +
              printable(finding.message) + "\n";
  for (const auto& example : finding.examples) text += "          " + printable(example) + "\n";
  if (finding.count > finding.examples.size() && !finding.examples.empty()) text += "          ...\n";
  return text;
}

std::string manifest_lines(const ArchiveCheck& check, const coordinator::manifest::Archive& declared) {
  std::string lines;
  for (const auto& finding : check.findings)
    for (const auto& line : finding.manifest) lines += "    " + line + "\n";
  if (check.flows > 0 && !declared.has_export_delay) lines += export_delay_text({check.delay_since_start, check.delay_since_end});
  return lines.empty() ? "" : "\nTo write into the manifest, below the archive " + declared.name + ":\n" + lines;
}

}  // namespace

std::string check_text(const ArchiveCheck& check, const coordinator::manifest::Archive& declared, const Style& style) {
  auto text = style.paint(Paint::bold, printable(check.archive)) +
              fmt::format(": {}, {}, {} to {}, {} each\n", human_number(check.files, "file", "files"),
                          human_bytes(static_cast<double>(check.bytes)), format_time(check.from), format_time(check.to),
                          format_duration(declared.covers));
  text += fmt::format("contents: {} of {} read{}", human_count(check.files_read), human_number(check.files, "file", "files"),
                      check.files_read < check.files ? " (a sample; --all-contents reads all)" : "");
  if (check.flows > 0)
    text += fmt::format(", {} in sound files, {} late", human_number(check.flows, "flow", "flows"),
                        human_share(static_cast<double>(check.flows_late) / static_cast<double>(check.flows)));
  text += "\n\n" + routers_text(check, style) + "\n";
  if (!check.formats.empty()) text += formats_text(check, style) + "\n";
  for (const auto& finding : check.findings) text += finding_text(finding, style);
  if (!check.has_problem()) text += style.paint(Paint::green, "nothing found") + "\n";
  return text + manifest_lines(check, declared);
}

}  // namespace mole::cli
