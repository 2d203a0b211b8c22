#include "runtime/sort/flow_rows.hpp"

#include <cstring>

namespace mole::runtime {
namespace {

constexpr std::size_t record_at = 8, file_at = 16, slot_at = 20, columns_at = 24;

// Widths are 1, 2, 4, 8 and 16; copies of constant size compile to plain moves.
void copy(std::byte* to, const std::byte* from, std::size_t width) {
  if (width == 1)
    *to = *from;
  else if (width == 2)
    std::memcpy(to, from, 2);
  else if (width == 4)
    std::memcpy(to, from, 4);
  else if (width == 8)
    std::memcpy(to, from, 8);
  else
    std::memcpy(to, from, width);
}

}  // namespace

RowLayout::RowLayout(ColumnSet columns, std::uint32_t address_family) : family_(address_family), row_size_(columns_at) {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (!columns[c]) continue;
    const std::size_t width = column_width(static_cast<int>(c), family_);
    fields_.push_back({c, width, row_size_});
    row_size_ += width;
  }
}

void RowLayout::pack(const FlowBatch& batch, std::uint32_t row, const FlowKey& key, std::uint32_t slot, std::byte* to) const {
  std::memcpy(to, &key.start, sizeof key.start);
  std::memcpy(to + record_at, &key.record, sizeof key.record);
  std::memcpy(to + file_at, &key.file, sizeof key.file);
  std::memcpy(to + slot_at, &slot, sizeof slot);
  for (const auto& f : fields_) copy(to + f.at, static_cast<const std::byte*>(batch.columns[f.column]) + f.width * row, f.width);
}

FlowKey RowLayout::key(const std::byte* row) {
  FlowKey key;
  std::memcpy(&key.start, row, sizeof key.start);
  std::memcpy(&key.record, row + record_at, sizeof key.record);
  std::memcpy(&key.file, row + file_at, sizeof key.file);
  return key;
}

std::uint32_t RowLayout::slot(const std::byte* row) {
  std::uint32_t slot;
  std::memcpy(&slot, row + slot_at, sizeof slot);
  return slot;
}

void RowLayout::unpack(const std::byte* from, const std::array<void*, max_columns>& columns, std::uint32_t row) const {
  for (const auto& f : fields_) copy(static_cast<std::byte*>(columns[f.column]) + f.width * row, from + f.at, f.width);
}

}  // namespace mole::runtime
