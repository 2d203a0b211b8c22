#include "sdk/model/kept_columns.hpp"

#include <algorithm>
#include <tuple>

namespace mole {

std::uint16_t stored_type(ElementType type) {
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

Digest kept_file_name(const task::File& file, std::string_view archive) {
  return Hasher()
      .field("mole cache 2")
      .field(archive)
      .field(file.id)
      .field(file.size)
      .field(file.revision)
      .field(file.version)
      .finish();
}

Digest kept_columns_name(const task::File& file, const task::Archive& archive, const std::vector<int>& columns) {
  std::uint64_t further = 0;
  std::vector<std::tuple<std::uint32_t, std::uint16_t, std::uint16_t>> elements;  // enterprise, id, type
  for (const int column : columns) {
    if (const auto* element = element_of_column(column))
      elements.emplace_back(element->enterprise, element->id, stored_type(element->type));
    else if (!is_always_kept(column))
      further |= std::uint64_t{1} << column;
  }
  const auto name = task::column_name_of(file, archive, further);
  if (elements.empty()) return name;
  std::ranges::sort(elements);
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  Hasher hasher;
  hasher.field(name);
  for (const auto& [enterprise, id, type] : elements)
    for (const std::uint64_t number : {enterprise, std::uint32_t{id}, std::uint32_t{type}}) hasher.field(number);
  return hasher.finish();
}

}  // namespace mole
