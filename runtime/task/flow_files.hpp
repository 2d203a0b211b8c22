// The files of a task as sources of flows. If the cache has the columns of a file from an earlier task, they are read;
// otherwise the file is staged and decoded, and its columns are cached (docs/formats/columns.md).
#pragma once

#include "runtime/decode/flow_source.hpp"
#include "runtime/task/decoders.hpp"
#include "runtime/task/task_files.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace mole::runtime {

struct FlowFilesOptions {
  unsigned threads = 1;   // for decoding or decompressing one file
  bool columns = true;    // read cached columns, and cache those of decoded files
  bool delays = false;    // measure export delays; without `columns`
  ColumnSet wanted = {};  // every column that is read from the files
};

// Not thread-safe: use from one thread at a time. The constructor's arguments must outlive it, and it must outlive its sources.
class FlowFiles {
 public:
  FlowFiles(const task::Spec& spec, TaskFiles& files, Decoders& decoders, const FlowFilesOptions& options);

  // Pins every file that is present, or its cached columns. Returns the errors of TaskFiles::acquire. Call once, before open().
  Result<> stage();

  // Returns the digest and size of spec.files[number], or the error if it could not be staged.
  const TaskFile& staged(std::uint32_t number) const { return staged_[number]; }
  // Returns the name of the file's columns in the cache; empty: they are not in the cache.
  Digest kept_columns(std::uint32_t number) const { return staged_[number].columns ? column_names_[number] : Digest{}; }

  // Opens spec.files[number], which must have been staged without error, to read the `wanted` columns of its flows, which are
  // among FlowFilesOptions::wanted or those of NetFlow v5. Batches,
  // evidence and report are the same for cached and decoded files, except FileReport::source.
  Result<std::unique_ptr<FlowSource>> open(std::uint32_t number, ColumnSet wanted);

  // Call with the report of a file that was decoded. transient: it says that the file is damaged, but that is only the copy in
  // the cache, which is removed now.
  Result<> check_copy(const task::FileReport& report, std::uint32_t number);

 private:
  class CachedSource;
  class DecodedSource;

  Result<std::unique_ptr<FlowSource>> open_columns(std::uint32_t number, ColumnSet wanted);
  Result<std::unique_ptr<FlowSource>> decode(std::uint32_t number, ColumnSet wanted);
  std::unique_ptr<FlowSource> record(std::uint32_t number, ColumnSet wanted, std::unique_ptr<FlowSource> source,
                                     std::unique_ptr<ColumnsOutput> output);
  Result<> fetch_file(std::uint32_t number);  // replaces damaged columns

  const task::Spec& spec_;
  TaskFiles& files_;
  Decoders& decoders_;
  const FlowFilesOptions options_;
  std::vector<Digest> column_names_;  // names of the cached columns, by file; empty if columns are not used
  std::vector<TaskFile> staged_;
};

}  // namespace mole::runtime
