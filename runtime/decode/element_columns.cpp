#include "runtime/decode/element_columns.hpp"

#include "sdk/model/kept_columns.hpp"

#include <cstring>

namespace mole::runtime {

std::uint16_t type_of_values(int column) { return stored_type(element_of_column(column)->type); }

ElementColumns::ElementColumns(ColumnSet wanted) {
  for (int c = MOLE_COLUMN_COUNT; c < max_columns; ++c) {
    const auto* element = wanted[static_cast<std::size_t>(c)] ? element_of_column(c) : nullptr;
    if (!element) continue;
    const auto type = type_of_values(c);
    values_.push_back({c, type, {}, {}, {}, {}, {}});
    requests_.push_back({element->enterprise, element->id, type, {element->name.data(), element->name.size()}});
  }
}

void ElementColumns::clear() {
  for (auto& values : values_) {
    values.rows.clear();
    values.bytes.clear();
    values.sizes.clear();
  }
  bytes_ = 0;
}

void ElementColumns::start(mole_flow_builder& builder) {
  if (values_.empty()) return;
  clear();
  capacity_ = builder.capacity;
  builder.elements = requests_.data();
  builder.element_count = static_cast<std::uint32_t>(requests_.size());
  builder.element_values = this;
  builder.put = put;
}

std::int32_t ElementColumns::put(void* self, std::uint32_t element, std::uint32_t row, const void* data, std::uint64_t size) {
  return static_cast<ElementColumns*>(self)->add(element, row, data, size);
}

std::int32_t ElementColumns::add(std::size_t element, std::uint32_t row, const void* data, std::uint64_t size) {
  if (element >= values_.size() || row >= capacity_) return MOLE_INVALID;
  auto& values = values_[element];
  const auto expected = size_of_value(values.type);
  if ((expected != 0 && size != expected) || (!values.rows.empty() && row < values.rows.back())) return MOLE_INVALID;
  if (size > max_bytes - bytes_ || max_bytes - bytes_ - size < overhead) return MOLE_EXHAUSTED;
  bytes_ += size + overhead;
  values.rows.push_back(row);
  values.bytes.append(static_cast<const char*>(data), size);
  if (expected == 0) values.sizes.push_back(size);
  return MOLE_OK;
}

bool ElementColumns::copy(const FlowBatch& from, std::size_t limit) {
  clear();
  for (std::size_t e = 0; e < values_.size(); ++e) {
    const auto of_row = from.column<mole_values>(values_[e].column);
    for (std::uint32_t row = 0; row < from.rows; ++row)
      for (std::uint64_t v = 0; v < of_row[row].count; ++v) {
        const auto value = value_bytes(values_[e].type, of_row[row], v);
        if (add(e, row, value.data(), value.size()) != MOLE_OK || bytes_ > limit) return false;
      }
  }
  return true;
}

void ElementColumns::finish(ElementValues& values, std::uint32_t rows) {
  values.of_row.assign(rows, {});
  const auto width = size_of_value(values.type);
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
