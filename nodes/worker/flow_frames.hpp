// Writes flows as frames of rows, for the process that writes Parquet or Arrow (docs/formats/flow_frames.md).
#pragma once

#include "runtime/decode/flow_batch.hpp"
#include "runtime/rows/row_table.hpp"

#include <mole/result.hpp>

#include <vector>

namespace mole::nodes {

// Writes to a descriptor it does not own. One thread.
class FlowFrames {
 public:
  FlowFrames(int fd, std::vector<int> columns) : fd_(fd), columns_(std::move(columns)) {}

  Result<> begin();  // writes the frame that describes the columns
  // The batch must have every column. transient: writing failed.
  Result<> write(const runtime::FlowBatch& batch);
  Result<> finish();  // writes the end marker

 private:
  Result<> write_table(const runtime::RowTable& table);
  int fd_;
  std::vector<int> columns_;
};

}  // namespace mole::nodes
