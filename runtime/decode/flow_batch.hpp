// Flows by columns: what a FlowReader and a BlockSorter give, what metrics, filters and printers read.
#pragma once

#include <mole/abi.h>

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace mole::runtime {

inline constexpr std::uint32_t batch_rows = 65'536;  // most rows of a batch
using ColumnSet = std::bitset<MOLE_COLUMN_COUNT>;    // bit MOLE_COLUMN_x: column x is wanted

// Bytes of one value of a column (MOLE_COLUMN_x) in a batch of this address family.
constexpr std::size_t column_width(int column, std::uint32_t address_family = 4) {
  switch (column) {
    case MOLE_COLUMN_START:
    case MOLE_COLUMN_END:
    case MOLE_COLUMN_PACKETS:
    case MOLE_COLUMN_BYTES:
      return 8;
    case MOLE_COLUMN_SRC_ADDR:
    case MOLE_COLUMN_DST_ADDR:
    case MOLE_COLUMN_NEXT_HOP:
      return address_family == 6 ? 16 : 4;
    case MOLE_COLUMN_SRC_PORT:
    case MOLE_COLUMN_DST_PORT:
    case MOLE_COLUMN_TCP_FLAGS:
      return 2;
    case MOLE_COLUMN_PROTOCOL:
    case MOLE_COLUMN_TOS:
    case MOLE_COLUMN_SRC_MASK:
    case MOLE_COLUMN_DST_MASK:
      return 1;
    default:
      return 4;
  }
}

// A view of rows; the memory belongs to whoever filled it and is good until that one is asked for the next batch.
struct FlowBatch {
  std::uint32_t rows = 0;
  std::uint32_t address_family = 4;                // 4 or 6, the same for every row
  std::uint64_t first_record = 0;                  // number of row 0 among the file's flows; 0 from a BlockSorter
  std::array<void*, MOLE_COLUMN_COUNT> columns{};  // null: not wanted

  // Values of a column that is there, as the type abi.h gives it (addresses of a v6 batch: 16-byte arrays).
  template <class T>
  std::span<const T> column(int id) const {
    return {static_cast<const T*>(columns[static_cast<std::size_t>(id)]), rows};
  }
};

// Memory for `batch_rows` rows of the wanted columns, 0 at first, each 64-byte aligned. Addresses have room for v6. A column that
// a decoder cannot fill stays 0.
class ColumnBuffers {
 public:
  explicit ColumnBuffers(ColumnSet wanted);

  const std::array<void*, MOLE_COLUMN_COUNT>& columns() const { return columns_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::array<void*, MOLE_COLUMN_COUNT> columns_{};
};

}  // namespace mole::runtime
