#include "runtime/sort/flow_rows.hpp"

#include <cstring>
#include <string>

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

void append(std::vector<std::byte>& to, const void* bytes, std::size_t size) {
  const auto* from = static_cast<const std::byte*>(bytes);
  to.insert(to.end(), from, from + size);
}
void append_u32(std::vector<std::byte>& to, std::uint64_t number) {  // values of a batch need less than 2^32 bytes
  const auto n = static_cast<std::uint32_t>(number);
  append(to, &n, sizeof n);
}
std::uint32_t take_u32(const std::byte*& from) {
  std::uint32_t n;
  std::memcpy(&n, from, sizeof n);
  from += sizeof n;
  return n;
}

}  // namespace

RowLayout::RowLayout(ColumnSet columns, std::uint32_t address_family) : family_(address_family), size_at_(columns_at) {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (!columns[c]) continue;
    const int column = static_cast<int>(c);
    if (is_element_column(column)) {
      elements_.push_back({c, type_of_values(column)});
      continue;
    }
    const std::size_t width = column_width(column, family_);
    fields_.push_back({c, width, size_at_});
    size_at_ += width;
  }
  min_size_ = size_at_ + (elements_.empty() ? 0 : sizeof(std::uint32_t) * (1 + elements_.size()));
}

std::size_t RowLayout::size(const std::byte* row) const {
  if (elements_.empty()) return min_size_;
  const std::byte* at = row + size_at_;
  return take_u32(at);
}

void RowLayout::pack(const FlowBatch& batch, std::uint32_t row, const FlowKey& key, std::uint32_t slot,
                     std::vector<std::byte>& to) const {
  const std::size_t begin = to.size();
  to.resize(begin + size_at_);
  std::byte* at = to.data() + begin;
  std::memcpy(at, &key.start, sizeof key.start);
  std::memcpy(at + record_at, &key.record, sizeof key.record);
  std::memcpy(at + file_at, &key.file, sizeof key.file);
  std::memcpy(at + slot_at, &slot, sizeof slot);
  for (const auto& f : fields_) copy(at + f.at, static_cast<const std::byte*>(batch.columns[f.column]) + f.width * row, f.width);
  if (elements_.empty()) return;
  append_u32(to, 0);  // set below
  for (const auto& element : elements_) {
    const auto& values = static_cast<const mole_values*>(batch.columns[element.column])[row];
    append_u32(to, values.count);
    if (const auto size = size_of_value(element.type); size != 0) {
      append(to, values.values, values.count * size);
      continue;
    }
    for (std::uint64_t i = 0; i < values.count; ++i) {
      const auto value = value_bytes(element.type, values, i);
      append_u32(to, value.size());
      append(to, value.data(), value.size());
    }
  }
  const auto size = static_cast<std::uint32_t>(to.size() - begin);
  std::memcpy(to.data() + begin + size_at_, &size, sizeof size);
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

Result<> RowLayout::unpack(const std::byte* from, const std::array<void*, max_columns>& columns, ElementColumns& elements,
                           std::uint32_t row) const {
  for (const auto& f : fields_) copy(static_cast<std::byte*>(columns[f.column]) + f.width * row, from + f.at, f.width);
  const std::byte* at = from + size_at_ + sizeof(std::uint32_t);
  for (std::size_t e = 0; e < elements_.size(); ++e) {
    const auto width = static_cast<std::uint32_t>(size_of_value(elements_[e].type));
    for (std::uint32_t left = take_u32(at); left > 0; --left) {
      const std::uint32_t size = width != 0 ? width : take_u32(at);
      if (elements.add(e, row, at, size) != MOLE_OK)
        return exhausted("the information elements of a flow exceed " + std::to_string(ElementColumns::max_bytes >> 20) + " MiB");
      at += size;
    }
  }
  return {};
}

}  // namespace mole::runtime
