// Puts the flows of a block in order of (start, file, record number) for modules that need it, in bounded memory.
//
//   BlockSorter sorter({.columns = wanted, .range = block, .scratch = folder, .memory = 256 << 20});
//   while (reader.next(batch)) sorter.add(batch, file_number);
//   while (true) {
//     auto more = sorter.next(batch);
//     ...
//   }
//
// Flows are gathered in buckets of a minute. When they need more than the memory given, the largest buckets are sorted
// and written to one scratch file (which has no name and goes with the process); a bucket is merged when its turn
// comes.
#pragma once

#include <mole/result.hpp>

#include "runtime/decode/flow_batch.hpp"
#include "runtime/sort/flow_rows.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace mole::runtime {

struct SortOptions {
  ColumnSet columns;                                // what comes out; batches put in must have these and start
  TimeRange range;                                  // most flows start here; the others are sorted, too, but in two buckets
  std::filesystem::path scratch;                    // a folder on a local disk
  std::uint64_t memory = std::uint64_t{256} << 20;  // bytes for rows; sorting takes up to half as much more
};

// One thread at a time.
class BlockSorter {
 public:
  explicit BlockSorter(const SortOptions& options);
  BlockSorter(const BlockSorter&) = delete;
  BlockSorter& operator=(const BlockSorter&) = delete;
  ~BlockSorter();

  // Takes the rows of `batch` (those in `rows`, ascending, if given). `file`: number of the file in the block's order.
  // Only before the first next(). exhausted if the disk is full.
  Result<> add(const FlowBatch& batch, std::uint32_t file, std::optional<std::span<const std::uint32_t>> rows = {});

  // Next rows in order, good until the next call; false after the last. A batch holds one address family, so it may
  // end early.
  Result<bool> next(FlowBatch& batch);

  std::uint64_t spilled_bytes() const { return spilled_; }

 private:
  struct Run;   // sorted rows, in memory or in the scratch file
  struct Rows;  // rows of one family of a bucket
  struct Bucket;
  class Scratch;

  std::size_t bucket_of(std::int64_t start) const;
  Result<> spill_largest();
  Result<> spill(Rows& rows, std::size_t row_size);
  Result<bool> open_bucket();
  Result<bool> advance(Run& run);

  SortOptions options_;
  RowLayout layouts_[2];  // families 4 and 6
  std::vector<Bucket> buckets_;
  std::unique_ptr<Scratch> scratch_;
  std::uint64_t held_ = 0, spilled_ = 0;

  std::size_t next_bucket_ = 0;
  std::vector<std::unique_ptr<Run>> heap_;  // of the open bucket, smallest key in front
  std::optional<ColumnBuffers> out_;
};

}  // namespace mole::runtime
