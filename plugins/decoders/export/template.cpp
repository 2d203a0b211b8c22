#include "plugins/decoders/export/template.hpp"

#include "plugins/decoders/export/plan.hpp"

#include <algorithm>

namespace mole::plugins::flow_export {

Template::~Template() = default;

void Template::measure() {
  size = 0;
  fixed = true;
  offsets.clear();
  for (const Field& field : fields) {
    offsets.push_back(static_cast<std::uint32_t>(size));
    if (field.length == variable_length) fixed = false;
    size += field.length == variable_length ? 1 : field.length;
  }
}

std::size_t Template::find(std::uint32_t enterprise, std::uint16_t number) const {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i].enterprise == enterprise && fields[i].id == number && fields[i].length > 0) return i;
  return npos;
}

std::size_t read_fields(Bytes bytes, std::size_t count, Protocol protocol, Template& out) {
  if (count > max_fields) return 0;
  const std::size_t scopes = std::min(out.scope_fields, count);
  out.scope_fields = scopes;
  std::size_t at = 0;
  out.fields.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes.size() < at + 4) return 0;
    Field field{0, u16(bytes.data() + at), u16(bytes.data() + at + 2)};
    at += 4;
    if (protocol == Protocol::ipfix && (field.id & 0x8000) != 0) {
      if (bytes.size() < at + 4) return 0;
      field.enterprise = u32(bytes.data() + at);
      field.id &= 0x7fff;
      at += 4;
    }
    if (protocol == Protocol::v9 && i < scopes) field.enterprise = scope_enterprise;
    if (field.length > 0)
      out.fields.push_back(field);
    else if (i < scopes)  // always empty: as if absent
      --out.scope_fields;
  }
  out.measure();
  return at;
}

std::size_t split_record(const Template& layout, Bytes bytes, Value* values) {
  std::size_t at = 0;
  for (const Field& field : layout.fields) {
    std::size_t size = field.length;
    if (size == variable_length) {
      if (at >= bytes.size()) return 0;
      size = u8(bytes.data() + at++);
      if (size == 255) {
        if (bytes.size() - at < 2) return 0;
        size = u16(bytes.data() + at);
        at += 2;
      }
    }
    if (bytes.size() - at < size) return 0;
    *values++ = {bytes.data() + at, static_cast<std::uint32_t>(size)};
    at += size;
  }
  return at;
}

std::shared_ptr<const Template> fixed_layout(Protocol protocol) {
  const auto padding = [](std::uint16_t size) { return Field{0, 210, size}; };
  auto layout = std::make_shared<Template>(protocol, std::uint16_t{0});
  layout->fields = {{0, 8, 4}, {0, 12, 4}, {0, 15, 4}, {0, 10, 2}, {0, 14, 2}, {0, 2, 4},
                    {0, 1, 4}, {0, 22, 4}, {0, 21, 4}, {0, 7, 2},  {0, 11, 2}};
  auto& fields = layout->fields;
  if (protocol == Protocol::v1) {
    fields.insert(fields.end(), {padding(2), {0, 4, 1}, {0, 5, 1}, {0, 6, 1}, padding(11)});
  } else {
    fields.insert(fields.end(), {padding(1), {0, 6, 1}, {0, 4, 1}, {0, 5, 1}, {0, 16, 2}, {0, 17, 2}, {0, 9, 1}, {0, 13, 1}});
    fields.push_back(padding(protocol == Protocol::v5 ? 2 : 6));
  }
  layout->measure();
  return layout;
}

}  // namespace mole::plugins::flow_export
