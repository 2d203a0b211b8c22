// Updates an archive's index after a listing, or after a task has read a file.
//
// A file keeps its revision while size and version stay the same; otherwise its revision is increased, and its digest and state
// are reset. A file that is no longer listed is marked gone, not removed: if it is listed again unchanged, it has the same keys.
#pragma once

#include "coordinator/store/rows.hpp"

#include <deque>

namespace mole::coordinator::jobs {

using FileRows = std::map<std::string, store::FileRow>;  // by id

// A row before and after a change.
struct RowChange {
  std::string id;
  std::optional<store::FileRow> before;  // nullopt: the file was not known
  store::FileRow after;
};

// The entry of the last listing from which a row was made.
task::IndexEntry entry_of(const std::string& id, const store::FileRow& row);

// Returns the rows that change. If `listed` contains a file twice, the last entry is used.
FileRows apply_listing(const FileRows& known, const std::vector<task::IndexEntry>& listed);

// The entries in which a listing differs from the rows; nullopt: the file is not listed.
using ListedChanges = std::map<std::string, std::optional<task::IndexEntry>>;

// Knows which listing the rows of an archive show, and how the preceding ones differed from it, so that a node may report the
// differences to any of them. The earlier ones are forgotten when the coordinator stops. Used by one thread.
class ListingHistory {
 public:
  static constexpr std::size_t max_listings = 16, max_changes = 10'000;

  // Adds a row before the first change. Only rows of listed files belong to the listing.
  void add(const std::string& id, const store::FileRow& row);
  // Call with all changes of rows.
  void change(const std::vector<RowChange>& changes);

  Digest present() const { return present_.value(); }
  std::uint64_t entries() const { return present_.entries(); }  // listed files
  std::vector<Digest> known() const;                            // the present listing first
  // Returns in which entries the reported listing may differ from the rows. invalid: the report is not a difference to a known
  // listing, or contradicts itself.
  Result<ListedChanges> changes_of(const task::Report& report) const;
  // Returns the digest of the present listing after the changes.
  Digest after(const std::vector<RowChange>& changes) const;

 private:
  struct Earlier {
    Digest listing;
    ListedChanges differences;  // to the following listing: its entries of the changed files
  };
  void apply(const std::vector<RowChange>& changes, task::ListingDigest& digest) const;

  task::ListingDigest present_;
  std::deque<Earlier> earlier_;  // oldest first
};

// Most differences that a report may list.
inline constexpr std::size_t max_listed_changes = 5000;

// The row of a file after a task has read it. `digest_changed`: the bytes differ from those read earlier under the same revision,
// so the row has a new revision. `gone`: the file could not be fetched.
struct FileUpdate {
  store::FileRow row;
  bool changed = false;  // the row must be written
  bool digest_changed = false, gone = false;
};
FileUpdate apply_file_report(const store::FileRow& known, const task::FileReport& report, std::uint64_t revision_read);

}  // namespace mole::coordinator::jobs
