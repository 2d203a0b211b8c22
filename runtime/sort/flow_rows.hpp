// Flows packed into rows of bytes for sorting and spilling: the key, the slot and the selected columns.
//
//   0 start, i64 | 8 record, u64 | 16 file, u32 | 20 slot, u32 | 24 columns in the order of their numbers
//
// Numbers are in host byte order: the rows never leave the machine.
#pragma once

#include "runtime/decode/flow_batch.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mole::runtime {

struct FlowKey {
  std::int64_t start = 0;
  std::uint32_t file = 0;
  std::uint64_t record = 0;

  auto operator<=>(const FlowKey&) const = default;
};

// The layout of the rows of one address family.
class RowLayout {
 public:
  RowLayout(ColumnSet columns, std::uint32_t address_family);

  std::uint32_t address_family() const { return family_; }
  std::size_t row_size() const { return row_size_; }

  // Packs row `row` of a batch of this family.
  void pack(const FlowBatch& batch, std::uint32_t row, const FlowKey& key, std::uint32_t slot, std::byte* to) const;
  static FlowKey key(const std::byte* row);
  static std::uint32_t slot(const std::byte* row);
  // Unpacks a row into row `row` of the columns.
  void unpack(const std::byte* from, const std::array<void*, max_columns>& columns, std::uint32_t row) const;

 private:
  struct Field {
    std::size_t column, width, at;
  };
  std::uint32_t family_;
  std::size_t row_size_;
  std::vector<Field> fields_;
};

}  // namespace mole::runtime
