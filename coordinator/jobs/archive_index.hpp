// The files of an archive by router and time, with the gaps between them. Immutable; shared by all plans made from it. An index
// made from another one by a few changes shares the unchanged files with it.
//
// Each router has slots one file length (`covers`) apart, starting at its first file. A file fills the slot nearest to its start,
// and later slots if it is longer; a slot without a file is a gap. Gaps are computed on iteration instead of stored, so that a
// file name from the year 9999 needs no memory for them.
#pragma once

#include "coordinator/wire/documents/archive.hpp"

#include <algorithm>
#include <memory>
#include <span>

namespace mole::coordinator::jobs {

struct IndexedFile {
  task::File file;  // present
  Digest key;       // of id, size, revision and time; part of state keys
};

struct Gap {
  std::string router;
  std::optional<std::uint64_t> sequence;  // missing sequence number, if it follows from the neighbouring files
  TimeRange covers;
  GapCause cause = GapCause::no_file;
  std::string file = {};   // that is not used
  std::uint64_t size = 0;  // of it
};

// What a listing contains apart from the files of the index.
struct Findings {
  std::vector<task::PassedOver> passed_over;             // by the downloader, and those below
  std::vector<task::PassedOver> names;                   // listed files that are not used, because of name, size or time
  std::vector<FileConflict> conflicts;                   // sorted by time
  std::vector<std::pair<std::string, Micros>> repeated;  // routers and meanings of local times that occur twice, sorted
  std::vector<task::File> future;                        // files whose time has not come yet
  std::vector<task::File> too_small;                     // files below `minimum_size`
  Micros valid_until = INT64_MAX;                        // when the first of them belongs into the index
  std::vector<std::string> notes;                        // messages for every plan that reads the archive
};

// The files of an index, in its order.
class IndexedFiles {
 public:
  class Iterator {
   public:
    using value_type = IndexedFile;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(const IndexedFile* const* at = nullptr) : at_(at) {}
    const IndexedFile& operator*() const { return **at_; }
    const IndexedFile* operator->() const { return *at_; }
    Iterator& operator++() { return ++at_, *this; }
    Iterator operator++(int) { return Iterator(at_++); }
    bool operator==(const Iterator&) const = default;

   private:
    const IndexedFile* const* at_;
  };

  explicit IndexedFiles(std::span<const IndexedFile* const> files) : files_(files) {}
  std::size_t size() const { return files_.size(); }
  bool empty() const { return files_.empty(); }
  const IndexedFile& operator[](std::size_t i) const { return *files_[i]; }
  const IndexedFile& front() const { return *files_.front(); }
  const IndexedFile& back() const { return *files_.back(); }
  Iterator begin() const { return Iterator(files_.data()); }
  Iterator end() const { return Iterator(files_.data() + files_.size()); }

 private:
  std::span<const IndexedFile* const> files_;  // of the index
};

class ArchiveIndex {
 public:
  ArchiveIndex(std::vector<task::File> files, Micros covers, Findings findings = {});  // `files` in any order, all present

  bool empty() const { return files_.empty(); }
  IndexedFiles files() const { return IndexedFiles(files_); }  // sorted by (router, covers.from, id); valid as long as the index
  std::uint64_t bytes() const { return bytes_; }               // of all files
  std::vector<std::string> routers() const;                    // sorted
  Micros covers() const { return covers_; }
  const Findings& findings() const { return *findings_; }

  // All files of a router that start at one time.
  struct Group {
    std::string router;
    Micros from = 0;
    std::vector<task::File> files;
  };
  // Returns the index with other files in these groups. Takes time for every group, and copies a pointer for every file.
  ArchiveIndex with(std::vector<Group> groups, Findings findings) const;
  // Whether it results from so many changes that it should be made again from all files, because it keeps replaced files.
  bool is_scattered() const { return blocks_.size() > max_blocks || changed_ > max_changed + files_.size() / 4; }
  // Returns the files of a router that start in `range`, as indexes into files(): [first, last).
  std::pair<std::size_t, std::size_t> starting(const std::string& router, TimeRange range) const;

  // Start of the first file and end of the last of these routers (empty: of all). nullopt if they have no file.
  std::optional<TimeRange> span(const std::vector<std::string>& routers) const;

