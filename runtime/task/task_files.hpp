// The files of one task, as the steps see them: StagedFiles (staged_files.hpp) has the node's cache and the downloaders;
// RemoteFiles (remote_files.hpp) asks a process that has them, so that a process with metric plugins needs neither.
#pragma once

#include "runtime/decode/file_bytes.hpp"
#include "sdk/model/digest.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

// A present file of a task, or its cached columns, or why it could not be fetched.
struct TaskFile {
  bool fetched = false;    // from the archive, now
  bool columns = false;    // its cached columns are there instead (docs/formats/columns.md)
  std::uint64_t size = 0;  // of the file itself
  Digest digest;           // of the file itself
  std::optional<Error> error;
};

// Columns that are being written to the cache. Discarded unless published. Use from one thread at a time.
class ColumnsOutput {
 public:
  ColumnsOutput() = default;
  ColumnsOutput(const ColumnsOutput&) = delete;
  virtual ~ColumnsOutput() = default;

  // exhausted: the disk is full. transient: the disk failed.
  virtual Result<> append(std::string_view bytes) = 0;
  // From now on the columns replace the file, which can be evicted.
  virtual Result<TaskFile> publish() = 0;
};

// Files are named by their numbers in Spec::files. Not thread-safe: use from one thread at a time.
class TaskFiles {
 public:
  TaskFiles() = default;
  TaskFiles(const TaskFiles&) = delete;
  virtual ~TaskFiles() = default;

  // Pins every present file of the task, or its columns, until this ends; returns one entry per file. `columns`: the columns that
  // the task reads, if it may use cached ones (kept_columns_name); `whole`: files that are needed themselves nevertheless.
  // Returns the errors of Cache::acquire.
  virtual Result<std::vector<TaskFile>> acquire(const std::optional<std::vector<int>>& columns,
                                                const std::vector<std::uint32_t>& whole) = 0;
  // Removes the columns of a file, which are damaged, and pins the file itself.
  virtual Result<TaskFile> replace_columns(std::uint32_t number) = 0;
  virtual Result<> remove_columns(std::uint32_t number) = 0;
  // Opens what acquire has pinned.
  virtual Result<FileBytes> open(std::uint32_t number) = 0;
  // Whether the pinned copy of a file has the digest with which it was staged. If not, the copy is removed from the cache.
  virtual Result<bool> is_intact(std::uint32_t number) = 0;
  // Null: no space, or another task writes them.
  virtual Result<std::unique_ptr<ColumnsOutput>> begin_columns(std::uint32_t number) = 0;

  // Files that a fetch task had staged, but that are not in the cache any more: the task cannot run (Report::unstaged).
  virtual const std::vector<std::string>& unstaged() const = 0;
};

// Larger columns are not worth their space in the cache and are discarded.
constexpr std::uint64_t max_column_bytes(std::uint64_t file_size) {
  return file_size + file_size / 2 + (std::uint64_t{64} << 10);
}

}  // namespace mole::runtime
