// Flows packed into rows of bytes for sorting and spilling: the key, the slot, the selected columns and information elements.
//
//   0 start, i64 | 8 record, u64 | 16 file, u32 | 20 slot, u32 | 24 columns in the order of their numbers
//   | if there are elements: size of the row, u32 | for each element: number of values, u32; the values: 8 or 16 bytes each, or
//   the size, u32, and the bytes of each
//
// Numbers are in host byte order: the rows never leave the machine.
#pragma once

#include "runtime/decode/element_columns.hpp"
#include "runtime/decode/flow_batch.hpp"

#include <mole/result.hpp>

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
  // Returns the size in bytes of the smallest row.
  std::size_t min_size() const { return min_size_; }
  // Returns the size of a packed row, of which at least min_size() bytes are there.
  std::size_t size(const std::byte* row) const;

  // Appends row `row` of a batch of this family.
  void pack(const FlowBatch& batch, std::uint32_t row, const FlowKey& key, std::uint32_t slot, std::vector<std::byte>& to) const;
  static FlowKey key(const std::byte* row);
  static std::uint32_t slot(const std::byte* row);
  // Unpacks a row into row `row` of the columns and elements. exhausted: the elements have no room for it.
  Result<> unpack(const std::byte* from, const std::array<void*, max_columns>& columns, ElementColumns& elements,
                  std::uint32_t row) const;

 private:
  struct Field {
    std::size_t column, width, at;
  };
  struct Element {
    std::size_t column;
    std::uint16_t type;  // MOLE_TYPE_*
  };
  std::uint32_t family_;
  std::size_t size_at_, min_size_;
  std::vector<Field> fields_;
  std::vector<Element> elements_;
};

}  // namespace mole::runtime
