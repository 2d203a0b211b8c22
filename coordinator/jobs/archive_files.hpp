// Makes the index of an archive from the rows of a listing: reads the names, decides which local time a name means, and applies
// the archive's policy for several files of one router and time.
//
//   ArchiveFiles files(archive, now);
//   records.scan_files(name, [&](const std::string& id, const store::FileRow& row) { files.add(id, row); });
//   auto index = std::move(files).index();
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/jobs/archive_index.hpp"
#include "coordinator/store/rows.hpp"

namespace mole::coordinator::jobs {

// A file may begin this much after the present, because clocks differ.
inline constexpr Micros future_tolerance = day_us;

class ArchiveFiles {
 public:
  // `now`: files that begin later are ignored. `passed_over`: paths that the downloader did not list.
  ArchiveFiles(const dag::Archive& archive, Micros now, std::vector<task::PassedOver> passed_over = {});

  // Adds a listed file. Files that are gone must be left out.
  void add(const std::string& id, const store::FileRow& row);
  ArchiveIndex index() &&;

 private:
  struct Candidate {
    task::File file;
    std::optional<TimeRange> later;  // the other meaning of its local time
    Digest digest;                   // of its content; empty: not read yet
  };
  using Candidates = std::vector<Candidate>;

  void resolve_repeated_times();
  void resolve_router(std::span<Candidate> candidates);
  void refuse_undecided(const Candidate& candidate);
  void resolve_duplicates();
  void resolve_group(std::span<Candidate> group);

  manifest::FileNames names_;
  std::string problem_;  // why no name can be read; empty: none
  Duplicates duplicates_;
  Micros covers_, latest_;
  std::uint64_t minimum_size_;
  Candidates candidates_;
  Findings findings_;
};

}  // namespace mole::coordinator::jobs
