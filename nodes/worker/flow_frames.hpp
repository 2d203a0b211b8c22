// Flows as tables of rows, for the process that writes Parquet or Arrow (docs/formats/flow_frames.md).
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

  Result<> begin();  // the frame that says the columns
  // The batch has every column. transient: the descriptor takes no more.
  Result<> write(const runtime::FlowBatch& batch);
  Result<> finish();  // the mark that this was all

 private:
  Result<> write_table(const runtime::RowTable& table);
  int fd_;
  std::vector<int> columns_;
};

}  // namespace mole::nodes
