#include "runtime/decode/flow_batch.hpp"

#include <cstdlib>
#include <new>

namespace mole::runtime {

void ColumnBuffers::Free::operator()(std::byte* memory) const { std::free(memory); }

ColumnBuffers::ColumnBuffers(ColumnSet wanted) {
  constexpr std::size_t alignment = 64;
  static_assert(batch_rows % alignment == 0);
  std::size_t size = 0;
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (wanted[static_cast<std::size_t>(c)]) size += column_width(c, 6) * batch_rows;
  if (size == 0) return;
  // Not aligned_alloc: what it frees is too small for its next request of the same size, so that every file would take new
  // memory. New pages are zero as they come, and those of rows that never do are not touched.
  memory_.reset(static_cast<std::byte*>(std::calloc(1, size + alignment)));
  if (!memory_) throw std::bad_alloc();
  std::byte* at = memory_.get() + (alignment - reinterpret_cast<std::uintptr_t>(memory_.get()) % alignment);
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
    if (!wanted[static_cast<std::size_t>(c)]) continue;
    columns_[static_cast<std::size_t>(c)] = at;
    at += column_width(c, 6) * batch_rows;
  }
}

}  // namespace mole::runtime
