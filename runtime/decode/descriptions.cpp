#include "runtime/decode/descriptions.hpp"

#include "sdk/model/utf8.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

// Copies UTF-8 up to a length, and replaces what is not.
std::string valid_name(mole_text text) {
  std::string_view rest(text.data, text.size);
  std::string out;
  while (!rest.empty()) {
    const auto length = utf8_length(rest);
    const std::string_view next = length > 0 ? rest.substr(0, length) : std::string_view("\xef\xbf\xbd");  // U+FFFD
    if (out.size() + next.size() > Descriptions::max_name) break;
    out += next;
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

void Descriptions::add(const mole_description& d) {
  switch (d.kind) {
    case MOLE_DESCRIBES_TEMPLATE:
    case MOLE_DESCRIBES_OPTIONS:
      if (d.name.size > 0)
        if (auto* const address = at(addresses_, d.exporter)) *address = valid_name(d.name);
      if (templates_.size() < limit_) templates_.insert({d.exporter, d.domain, d.id, d.kind == MOLE_DESCRIBES_OPTIONS, d.count});
      return;
    case MOLE_DESCRIBES_ELEMENT:
      if (d.name.size > 0) {
        if (auto* const record = at(type_records_, {d.enterprise, d.id})) *record = {valid_name(d.name), d.count};
      } else if (d.count > 0) {
        if (auto* const lengths = at(lengths_, {d.enterprise, d.id}); lengths != nullptr && lengths->size() < max_lengths)
          lengths->insert(d.count);
      }
      return;
    case MOLE_DESCRIBES_INTERFACE:
    case MOLE_DESCRIBES_APPLICATION: {
      auto& names = d.kind == MOLE_DESCRIBES_INTERFACE ? interfaces_ : applications_;
      if (auto* const name = at(names, {d.exporter, d.domain, d.id})) *name = valid_name(d.name);
      return;
    }
    default:  // of a later version
      return;
  }
}

std::string_view Descriptions::name_of(const ElementKey& element) const {
  const auto found = type_records_.find(element);
  return found == type_records_.end() ? std::string_view() : std::string_view(found->second.name);
}

std::uint32_t Descriptions::type_of(const ElementKey& element) const {
  const auto found = type_records_.find(element);
  return found == type_records_.end() ? no_type : found->second.type;
}

std::string_view Descriptions::address_of(std::uint32_t exporter) const {
  const auto found = addresses_.find(exporter);
  return found == addresses_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace mole::runtime
