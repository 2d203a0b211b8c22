// Formats flows: as text for people and other programs, or as frames of rows for the process that writes Parquet or Arrow.
#pragma once

#include "runtime/decode/flow_batch.hpp"

#include <mole/addr.hpp>
#include <mole/result.hpp>

#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::nodes {

// report, summary: no flows, but one FileReport or FlowSummary per file and line, as JSON.
enum class FlowFormat { none, csv, ndjson, frames, report, summary };
enum class TimeFormat { rfc3339, epoch_ms };
// bytes: 16 bytes in network order, IPv4 as its IPv4-mapped IPv6 address; only for frames.
enum class AddressFormat { text, bytes };

using FlowSink = std::function<Result<>(std::string_view)>;

// Formats CSV or NDJSON into one buffer, without format strings, for speed, and passes it on when it is full. Not thread-safe.
class FlowPrinter {
 public:
  FlowPrinter(FlowSink sink, FlowFormat format, TimeFormat times, std::vector<int> columns);

  // The batch must have every column. Returns the error of the sink.
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
  void long_text(std::string_view s);

  FlowSink sink_;
  FlowFormat format_;
  TimeFormat times_;
  std::vector<int> columns_;
  std::vector<std::string> keys_;  // ndjson: the text before each value
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::int64_t second_ = INT64_MIN;  // formatted in second_text_
  std::string second_text_;
};

// Returns the line of CSV that names the columns; empty for other formats.
std::string header_of(FlowFormat format, const std::vector<int>& columns);

// Returns a frame (docs/formats/flow_frames.md) of a batch, which must have every column; an empty first batch describes the
// columns. exhausted: it would be too large.
Result<std::string> flow_frame(const std::vector<int>& columns, AddressFormat addresses, const runtime::FlowBatch& batch);
std::string last_frame();

// Returns the text of an address: dotted for IPv4.
std::string address_text(const Addr& address);

}  // namespace mole::nodes
