// What `mole archive check` finds in an archive. Pure functions of the coordinator's documents.
#pragma once

#include "coordinator/manifest/manifest.hpp"
#include "coordinator/wire/documents/documents.hpp"

namespace mole::cli {

enum class FindingKind {
  gap,
  distance,
  duplicate,
  copy,
  repeated_time,
  misplaced,
  damaged,
  unreadable,
  size,
  exporters,
  late,
  name,
  ignored,
  not_utf8
};

struct Finding {
  FindingKind kind = FindingKind::gap;
  bool problem = true;  // false: worth knowing, but harmless
  std::uint64_t count = 0;
  std::string message;
  std::vector<std::string> examples;
  std::vector<std::string> manifest;  // lines

  static constexpr auto table =
      document("Finding", "Something that was found in an archive.",  //
               field("kind", &Finding::kind, "Kind"), field("problem", &Finding::problem, "false: worth knowing, but harmless"),
               field("count", &Finding::count, "How many files, or other things"),
               field("message", &Finding::message, "Cause and remedy"), field("examples", &Finding::examples, "Some of them"),
               field("manifest", &Finding::manifest, "Lines for the archive in the manifest"));
};

struct RouterSummary {
  std::string router;
  std::uint64_t files = 0, bytes = 0, missing = 0;
  Micros from = 0, to = 0;

  static constexpr auto table =
      document("RouterSummary", "The files of one router.",  //
               field("router", &RouterSummary::router, "Router; empty: names contain none"),
               field("files", &RouterSummary::files, "Files"), field("bytes", &RouterSummary::bytes, "Their size").unit("B"),
               field("missing", &RouterSummary::missing, "Missing files between them"),
               time_field("from", &RouterSummary::from, "Start of the first file"),
               time_field("to", &RouterSummary::to, "End of the last file"));
};

struct ArchiveCheck {
  std::string archive;
  std::uint64_t files = 0, bytes = 0;
  Micros from = 0, to = 0;
  std::vector<RouterSummary> routers;
  std::uint64_t files_read = 0, flows = 0, flows_late = 0;
  std::vector<DelayPoint> delay_since_start, delay_since_end;
  std::vector<coordinator::FormatCount> formats;
  std::vector<Finding> findings;

  bool has_problem() const;
  static constexpr auto table = document(
      "ArchiveCheck", "What an archive contains, and what was found in it.",  //
      field("archive", &ArchiveCheck::archive, "`PIPELINE/ARCHIVE`"), field("files", &ArchiveCheck::files, "Files"),
      field("bytes", &ArchiveCheck::bytes, "Their size").unit("B"), time_field("from", &ArchiveCheck::from, "Start of the first"),
      time_field("to", &ArchiveCheck::to, "End of the last"), field("routers", &ArchiveCheck::routers, "Files by router"),
      field("files_read", &ArchiveCheck::files_read, "Files whose content was read"),
      field("flows", &ArchiveCheck::flows, "Flows of the sound files among them"),
      field("flows_late", &ArchiveCheck::flows_late, "Those that began more than `lateness` before the time of their file"),
      field("delay_since_start", &ArchiveCheck::delay_since_start, "Measured export delay since the start of flows"),
      field("delay_since_end", &ArchiveCheck::delay_since_end, "The same since their end"),
      field("formats", &ArchiveCheck::formats, "Files that were read, by router and decoder"),
      field("findings", &ArchiveCheck::findings, "What was found"));
};

// `contents`: the finished request that read the archive. `declared`: the archive in the manifest.
ArchiveCheck check_archive(const std::string& name, const coordinator::manifest::Archive& declared,
                           const std::vector<coordinator::ArchiveFile>& files, const coordinator::ArchiveGaps& gaps,
                           const coordinator::RequestStatus& contents);

}  // namespace mole::cli

namespace mole {

template <>
inline constexpr auto name_table<cli::FindingKind> = [] {
  using enum cli::FindingKind;
  return names<cli::FindingKind>("FindingKind", "a kind of finding",
                                 {{gap, "gap", "files are missing"},
                                  {distance, "distance", "files are not one file length apart"},
                                  {duplicate, "duplicate", "several files have the same router and time"},
                                  {copy, "copy", "the content repeats that of a file with an overlapping time"},
                                  {repeated_time, "repeated time", "a local time occurred twice"},
                                  {misplaced, "misplaced", "export times are not near the time in the name"},
                                  {damaged, "damaged", "a part cannot be read"},
                                  {unreadable, "unreadable", "no flow can be read"},
                                  {size, "size", "a file is empty or unusually small"},
                                  {exporters, "exporters", "a file contains datagrams of several exporters"},
                                  {late, "late", "flows began too early for their file"},
                                  {name, "name", "a name is not used"},
                                  {ignored, "ignored", "a hidden, temporary or partial name is not used"},
                                  {not_utf8, "not UTF-8", "a name is not UTF-8"}});
}();

}  // namespace mole
