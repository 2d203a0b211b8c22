#include "runtime/decode/column_writer.hpp"

#include "runtime/rows/frame_bytes.hpp"

namespace mole::runtime {

using namespace column_file;

ColumnFileWriter::ColumnFileWriter(const Digest& identity, Sink sink) : sink_(std::move(sink)) {
  footer_.identity = identity;
  buffer_ = magic;
}

Result<> ColumnFileWriter::add(const FlowBatch& batch) {
  Block& block = footer_.blocks.emplace_back();
  block.rows = batch.rows;
  block.address_family = batch.address_family;
  const auto* start = batch.column<std::int64_t>(MOLE_COLUMN_START).data();
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
    if (c == MOLE_COLUMN_ROUTER) continue;
    const auto column = static_cast<std::size_t>(c);
    const void* values = batch.columns[column];
    const std::size_t before = buffer_.size();
    block.pages[column] = is_time(c) ? encoder_.encode_times(static_cast<const std::int64_t*>(values),
                                                             is_relative(c) ? start : nullptr, batch.rows, buffer_)
                                     : encoder_.encode(values, column_width(c, batch.address_family), batch.rows, buffer_);
    block.checksums[column] = checksum(std::string_view(buffer_).substr(before));
  }
  auto written = write(buffer_);
  buffer_.clear();
  return written;
}

Result<> ColumnFileWriter::finish(const task::FileReport& report, const Evidence& evidence) {
  footer_.report = report;
  footer_.evidence = evidence;
  MOLE_TRY(auto footer, footer_bytes(footer_));
  buffer_ += footer;  // after the magic, if there was no batch
  buffer_ += tail_bytes(bytes_ + buffer_.size() - footer.size(), footer);
  return write(buffer_);
}

Result<> ColumnFileWriter::write(std::string_view bytes) {
  bytes_ += bytes.size();
  return sink_(bytes);
}

}  // namespace mole::runtime
