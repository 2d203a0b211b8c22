#include "nodes/worker/flow_output.hpp"

#include "runtime/rows/rows_format.hpp"
#include "sdk/model/flow_columns.hpp"
#include "sdk/model/program.hpp"
#include "sdk/model/time.hpp"

#include <mole/addr.hpp>

#include <arpa/inet.h>

#include <cstring>
#include <utility>

namespace mole::nodes {
namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 20;
constexpr std::size_t max_value_bytes = 128;  // of one value with its key and separators

// Returns the 16 bytes of an IPv6 address.
const std::uint8_t* address_bytes(const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  return static_cast<const std::uint8_t*>(batch.columns[static_cast<std::size_t>(column)]) + std::size_t{16} * row;
}

// Writes an IPv4 address in dotted form, at most 15 characters; returns the end.
char* write_dotted(char* to, char* end, std::uint32_t address) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    to = std::to_chars(to, end, address >> shift & 255).ptr;
    if (shift) *to++ = '.';
  }
  return to;
}

// Writes an address as text, at most INET6_ADDRSTRLEN - 1 characters; returns the end. Writes nothing for an unknown address of a
// column that has 16 bytes in every batch.
char* write_address(char* to, char* end, const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  if (runtime::column_width(column, batch.address_family) == 4)
    return write_dotted(to, end, batch.column<std::uint32_t>(column)[row]);
  const Addr address = Addr::v6(address_bytes(batch, column, row));
  if (!is_family_address(column)) {
    if (address == Addr{}) return to;
    if (address.is_v4()) return write_dotted(to, end, address.v4_value());
  }
  inet_ntop(AF_INET6, address.bytes.data(), to, INET6_ADDRSTRLEN);
  return to + std::strlen(to);
}

std::vector<std::string> addresses(const runtime::FlowBatch& batch, int column) {
  std::vector<std::string> out;
  out.reserve(batch.rows);
  char text[INET6_ADDRSTRLEN];
  for (std::uint32_t row = 0; row < batch.rows; ++row)
    out.emplace_back(text, write_address(text, std::end(text), batch, column, row));
  return out;
}

runtime::Column column_of(const runtime::FlowBatch& batch, int column) {
  const char* unit = column == MOLE_COLUMN_BYTES ? "B" : column == MOLE_COLUMN_PACKETS ? "packet" : "";
  runtime::Column out{std::string(flow_column_name(column)), "u64", unit, "", {}, {}};
  if (is_time_column(column)) {
    const auto values = batch.column<std::int64_t>(column);
    out.type = "time";
    out.values = std::vector<std::int64_t>(values.begin(), values.end());
  } else if (is_address_column(column)) {
    out.type = "text";
    out.values = addresses(batch, column);
  } else {
    out.values =
        with_numbers(batch, column, [](const auto& values) { return std::vector<std::uint64_t>(values.begin(), values.end()); });
  }
  return out;
}

Result<> write_length(int fd, std::uint64_t length) {
  return write_all(fd, {reinterpret_cast<const char*>(&length), sizeof length}, "flows");
}

}  // namespace

// ---- text

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

void FlowPrinter::address(const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  char* const end = buffer_.data() + buffer_.size();
  used_ = static_cast<std::size_t>(write_address(buffer_.data() + used_, end, batch, column, row) - buffer_.data());
}

void FlowPrinter::time(std::int64_t us) {
  if (times_ == TimeFormat::epoch_ms) {
    return number(floor_div(us, 1000));
  }
  const std::int64_t second = floor_div(us, second_us);
  if (second != second_) {  // flows are nearly in time order, so the date is rarely formatted
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
  if (is_time_column(column)) return time(batch.column<std::int64_t>(column)[row]);
  if (is_address_column(column)) return address(batch, column, row);
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
      const bool quoted = is_address_column(columns_[i]) || (is_time_column(columns_[i]) && times_ == TimeFormat::rfc3339);
      text(keys_[i]);
      if (quoted) buffer_[used_++] = '"';
      value(batch, columns_[i], row);
      if (quoted) buffer_[used_++] = '"';
    }
    text(format_ == FlowFormat::csv ? "\n" : "}\n");
  }
  return {};
}

Result<> FlowPrinter::flush() { return write_all(fd_, {buffer_.data(), std::exchange(used_, 0)}, "flows"); }

// ---- frames

Result<> write_flow_frame(int fd, const std::vector<int>& columns, const runtime::FlowBatch& batch) {
  runtime::RowTable table;
  for (const int column : columns) table.columns.push_back(column_of(batch, column));
  MOLE_TRY(const auto bytes, runtime::encode_rows(table));
  if (auto done = write_length(fd, bytes.size()); !done) return done;
  return write_all(fd, bytes, "flows");
}

Result<> write_last_frame(int fd) { return write_length(fd, 0); }

}  // namespace mole::nodes
