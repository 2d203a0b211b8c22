// Sorts the flows of a block by (start, file, record number) in bounded memory, for modules that need that order.
//
//   BlockSorter sorter({.columns = wanted, .range = block, .scratch = folder, .memory = 256 << 20});
//   while (reader.next(batch)) sorter.add(batch, file_number, slots);
//   while (true) {
//     auto more = sorter.next(batch);   // the rows are in order; sorter.slots()[i] is the slot of row i
//     ...
//   }
//
// Flows are collected in buckets of one minute. When they need more than the given memory, the largest buckets are sorted and
// written to one unnamed scratch file, which disappears with the process. The runs of a bucket are merged when it is read.
#pragma once

#include <mole/result.hpp>

#include "runtime/decode/element_columns.hpp"
#include "runtime/decode/flow_batch.hpp"
#include "runtime/sort/flow_rows.hpp"
#include "runtime/sort/scratch_file.hpp"
#include "sdk/model/time.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace mole::runtime {

struct SortOptions {
  ColumnSet columns;                                // of the output; input batches must have these and start
  TimeRange range;                                  // most flows start here; those outside share two buckets
  std::filesystem::path scratch;                    // a folder on a local disk
  std::uint64_t memory = std::uint64_t{256} << 20;  // bytes for rows; sorting needs up to 50 % more
};

// Not thread-safe: use from one thread at a time.
class BlockSorter {
 public:
  explicit BlockSorter(const SortOptions& options);
  ~BlockSorter();

  // Adds the rows of `batch`. `file`: number of the file in the order of the block. `slot_of_row`: a number kept with each row;
  // rows of MOLE_NO_STATE are left out; null: every row has slot 0. Do not call after next(). exhausted: the disk is full.
  Result<> add(const FlowBatch& batch, std::uint32_t file, const std::uint32_t* slot_of_row = nullptr);

  // Returns the next rows in order, valid until the next call; false after the last. A batch has one address family and a limited
  // size, so it may have fewer than batch_rows rows.
  Result<bool> next(FlowBatch& batch);
  // Returns the slots of the rows that next() returned.
  const std::uint32_t* slots() const { return slots_.data(); }

  std::uint64_t spilled_bytes() const { return spilled_; }

 private:
  struct Run;   // sorted rows, in memory or in the scratch file
  struct Rows;  // rows of one family of a bucket
  struct Bucket;

  std::size_t bucket_of(std::int64_t start) const;
  Result<> spill_largest();
  Result<> spill(Rows& rows, const RowLayout& layout);
  Result<bool> open_bucket();
  Result<bool> advance(Run& run);
  Result<> read_more(Run& run, std::size_t needed);

  SortOptions options_;
  RowLayout layouts_[2];  // families 4 and 6
  std::vector<Bucket> buckets_;
  std::optional<ScratchFile> scratch_;
  std::uint64_t held_ = 0, spilled_ = 0;

  std::size_t next_bucket_ = 0;
  std::vector<std::unique_ptr<Run>> heap_;  // of the open bucket, smallest key in front
  std::optional<ColumnBuffers> out_;
  ElementColumns elements_;           // of the rows in out_
  std::vector<std::uint32_t> slots_;  // of these rows
};

}  // namespace mole::runtime
