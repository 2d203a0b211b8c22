// The values of information elements in one batch, as a decoder hands them over.
//
//   ElementColumns elements(wanted);
//   elements.start(builder);         // before each call of the decoder: asks it for the elements
//   elements.finish(batch);          // after it: sets their columns of the batch
#pragma once

#include "runtime/decode/flow_batch.hpp"

#include <mole/abi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace mole::runtime {

// Not thread-safe. The decoder holds a pointer to it, so it must not move.
class ElementColumns {
 public:
  static constexpr std::size_t max_bytes = std::size_t{256} << 20;  // of the values in a batch

  // `wanted`: its columns that are elements.
  explicit ElementColumns(ColumnSet wanted);
  ElementColumns(const ElementColumns&) = delete;
  ElementColumns& operator=(const ElementColumns&) = delete;

  // Forgets the values of the previous batch.
  void start(mole_flow_builder& builder);
  // The columns are valid until the next start().
  void finish(FlowBatch& batch);

 private:
  // The values of one element, in the order of rows. A value is 8 or 16 bytes, or `sizes` gives the length of each.
  struct Values {
    int column;
    std::uint16_t type;
    std::vector<std::uint32_t> rows;
    std::string bytes;
    std::vector<std::uint64_t> sizes;

    std::vector<mole_text> texts;  // made by finish()
    std::vector<mole_values> of_row;
  };

  static std::int32_t put(void* self, std::uint32_t element, std::uint32_t row, const void* data, std::uint64_t size);
  static void finish(Values& values, std::uint32_t rows);

  std::vector<Values> values_;
  std::vector<mole_element> requests_;
  std::size_t bytes_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace mole::runtime
