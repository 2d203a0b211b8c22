#include "plugins/decoders/export/lists.hpp"

#include <algorithm>

namespace mole::plugins::flow_export {
namespace {

void visit_value(const Field& field, const Value& value, ListVisitor& visitor, std::size_t& budget, std::size_t depth) {
  visitor.value(field, value);
  const List kind = list_in(field.enterprise, field.id);
  if (kind != List::none) visit_list(kind, value, visitor, budget, depth + 1);
}

void visit_records(const Template& layout, Bytes bytes, ListVisitor& visitor, std::size_t& budget, std::size_t depth) {
  if (layout.size == 0 || bytes.size() < layout.size) return;
  std::vector<Value> values(layout.fields.size());
  while (budget > 0 && bytes.size() >= layout.size) {
    const std::size_t size = split_record(layout, bytes, values.data());
    if (size == 0) return;
    budget -= std::min(budget, 1 + values.size());
    for (std::size_t i = 0; i < values.size(); ++i) visit_value(layout.fields[i], values[i], visitor, budget, depth);
    bytes = bytes.subspan(size);
  }
}

// A basicList: semantics, one field specifier, values.
void visit_basic(Bytes bytes, ListVisitor& visitor, std::size_t& budget, std::size_t depth) {
  if (bytes.size() < 5) return;
  Template layout(Protocol::ipfix, 0);
  const std::size_t used = read_fields(bytes.subspan(1), 1, Protocol::ipfix, layout);
  if (used > 0) visit_records(layout, bytes.subspan(1 + used), visitor, budget, depth);
}

}  // namespace

void visit_list(List kind, const Value& list, ListVisitor& visitor, std::size_t& budget, std::size_t depth) {
  if (depth >= max_list_depth || budget == 0 || list.size < 3) return;
  const Bytes bytes{list.data, list.size};
  if (kind == List::basic) return visit_basic(bytes, visitor, budget, depth);
  const auto visit = [&](std::uint16_t id, Bytes records) {
    if (const Template* layout = visitor.find_template(id)) visit_records(*layout, records, visitor, budget, depth);
  };
  if (kind == List::sub_template) return visit(u16(bytes.data() + 1), bytes.subspan(3));
  // Semantics, then template id and length, which includes these 4 bytes, for each group of records.
  std::size_t at = 1;
  while (budget > 0 && bytes.size() - at >= 4) {
    const std::size_t size = u16(bytes.data() + at + 2);
    if (size < 4 || bytes.size() - at < size) return;
    --budget;
    visit(u16(bytes.data() + at), bytes.subspan(at + 4, size - 4));
    at += size;
  }
}

}  // namespace mole::plugins::flow_export
