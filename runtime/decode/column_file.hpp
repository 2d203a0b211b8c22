// The flows of one archive file as a decode found them, by columns, in a file: everything that reading the archive file
// again would give (docs/formats/columns.md). What is said of it here is the part both sides share.
//
//   magic | planes of batch 0, column by column | planes of batch 1 | ... | footer | footer's place and checksum, magic
#pragma once

#include <mole/result.hpp>

#include "runtime/decode/column_codec.hpp"
#include "runtime/decode/evidence.hpp"
#include "runtime/decode/flow_batch.hpp"
#include "sdk/model/digest.hpp"
#include "sdk/model/task.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime::column_file {

inline constexpr std::string_view magic{"mole columns 1\n\0", 16}, end_magic{"end of columns\n\0", 16};
inline constexpr std::size_t tail_size = 3 * 8 + end_magic.size();  // footer's offset, size, checksum; magic

// Every column but the router's, which the host gives: what a decoder does not fill is 0 and costs nothing.
inline ColumnSet kept_columns() { return ~ColumnSet().set(MOLE_COLUMN_ROUTER) & ColumnSet((1u << MOLE_COLUMN_COUNT) - 1); }
// Stored as the time since the flow's start.
constexpr bool is_relative(int column) { return column == MOLE_COLUMN_END; }
constexpr bool is_time(int column) { return column == MOLE_COLUMN_START || column == MOLE_COLUMN_END; }

struct Block {  // one batch
  std::uint32_t rows = 0;
  std::uint32_t address_family = 4;
  std::uint64_t first_record = 0, offset = 0;  // not stored: they follow from the blocks before
  std::array<ColumnPage, MOLE_COLUMN_COUNT> pages;
  std::array<std::uint64_t, MOLE_COLUMN_COUNT> checksums{};  // XXH3 of a page's bytes
};

struct Footer {
  Digest identity;  // what was decoded by what; whoever reads compares it
  std::vector<Block> blocks;
  task::FileReport report;
  Evidence evidence;
};

// Compressed. Append it where the last block ends, then the tail. exhausted: larger than a footer may be.
Result<std::string> footer_bytes(const Footer& footer);
std::string tail_bytes(std::uint64_t offset, std::string_view footer);

struct Tail {
  std::uint64_t offset = 0, size = 0, checksum = 0;  // of the footer
};
// Nothing if these are not the last bytes of a column file of `file_size` bytes.
std::optional<Tail> parse_tail(std::string_view bytes, std::uint64_t file_size);
// `end`: where the footer begins and the blocks must end. Nothing if the bytes are not a footer, whatever they are.
std::optional<Footer> parse_footer(std::string_view bytes, std::uint64_t end);

}  // namespace mole::runtime::column_file
