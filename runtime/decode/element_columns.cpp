#include "runtime/decode/element_columns.hpp"

#include <cstring>

namespace mole::runtime {
namespace {

std::uint16_t abi_type(ElementType type) {
  switch (type) {
    case ElementType::float32:
    case ElementType::float64:
      return MOLE_TYPE_F64;
    case ElementType::boolean:
      return MOLE_TYPE_BOOL;
    case ElementType::string:
      return MOLE_TYPE_TEXT;
    default:
      break;
  }
  const auto seen = value_type(type);
  return seen == "u64"    ? MOLE_TYPE_U64
         : seen == "i64"  ? MOLE_TYPE_I64
         : seen == "time" ? MOLE_TYPE_TIME
         : seen == "addr" ? MOLE_TYPE_ADDR
                          : MOLE_TYPE_BYTES;
}

// Returns the size of a value in bytes; 0: any.
std::size_t size_of(std::uint16_t type) {
  return type == MOLE_TYPE_TEXT || type == MOLE_TYPE_BYTES ? 0 : type == MOLE_TYPE_ADDR ? 16 : 8;
}

}  // namespace

ElementColumns::ElementColumns(ColumnSet wanted) {
  for (int c = MOLE_COLUMN_COUNT; c < max_columns; ++c) {
    const auto* element = wanted[static_cast<std::size_t>(c)] ? element_of_column(c) : nullptr;
    if (!element) continue;
    const auto type = abi_type(element->type);
    values_.push_back({c, type, {}, {}, {}, {}, {}});
    requests_.push_back({element->enterprise, element->id, type, {element->name.data(), element->name.size()}});
  }
}

void ElementColumns::start(mole_flow_builder& builder) {
  if (values_.empty()) return;
  for (auto& values : values_) {
    values.rows.clear();
    values.bytes.clear();
    values.sizes.clear();
  }
  bytes_ = 0;
  capacity_ = builder.capacity;
  builder.elements = requests_.data();
  builder.element_count = static_cast<std::uint32_t>(requests_.size());
  builder.element_values = this;
  builder.put = put;
}

std::int32_t ElementColumns::put(void* self, std::uint32_t element, std::uint32_t row, const void* data, std::uint64_t size) {
  auto& elements = *static_cast<ElementColumns*>(self);
  if (element >= elements.values_.size() || row >= elements.capacity_) return MOLE_INVALID;
  auto& values = elements.values_[element];
  const auto expected = size_of(values.type);
  if ((expected != 0 && size != expected) || (!values.rows.empty() && row < values.rows.back())) return MOLE_INVALID;
  constexpr std::size_t overhead = sizeof(std::uint64_t) + sizeof(std::uint32_t) + sizeof(mole_text);  // of a value
  if (size > max_bytes - elements.bytes_ || max_bytes - elements.bytes_ - size < overhead) return MOLE_EXHAUSTED;
  elements.bytes_ += size + overhead;
  values.rows.push_back(row);
  values.bytes.append(static_cast<const char*>(data), size);
  if (expected == 0) values.sizes.push_back(size);
  return MOLE_OK;
}

void ElementColumns::finish(Values& values, std::uint32_t rows) {
  values.of_row.assign(rows, {});
  const auto width = size_of(values.type);
  if (width == 0) {
    values.texts.resize(values.sizes.size());
    const char* at = values.bytes.data();
    for (std::size_t v = 0; v < values.sizes.size(); at += values.sizes[v++]) values.texts[v] = {at, values.sizes[v]};
  }
  for (std::size_t v = 0; v < values.rows.size(); ++v) {
    if (values.rows[v] >= rows) break;
    auto& of_row = values.of_row[values.rows[v]];
    if (of_row.count++ == 0)
      of_row.values = width == 0 ? static_cast<const void*>(&values.texts[v]) : values.bytes.data() + v * width;
  }
}

void ElementColumns::finish(FlowBatch& batch) {
  for (auto& values : values_) {
    finish(values, batch.rows);
    batch.columns[static_cast<std::size_t>(values.column)] = values.of_row.data();
  }
}

}  // namespace mole::runtime
