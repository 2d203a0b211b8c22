#include "runtime/decode/flow_batch.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace mole::runtime {

FlowBatch FlowBatch::slice(std::uint32_t first, std::uint32_t count) const {
  FlowBatch out = *this;
  out.rows = count;
  out.first_record += first;
  for (int c = 0; c < max_columns; ++c)
    if (const void*& column = out.columns[static_cast<std::size_t>(c)])
      column = static_cast<const std::byte*>(column) + first * column_width(c, address_family);
  return out;
}

namespace {

// Fills a zeroed column with the value that means that the record does not have it.
void set_not_present(int column, std::byte* values) {
  const auto [kind, width, value] = flow_column_type(column);
  for (std::size_t row = 0; value != 0 && row < batch_rows; ++row) std::memcpy(values + row * width, &value, 1);
}

}  // namespace

void ColumnBuffers::FreeDeleter::operator()(std::byte* memory) const { std::free(memory); }

ColumnBuffers::ColumnBuffers(ColumnSet wanted) {
  constexpr std::size_t alignment = 64;
  static_assert(batch_rows % alignment == 0);
  std::size_t size = 0;
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (wanted[static_cast<std::size_t>(c)]) size += column_width(c, 6) * batch_rows;
  if (size == 0) return;
  // aligned_alloc cannot reuse a freed block for the next request of the same size, so every file would use new memory. calloc
  // does not touch new pages, so rows that are never filled cost no memory.
  memory_.reset(static_cast<std::byte*>(std::calloc(1, size + alignment)));
  if (!memory_) throw std::bad_alloc();
  std::byte* at = memory_.get() + (alignment - reinterpret_cast<std::uintptr_t>(memory_.get()) % alignment);
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) {
    if (!wanted[static_cast<std::size_t>(c)]) continue;
    columns_[static_cast<std::size_t>(c)] = at;
    set_not_present(c, at);
    at += column_width(c, 6) * batch_rows;
  }
}

}  // namespace mole::runtime
