// What a new listing of an archive changes in its index.
//
// A file keeps its revision as long as size and version stay; another size or version is another revision, and what was known
// of its bytes is forgotten. A file that is listed no longer is marked gone, not dropped: if it comes back as it was, so do its
// keys.
#pragma once

#include "coordinator/store/rows.hpp"
#include "sdk/model/task.hpp"

#include <map>
#include <string>
#include <vector>

namespace mole::coordinator::jobs {

using FileRows = std::map<std::string, store::FileRow>;  // by id

// The rows that change. `listed` may name a file twice (the last counts).
FileRows apply_listing(const FileRows& known, const std::vector<task::IndexEntry>& listed);

// What a task's reading of a file adds to its row. `digest_changed`: the bytes are others than before under the same
// revision, so the row has a new one; `gone`: it could not be had any more.
struct FileUpdate {
  store::FileRow row;
  bool changed = false;  // the row must be written
  bool digest_changed = false, gone = false;
};
FileUpdate apply_file_report(const store::FileRow& known, const task::FileReport& report, std::uint64_t revision_read);

}  // namespace mole::coordinator::jobs
