// The columns of one batch of flows, borrowed. What routing, filters and metrics read; a decoded batch gives one.
#pragma once

#include <mole/abi.h>

#include <array>
#include <cstdint>

namespace mole::runtime {

struct FlowView {
  std::uint32_t rows = 0;
  std::uint32_t family = 4;                              // 4: addresses are u32 in host order; 6: 16 bytes in network order
  std::array<const void*, MOLE_COLUMN_COUNT> columns{};  // null: not decoded, because nobody asked for it

  template <class T>
  const T* column(int id) const {
    return static_cast<const T*>(columns[static_cast<std::size_t>(id)]);
  }
};

}  // namespace mole::runtime
