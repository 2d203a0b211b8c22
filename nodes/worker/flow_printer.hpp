// Prints flows as text, CSV or NDJSON. Formats into one buffer, without format strings, for speed.
#pragma once

#include "runtime/decode/flow_batch.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace mole::nodes {

enum class FlowFormat { none, csv, ndjson, frames };  // frames: see flow_frames.hpp
enum class TimeFormat { rfc3339, epoch_ms };

// Writes to a descriptor it does not own. One thread.
class FlowPrinter {
 public:
  FlowPrinter(int fd, FlowFormat format, TimeFormat times, std::vector<int> columns);

  void header();  // CSV only
  // The batch must have every column. transient: writing failed (a closed pipe, a full disk).
  Result<> print(const runtime::FlowBatch& batch);
  Result<> flush();

 private:
  void value(const runtime::FlowBatch& batch, int column, std::uint32_t row);
  void number(std::uint64_t n);
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

}  // namespace mole::nodes
