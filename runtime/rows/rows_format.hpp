// A RowTable as bytes: a JSON header and Arrow buffers (docs/formats/rows.md). Used to pass rows between processes: in the
// handover (plugin worker -> sealing process) and as <attempt folder>/rows/<blob>.rows (to the plugin worker). Equal tables give
// equal bytes: the value slot of a null is written as zero.
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

// Limits for writing and reading; a table that exceeds one is rejected with Code::exhausted.
struct RowLimits {
  std::uint64_t rows = 16'000'000;
  std::uint64_t columns = 512;
  std::uint64_t text = std::uint64_t{1} << 20;   // bytes of one string
  std::uint64_t bytes = std::uint64_t{1} << 30;  // of the table in memory and encoded
};

// Encodes `table`. invalid: columns of different lengths, values that do not match the type, an unknown type, a name that is not
// UTF-8. exhausted: beyond a limit.
Result<std::string> encode_rows(const RowTable& table, const RowLimits& limits = {});

// Decodes untrusted bytes. corrupt: not written by encode_rows, or damaged. exhausted: beyond a limit. Memory is bounded by
// limits.bytes. The values (UTF-8, order, NaN) are not checked.
Result<RowTable> decode_rows(std::string_view bytes, const RowLimits& limits = {});

// The same to and from a file. Not durable: these files are needed only during an attempt.
Result<> write_rows(const std::filesystem::path& path, const RowTable& table, const RowLimits& limits = {});
Result<RowTable> read_rows(const std::filesystem::path& path, const RowLimits& limits = {});

}  // namespace mole::runtime
