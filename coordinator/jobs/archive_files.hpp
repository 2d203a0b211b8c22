// Makes the index of an archive from the rows of a listing: reads the names, decides which local time a name means, and applies
// the archive's policy for several files of one router and time.
//
//   ArchiveFiles files(archive, now);
//   records.scan_files(name, [&](const std::string& id, const store::FileRow& row) { files.add(id, row); });
//   auto index = std::move(files).index();
//
// `update` makes the index after few changes from the index before them, by the same rules.
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/jobs/archive_index.hpp"
#include "coordinator/jobs/listing.hpp"
#include "coordinator/store/rows.hpp"

#include <functional>
#include <map>
#include <set>

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

  using RowOf = std::function<std::optional<store::FileRow>(const std::string& id)>;
  // Returns the index of the changed rows; equal to one made of all rows. Nothing must have been added. nullopt: it must be made
  // of all rows, because the changes are many or may affect other files. `before`: made for the same archive, before the changes.
  // `row_of`: reads a row after the changes.
  std::optional<ArchiveIndex> update(const ArchiveIndex& before, const std::vector<RowChange>& changes, const RowOf& row_of) &&;

 private:
  struct Candidate {
    task::File file;
    std::optional<TimeRange> later;  // the other meaning of its local time
    Digest digest;                   // of its content; empty: not read yet
  };
  using Candidates = std::vector<Candidate>;
  // How a listed file is used.
  struct Use {
    std::string reason;  // why it is passed over; empty: it is a candidate
    bool future = false, too_small = false;
    Candidate candidate;  // with a reason: only if one of these
  };
  using Place = std::pair<std::string, Micros>;           // router and start
  using Places = std::map<Place, std::set<std::string>>;  // changed ones, with the files that are new there

  Use use_of(const std::string& id, const store::FileRow& row) const;
  void compose_findings();
  bool unuse(const std::string& id, const store::FileRow& row, Places& places);
  bool use(const std::string& id, const store::FileRow& row, Places& places);
  bool depends_on_neighbours(const ArchiveIndex& before, const Place& place, std::size_t changes) const;
  std::optional<ArchiveIndex::Group> group_at(const ArchiveIndex& before, const Place& place, std::set<std::string> ids,
                                              const RowOf& row_of);

  void resolve_repeated_times();
  void resolve_router(std::span<Candidate> candidates);
  void refuse_undecided(const Candidate& candidate);
  void resolve_duplicates();
  void resolve_group(std::span<Candidate> group);

  manifest::FileNames names_;
  std::string problem_;  // why no name can be read; empty: none
  Duplicates duplicates_;
  Micros covers_, now_, latest_;
  std::uint64_t minimum_size_;
  Candidates candidates_;
  std::vector<task::PassedOver> passed_over_;  // by the downloader
  Findings findings_;
};

}  // namespace mole::coordinator::jobs
