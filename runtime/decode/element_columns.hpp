// The values of information elements in one batch, as a decoder hands them over, or copied from another batch.
//
//   ElementColumns elements(wanted);
//   elements.start(builder);         // before each call of the decoder: asks it for the elements
//   elements.finish(batch);          // after it: sets their columns of the batch
#pragma once

#include "runtime/decode/flow_batch.hpp"

#include <mole/abi.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

// The values of one element, in the order of rows.
struct ElementValues {
  int column;
  std::uint16_t type;               // MOLE_TYPE_U64, I64, F64, BOOL, TIME, ADDR, TEXT or BYTES
  std::vector<std::uint32_t> rows;  // of each value
  std::string bytes;
  std::vector<std::uint64_t> sizes;  // of each value, only of TEXT and BYTES

  // Made by finish().
  std::vector<mole_text> texts;
  std::vector<mole_values> of_row;
};

// Returns the type of the values of an information element (MOLE_TYPE_*).
std::uint16_t type_of_values(int column);
// Returns the size in bytes of a value of this type; 0: any.
constexpr std::size_t size_of_value(std::uint16_t type) {
  return type == MOLE_TYPE_TEXT || type == MOLE_TYPE_BYTES ? 0 : type == MOLE_TYPE_ADDR ? 16 : 8;
}

// Returns the bytes of value `i` of a row.
inline std::string_view value_bytes(std::uint16_t type, const mole_values& values, std::uint64_t i) {
  const auto size = size_of_value(type);
  if (size != 0) return {static_cast<const char*>(values.values) + i * size, size};
  const auto& text = static_cast<const mole_text*>(values.values)[i];
  return {text.data, text.size};
}

// Not thread-safe. The decoder holds a pointer to it, so it must not move.
class ElementColumns {
 public:
  static constexpr std::size_t max_bytes = std::size_t{256} << 20;  // of the values in a batch
  // In addition to the bytes of a value.
  static constexpr std::size_t overhead = sizeof(std::uint64_t) + sizeof(std::uint32_t) + sizeof(mole_text);

  // `wanted`: its columns that are elements.
  explicit ElementColumns(ColumnSet wanted);
  ElementColumns(const ElementColumns&) = delete;
  ElementColumns& operator=(const ElementColumns&) = delete;

  // Forgets the values of the previous batch.
  void start(mole_flow_builder& builder);
  void clear();
  // The columns are valid until the next start() or clear().
  void finish(FlowBatch& batch);

  // Adds a value of the element with this index; rows must not decrease. MOLE_INVALID or MOLE_EXHAUSTED: it is not added.
  std::int32_t add(std::size_t element, std::uint32_t row, const void* data, std::uint64_t size);
  // Replaces the values by those of a batch. False: they need more than `limit` bytes.
  bool copy(const FlowBatch& from, std::size_t limit);
  std::size_t bytes() const { return bytes_; }  // that the values need
  // By column number. To fill directly: rows, and bytes or sizes, of the same number of values, which need at most max_bytes.
  std::span<ElementValues> values() { return values_; }

 private:
  static std::int32_t put(void* self, std::uint32_t element, std::uint32_t row, const void* data, std::uint64_t size);
  static void finish(ElementValues& values, std::uint32_t rows);

  std::vector<ElementValues> values_;
  std::vector<mole_element> requests_;
  std::size_t bytes_ = 0;
  std::uint32_t capacity_ = batch_rows;
};

}  // namespace mole::runtime
