#include "nodes/worker/flow_printer.hpp"

#include "nodes/worker/flow_value.hpp"
#include "sdk/model/flow_columns.hpp"
#include "sdk/model/time.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace mole::nodes {
namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 20;
constexpr std::size_t max_value_bytes = 128;  // of one value with its key and separators

}  // namespace

FlowPrinter::FlowPrinter(int fd, FlowFormat format, TimeFormat times, std::vector<int> columns)
    : fd_(fd), format_(format), times_(times), columns_(std::move(columns)), buffer_(buffer_size) {
  for (const int c : columns_) keys_.push_back((keys_.empty() ? "{\"" : ",\"") + std::string(flow_column_name(c)) + "\":");
}

void FlowPrinter::text(std::string_view s) {
  std::memcpy(buffer_.data() + used_, s.data(), s.size());
  used_ += s.size();
}

void FlowPrinter::header() {
  if (format_ != FlowFormat::csv) return;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i) text(",");
    text(flow_column_name(columns_[i]));
  }
  text("\n");
}

void FlowPrinter::number(std::uint64_t n) {
  used_ =
      static_cast<std::size_t>(std::to_chars(buffer_.data() + used_, buffer_.data() + buffer_.size(), n).ptr - buffer_.data());
}

void FlowPrinter::address(const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  if (batch.address_family == 6) {
    inet_ntop(AF_INET6, address_bytes(batch, column, row), buffer_.data() + used_, INET6_ADDRSTRLEN);
    used_ += std::strlen(buffer_.data() + used_);
    return;
  }
  char* const end = buffer_.data() + buffer_.size();
  used_ = static_cast<std::size_t>(write_dotted(buffer_.data() + used_, end, batch.column<std::uint32_t>(column)[row]) -
                                   buffer_.data());
}

void FlowPrinter::time(std::int64_t us) {
  if (times_ == TimeFormat::epoch_ms) {
    const std::int64_t ms = floor_div(us, 1000);
    used_ =
        static_cast<std::size_t>(std::to_chars(buffer_.data() + used_, buffer_.data() + buffer_.size(), ms).ptr - buffer_.data());
    return;
  }
  const std::int64_t second = floor_div(us, second_us);
  if (second != second_) {  // flows are nearly in time order, so that the date is rarely formatted
    second_ = second;
    second_text_ = format_time(second * second_us);
    second_text_.pop_back();  // the Z
  }
  text(second_text_);
  if (const auto fraction = static_cast<std::uint32_t>(us - second * second_us); fraction != 0) {
    char digits[8] = {'.'};
    std::uint32_t rest = fraction;
    for (int i = 6; i >= 1; --i, rest /= 10) digits[i] = static_cast<char>('0' + rest % 10);
    std::size_t length = 7;
    while (digits[length - 1] == '0') --length;
    text({digits, length});
  }
  text("Z");
}

void FlowPrinter::value(const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  if (is_time(column)) return time(batch.column<std::int64_t>(column)[row]);
  if (is_address(column)) return address(batch, column, row);
  with_numbers(batch, column, [&](const auto& values) { number(values[row]); });
}

Result<> FlowPrinter::print(const runtime::FlowBatch& batch) {
  if (format_ == FlowFormat::none) return {};
  const std::size_t max_line_bytes = columns_.size() * max_value_bytes + 8;
  for (std::uint32_t row = 0; row < batch.rows; ++row) {
    if (buffer_.size() - used_ < max_line_bytes)
      if (auto flushed = flush(); !flushed) return flushed;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (format_ == FlowFormat::csv) {
        if (i) buffer_[used_++] = ',';
        value(batch, columns_[i], row);
        continue;
      }
      const bool quoted = is_address(columns_[i]) || (is_time(columns_[i]) && times_ == TimeFormat::rfc3339);
      text(keys_[i]);
      if (quoted) buffer_[used_++] = '"';
      value(batch, columns_[i], row);
      if (quoted) buffer_[used_++] = '"';
    }
    text(format_ == FlowFormat::csv ? "\n" : "}\n");
  }
  return {};
}

Result<> FlowPrinter::flush() {
  for (std::size_t at = 0; at < used_;) {
    const auto written = ::write(fd_, buffer_.data() + at, used_ - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return transient(std::string("cannot write flows: ") + std::strerror(errno));
    at += static_cast<std::size_t>(written);
  }
  used_ = 0;
  return {};
}

}  // namespace mole::nodes
