// A RowTable as bytes: Arrow's buffers behind a JSON header (docs/formats/rows.md). Used where rows cross from one
// process to another: in the handover (plugin worker -> sealing process) and as A/rows/<blob>.rows (back again).
// Equal tables give equal bytes: what stands under a null is written as zero.
//
//   auto bytes = encode_rows(table);
//   auto again = decode_rows(*bytes);
#pragma once

#include "runtime/rows/row_table.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mole::runtime {

// What a table may have before it is refused with Code::exhausted, on writing as on reading.
struct RowLimits {
  std::uint64_t rows = 16'000'000;
  std::uint64_t columns = 512;
  std::uint64_t text = std::uint64_t{1} << 20;   // bytes of one text value
  std::uint64_t bytes = std::uint64_t{1} << 30;  // of the table in memory and encoded
};

// Encodes `table`. invalid: columns of unequal length, a type and values that do not fit, an unknown type, text in a
// name that is not UTF-8; exhausted: past a limit.
Result<std::string> encode_rows(const RowTable& table, const RowLimits& limits = {});

// Decodes bytes nobody vouches for. corrupt: anything but what encode_rows wrote; exhausted: past a limit.
// Memory is bounded by limits.bytes. Contents (UTF-8 of text values, order, NaN) are not judged here.
Result<RowTable> decode_rows(std::string_view bytes, const RowLimits& limits = {});

// The same to and from a file. Not durable: such files live as long as an attempt.
Result<> write_rows(const std::filesystem::path& path, const RowTable& table, const RowLimits& limits = {});
Result<RowTable> read_rows(const std::filesystem::path& path, const RowLimits& limits = {});

}  // namespace mole::runtime
