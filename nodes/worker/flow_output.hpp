// Writes flows: as text for people and other programs, or as frames of rows for the process that writes Parquet or Arrow.
#pragma once

#include "runtime/decode/flow_batch.hpp"

#include <mole/result.hpp>

#include <charconv>
#include <cstdint>
#include <string>
#include <vector>

namespace mole::nodes {

// report: no flows, but one FileReport per file and line, as JSON.
enum class FlowFormat { none, csv, ndjson, frames, report };
enum class TimeFormat { rfc3339, epoch_ms };

// Prints CSV or NDJSON to a borrowed descriptor. Formats into one buffer, without format strings, for speed. Not thread-safe.
class FlowPrinter {
 public:
  FlowPrinter(int fd, FlowFormat format, TimeFormat times, std::vector<int> columns);

  void header();  // CSV only
  // The batch must have every column. transient: writing failed (a closed pipe, a full disk).
  Result<> print(const runtime::FlowBatch& batch);
  Result<> flush();

 private:
  void value(const runtime::FlowBatch& batch, int column, std::uint32_t row);
  void number(auto n) {
    const auto* const end = std::to_chars(buffer_.data() + used_, buffer_.data() + buffer_.size(), n).ptr;
    used_ = static_cast<std::size_t>(end - buffer_.data());
  }
  void address(const runtime::FlowBatch& batch, int column, std::uint32_t row);
  void time(std::int64_t us);
  void text(std::string_view s);

  int fd_;
  FlowFormat format_;
  TimeFormat times_;
  std::vector<int> columns_;
  std::vector<std::string> keys_;  // ndjson: the text before each value
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::int64_t second_ = INT64_MIN;  // formatted in second_text_
  std::string second_text_;
};

// Writes a frame (docs/formats/flow_frames.md) of a batch, which must have every column; an empty first batch describes the
// columns. transient: writing failed.
Result<> write_flow_frame(int fd, const std::vector<int>& columns, const runtime::FlowBatch& batch);
// Writes the end marker.
Result<> write_last_frame(int fd);

}  // namespace mole::nodes
