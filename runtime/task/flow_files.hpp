// The files of a task as sources of flows: the columns an earlier task of this node kept, where the cache has them, else the
// archive's file, staged and decoded, whose columns are then kept on the way (docs/formats/columns.md).
#pragma once

#include "runtime/decode/flow_source.hpp"
#include "runtime/host/stream_modules.hpp"
#include "runtime/staging/cache.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mole::runtime {

struct FlowFilesOptions {
  unsigned threads = 1;  // that decode or decompress one file
  bool columns = true;   // read columns that are there, and keep those of what is decoded
};

// One thread at a time. What it is made from must outlive it and its sources, which it must outlive, too.
class FlowFiles {
 public:
  FlowFiles(const task::Spec& spec, Cache& cache, const DecoderModule& decoder, Fetch fetch, const FlowFilesOptions& options);

  // Pins every file that is present, or its columns in its stead; fails as Cache::acquire does. Once, before the rest.
  Result<> stage();

  // As spec.files[number]: digest and size, or why it cannot be had.
  const Staged& staged(std::uint32_t number) const { return staged_[number]; }

  // The flows of spec.files[number], which is staged without error: `wanted` columns of them. Whichever way they come, batches,
  // evidence and report are the same but for FileReport::source.
  Result<std::unique_ptr<FlowSource>> open(std::uint32_t number, ColumnSet wanted);

 private:
  class Kept;
  class Decoded;

  Result<std::unique_ptr<FlowSource>> open_columns(std::uint32_t number, ColumnSet wanted) const;
  Result<std::unique_ptr<FlowSource>> decode(std::uint32_t number, ColumnSet wanted);
  std::unique_ptr<FlowSource> recording(std::uint32_t number, ColumnSet wanted, std::unique_ptr<FlowSource> source,
                                        ColumnsPart part);
  Result<> fetch_instead(std::uint32_t number);  // of columns that are damaged

  const task::Spec& spec_;
  Cache& cache_;
  const DecoderModule& decoder_;
  const Fetch fetch_;
  const FlowFilesOptions options_;
  std::string archive_;                // its name in the cache
  std::vector<Digest> columns_names_;  // of each file; empty if there are to be none
  std::vector<Staged> staged_;
};

}  // namespace mole::runtime
