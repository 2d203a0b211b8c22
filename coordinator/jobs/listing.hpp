// Updates an archive's index after a listing, or after a task has read a file.
//
// A file keeps its revision while size and version stay the same; otherwise its revision is increased, and its digest and state
// are reset. A file that is no longer listed is marked gone, not removed: if it is listed again unchanged, it has the same keys.
#pragma once

#include "coordinator/store/rows.hpp"

namespace mole::coordinator::jobs {

using FileRows = std::map<std::string, store::FileRow>;  // by id

// Returns the rows that change. If `listed` contains a file twice, the last entry is used.
FileRows apply_listing(const FileRows& known, const std::vector<task::IndexEntry>& listed);

// The row of a file after a task has read it. `digest_changed`: the bytes differ from those read earlier under the same revision,
// so the row has a new revision. `gone`: the file could not be fetched.
struct FileUpdate {
  store::FileRow row;
  bool changed = false;  // the row must be written
  bool digest_changed = false, gone = false;
};
FileUpdate apply_file_report(const store::FileRow& known, const task::FileReport& report, std::uint64_t revision_read);

}  // namespace mole::coordinator::jobs
