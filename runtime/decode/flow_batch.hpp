// A columnar batch of flows, as read by filters, metrics and printers.
#pragma once

#include "sdk/model/flow_columns.hpp"

#include <mole/abi.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace mole::runtime {

inline constexpr std::uint32_t batch_rows = 65'536;  // maximum number of rows in a batch
// Flow columns and information elements (sdk/model/flow_columns.hpp) of one task; bit c stands for column c.
inline constexpr int max_columns = MOLE_COLUMN_LIMIT;
using ColumnSet = std::bitset<max_columns>;
inline bool has_elements(ColumnSet columns) { return (columns >> MOLE_COLUMN_COUNT).any(); }

// Returns the size in bytes of one value of a column (MOLE_COLUMN_x) in a batch of this address family.
constexpr std::size_t column_width(int column, std::uint32_t address_family = 4) {
  return is_family_address(column) && address_family == 4 ? 4 : flow_column_type(column).width;
}

// A view; the columns belong to the source that filled it and are valid until its next batch.
struct FlowBatch {
  std::uint32_t rows = 0;
  std::uint32_t address_family = 4;  // of every row; 4: addresses are u32 in host order; 6: 16 bytes in network order
  std::uint64_t first_record = 0;    // number of row 0 among the flows of the file; 0 from a BlockSorter
  std::array<const void*, max_columns> columns{};  // null: not requested

  // Returns the values of a column that is present, with the type stated in abi.h (addresses of an IPv6 batch: 16-byte arrays).
  template <class T>
  std::span<const T> column(int id) const {
    return {static_cast<const T*>(columns[static_cast<std::size_t>(id)]), rows};
  }
  // Returns rows [first, first + count).
  FlowBatch slice(std::uint32_t first, std::uint32_t count) const;
};

// Calls f with the values of a column of numbers, as unsigned numbers of its width.
template <class F>
auto with_numbers(const FlowBatch& flows, int column, F f) {
  switch (column_width(column)) {
    case 1:
      return f(flows.column<std::uint8_t>(column));
    case 2:
      return f(flows.column<std::uint16_t>(column));
    case 4:
      return f(flows.column<std::uint32_t>(column));
    default:
      return f(flows.column<std::uint64_t>(column));
  }
}

// Memory for `batch_rows` rows of the wanted columns, without information elements, each column 64-byte aligned. Address columns
// have room for IPv6. A column that the decoder does not fill keeps the value that means that the record does not have it: mostly
// 0.
class ColumnBuffers {
 public:
  explicit ColumnBuffers(ColumnSet wanted);

  const std::array<void*, max_columns>& columns() const { return columns_; }
  // The same, in the form of FlowBatch::columns.
  std::array<const void*, max_columns> view() const {
    std::array<const void*, max_columns> out;
    std::copy(columns_.begin(), columns_.end(), out.begin());
    return out;
  }

 private:
  struct FreeDeleter {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, FreeDeleter> memory_;
  std::array<void*, max_columns> columns_{};
};

}  // namespace mole::runtime
