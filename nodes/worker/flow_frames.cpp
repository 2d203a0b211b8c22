#include "nodes/worker/flow_frames.hpp"

#include "nodes/worker/flow_value.hpp"
#include "runtime/rows/rows_format.hpp"
#include "sdk/model/flow_columns.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mole::nodes {
namespace {

using runtime::Column;

const char* unit_of(int column) {
  if (column == MOLE_COLUMN_BYTES) return "B";
  return column == MOLE_COLUMN_PACKETS ? "packet" : "";
}

std::vector<std::string> addresses(const runtime::FlowBatch& batch, int column) {
  std::vector<std::string> out;
  out.reserve(batch.rows);
  char text[INET6_ADDRSTRLEN];
  if (batch.address_family == 4) {
    for (const auto address : batch.column<std::uint32_t>(column))
      out.emplace_back(text, write_dotted(text, std::end(text), address));
    return out;
  }
  for (std::uint32_t row = 0; row < batch.rows; ++row)
    out.emplace_back(inet_ntop(AF_INET6, address_bytes(batch, column, row), text, sizeof text));
  return out;
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
    out.values =
        with_numbers(batch, column, [](const auto& values) { return std::vector<std::uint64_t>(values.begin(), values.end()); });
  }
  return out;
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return transient(std::string("cannot write flows: ") + std::strerror(errno));
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
