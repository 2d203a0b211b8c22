#include "nodes/worker/flow_frames.hpp"

#include "runtime/rows/rows_format.hpp"
#include "sdk/model/flow_columns.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace mole::nodes {
namespace {

using runtime::Column;

bool is_time(int column) { return column == MOLE_COLUMN_START || column == MOLE_COLUMN_END; }
bool is_address(int column) {
  return column == MOLE_COLUMN_SRC_ADDR || column == MOLE_COLUMN_DST_ADDR || column == MOLE_COLUMN_NEXT_HOP;
}

const char* unit_of(int column) {
  if (column == MOLE_COLUMN_BYTES) return "B";
  return column == MOLE_COLUMN_PACKETS ? "packet" : "";
}

std::string dotted(std::uint32_t address) {
  char text[16];
  char* at = text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    at = std::to_chars(at, std::end(text), address >> shift & 255).ptr;
    if (shift) *at++ = '.';
  }
  return {text, at};
}

std::vector<std::string> addresses(const runtime::FlowBatch& batch, int column) {
  std::vector<std::string> out;
  out.reserve(batch.rows);
  if (batch.address_family == 4) {
    for (const auto address : batch.column<std::uint32_t>(column)) out.push_back(dotted(address));
    return out;
  }
  const auto* bytes = static_cast<const std::uint8_t*>(batch.columns[static_cast<std::size_t>(column)]);
  char text[INET6_ADDRSTRLEN];
  for (std::uint32_t row = 0; row < batch.rows; ++row)
    out.emplace_back(inet_ntop(AF_INET6, bytes + std::size_t{16} * row, text, sizeof text));
  return out;
}

template <class T>
std::vector<std::uint64_t> numbers(const runtime::FlowBatch& batch, int column) {
  const auto values = batch.column<T>(column);
  return {values.begin(), values.end()};
}

Column column_of(const runtime::FlowBatch& batch, int column) {
  Column out{std::string(flow_column_name(column)),
             is_time(column)      ? "time"
             : is_address(column) ? "text"
                                  : "u64",
             unit_of(column),
             "",
             {},
             {}};
  if (is_time(column)) {
    const auto values = batch.column<std::int64_t>(column);
    out.values = std::vector<std::int64_t>(values.begin(), values.end());
  } else if (is_address(column)) {
    out.values = addresses(batch, column);
  } else {
    switch (runtime::column_width(column)) {
      case 1:
        out.values = numbers<std::uint8_t>(batch, column);
        break;
      case 2:
        out.values = numbers<std::uint16_t>(batch, column);
        break;
      case 4:
        out.values = numbers<std::uint32_t>(batch, column);
        break;
      default:
        out.values = numbers<std::uint64_t>(batch, column);
    }
  }
  return out;
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return transient(std::string("cannot hand over flows: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> write_length(int fd, std::uint64_t length) {
  return write_all(fd, {reinterpret_cast<const char*>(&length), sizeof length});
}

}  // namespace

Result<> FlowFrames::begin() { return write({}); }

Result<> FlowFrames::write(const runtime::FlowBatch& batch) {
  runtime::RowTable table;
  for (const int column : columns_) table.columns.push_back(column_of(batch, column));
  return write_table(table);
}

Result<> FlowFrames::write_table(const runtime::RowTable& table) {
  const auto bytes = runtime::encode_rows(table);
  if (!bytes) return bytes.error();
  if (auto done = write_length(fd_, bytes->size()); !done) return done;
  return write_all(fd_, *bytes);
}

Result<> FlowFrames::finish() { return write_length(fd_, 0); }

}  // namespace mole::nodes