  // Visits the slots of one router that overlap `range`, in order: visit(index into files(), or no_file; the slot's time).
  static constexpr std::uint32_t no_file = 0xffffffff;
  template <class Visit>
  void slots(const std::string& router, TimeRange range, Visit visit) const {
    if (const auto* t = timeline(router))
      walk(*t, range, visit);
    else
      walk(Timeline{"", 0, 0, phase_, {}}, range, visit);
  }
  // Returns the same slots, including gaps, as files of a task, sorted by (router, covers.from, id).
  std::vector<task::File> reach(const std::vector<std::string>& routers, TimeRange range) const;
  static Digest gap_key(const std::string& router, Micros from);

  // Returns the slots without a file between a router's first and last file, and the files that are not used because they are too
  // small or their time has not come yet; at most `limit` in all.
  std::vector<Gap> gaps(std::size_t limit) const;

 private:
  struct Timeline {
    std::string router;
    std::uint32_t first, last;    // files_[first, last)
    Micros phase;                 // start of some slot
    std::vector<Micros> reaches;  // reaches[i]: latest end of files_[first .. first+i]
  };

  static constexpr std::size_t max_blocks = 1000, max_changed = 10'000;

  void replace(const Group& group, std::span<const IndexedFile* const> files);
  void add_causes(std::vector<Gap>& gaps, std::size_t limit) const;
  const Timeline* timeline(const std::string& router) const;
  std::int64_t slot_near(const Timeline& t, Micros at) const { return floor_div(at - t.phase + covers_ / 2, covers_); }
  template <class Visit>
  void walk(const Timeline& t, TimeRange range, Visit visit) const;

  Micros covers_;
  std::shared_ptr<const Findings> findings_;  // shared with copies
  Micros phase_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<std::shared_ptr<const std::vector<IndexedFile>>> blocks_;  // own the files; shared with indexes made from this one
  std::size_t changed_ = 0;                                              // files of all blocks but the first
  std::vector<const IndexedFile*> files_;                                // in `blocks_`
  std::vector<Timeline> timelines_;
};

template <class Visit>
void ArchiveIndex::walk(const Timeline& t, TimeRange range, Visit visit) const {
  if (range.empty()) return;
  constexpr bool may_stop = std::is_same_v<std::invoke_result_t<Visit&, std::uint32_t, TimeRange>, bool>;
  bool stopped = false;  // a visit returned false
  const auto call = [&](std::uint32_t file, TimeRange covers) {
    if constexpr (may_stop)
      stopped = !visit(file, covers);
    else
      visit(file, covers);
  };
  const auto gaps_up_to = [&](std::int64_t& next, std::int64_t end) {
    for (; next < end && !stopped; ++next) {
      const TimeRange slot{t.phase + next * covers_, t.phase + (next + 1) * covers_};
      if (slot.from >= range.to) return;
      if (slot.overlaps(range)) call(no_file, slot);
    }
  };
  // The first file that may reach into the range.
  const auto low = static_cast<std::size_t>(std::upper_bound(t.reaches.begin(), t.reaches.end(), range.from) - t.reaches.begin());
  std::int64_t next = floor_div(range.from - t.phase, covers_);
  if (low > 0) {  // a file just before the range may fill its first slot
    const auto& before = files_[t.first + low - 1]->file.covers;
    next = std::max(next, slot_near(t, before.from) + 1);
  }
  for (auto i = low; i < t.reaches.size() && !stopped; ++i) {
    const auto& covers = files_[t.first + i]->file.covers;
    if (covers.from >= range.to && slot_near(t, covers.from) > floor_div(range.to - 1 - t.phase, covers_)) break;
    const auto slot = slot_near(t, covers.from);
    gaps_up_to(next, slot);
    if (stopped) return;
    if (covers.overlaps(range)) call(static_cast<std::uint32_t>(t.first + i), covers);
    next = std::max({next, slot + 1, slot_near(t, covers.to)});
  }
  gaps_up_to(next, floor_div(range.to - 1 - t.phase, covers_) + 1);
}

// Slots of files to sample for a profile of the archive: at most `count` (0: 12), spread evenly over its files in `range` (empty:
// over all).
std::vector<TimeRange> sample_of(const ArchiveIndex& index, TimeRange range, std::size_t count = 0);

}  // namespace mole::coordinator::jobs
