// The files of a task as sources of flows. If the cache has the columns of a file from an earlier task, they are read;
// otherwise the file is staged and decoded, and its columns are cached (docs/formats/columns.md).
#pragma once

#include "runtime/decode/flow_source.hpp"
#include "runtime/staging/cache.hpp"
#include "runtime/task/decoders.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mole::runtime {

struct FlowFilesOptions {
  unsigned threads = 1;   // for decoding or decompressing one file
  bool columns = true;    // read cached columns, and cache those of decoded files
  bool delays = false;    // measure export delays; without `columns`
  bool fresh = false;     // read the archive, not copies in the cache; without `columns`
  ColumnSet wanted = {};  // every column that is read from the files
};

// Not thread-safe: use from one thread at a time. The constructor's arguments must outlive it, and it must outlive its sources.
class FlowFiles {
 public:
  FlowFiles(const task::Spec& spec, Cache& cache, Decoders& decoders, Fetching fetching, const FlowFilesOptions& options);

  // Pins every file that is present, or its cached columns. Returns the errors of Cache::acquire. Call once, before open().
  Result<> stage();

  // Returns the digest and size of spec.files[number], or the error if it could not be staged.
  const Staged& staged(std::uint32_t number) const { return staged_[number]; }
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

  Result<std::unique_ptr<FlowSource>> open_columns(std::uint32_t number, ColumnSet wanted) const;
  Result<std::unique_ptr<FlowSource>> decode(std::uint32_t number, ColumnSet wanted);
  std::unique_ptr<FlowSource> record(std::uint32_t number, ColumnSet wanted, std::unique_ptr<FlowSource> source,
                                     ColumnsPart part);
  bool is_intact(std::uint32_t number) const;  // whether the pinned copy has the digest with which it was staged
  Result<> fetch_file(std::uint32_t number);   // replaces damaged columns

  const task::Spec& spec_;
  Cache& cache_;
  Decoders& decoders_;
  const Fetching fetching_;
  const FlowFilesOptions options_;
  std::string archive_;               // the archive's name in the cache
  std::vector<Digest> column_names_;  // names of the cached columns, by file; empty if columns are not used
  std::vector<Staged> staged_;
};

}  // namespace mole::runtime
