// Formats the values of a flow column.
#pragma once

#include "runtime/decode/flow_batch.hpp"

#include <charconv>
#include <cstdint>

namespace mole::nodes {

constexpr bool is_time(int column) { return column == MOLE_COLUMN_START || column == MOLE_COLUMN_END; }
constexpr bool is_address(int column) {
  return column == MOLE_COLUMN_SRC_ADDR || column == MOLE_COLUMN_DST_ADDR || column == MOLE_COLUMN_NEXT_HOP;
}

// Calls `use` with the values of a numeric column, as a span of its unsigned type.
template <class Use>
auto with_numbers(const runtime::FlowBatch& batch, int column, Use&& use) {
  switch (runtime::column_width(column)) {
    case 1:
      return use(batch.column<std::uint8_t>(column));
    case 2:
      return use(batch.column<std::uint16_t>(column));
    case 4:
      return use(batch.column<std::uint32_t>(column));
    default:
      return use(batch.column<std::uint64_t>(column));
  }
}

// Returns the 16 bytes of an IPv6 address.
inline const std::uint8_t* address_bytes(const runtime::FlowBatch& batch, int column, std::uint32_t row) {
  return static_cast<const std::uint8_t*>(batch.columns[static_cast<std::size_t>(column)]) + std::size_t{16} * row;
}

// Writes an IPv4 address in dotted form, at most 15 characters; returns the end.
inline char* write_dotted(char* to, char* end, std::uint32_t address) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    to = std::to_chars(to, end, address >> shift & 255).ptr;
    if (shift) *to++ = '.';
  }
  return to;
}

}  // namespace mole::nodes
