#include "sdk/model/elements.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace mole {
namespace {

struct Entry {
  std::string_view name;
  std::uint32_t enterprise;
  std::uint16_t id;
  ElementType type;
  bool reversible;
};

// By enterprise and id; the current name of an element comes before its earlier ones.
constexpr auto elements = std::to_array<Entry>({
#define ELEMENT(name, enterprise, id, type, reversible) {name, enterprise, id, ElementType::type, reversible},
#include "sdk/model/elements.inc"
#undef ELEMENT
});

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_less(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) < lower(y); });
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && !is_less(text.substr(0, prefix.size()), prefix) &&
         !is_less(prefix, text.substr(0, prefix.size()));
}

const Entry* by_number(std::uint32_t enterprise, std::uint16_t id) {
  const auto found = std::partition_point(elements.begin(), elements.end(), [&](const Entry& e) {
    return e.enterprise != enterprise ? e.enterprise < enterprise : e.id < id;
  });
  return found != elements.end() && found->enterprise == enterprise && found->id == id ? &*found : nullptr;
}

const Entry* by_name(std::string_view name) {
  static const std::vector<const Entry*> sorted = [] {
    std::vector<const Entry*> all;
    for (const auto& e : elements) all.push_back(&e);
    std::stable_sort(all.begin(), all.end(), [](const Entry* a, const Entry* b) { return is_less(a->name, b->name); });
    return all;
  }();
  constexpr std::string_view cert = "cert:";
  const bool only_cert = begins_with(name, cert);
  if (only_cert) name.remove_prefix(cert.size());
  auto found = std::partition_point(sorted.begin(), sorted.end(), [&](const Entry* e) { return is_less(e->name, name); });
  for (; found != sorted.end() && !is_less(name, (*found)->name); ++found)
    if (!only_cert || (*found)->enterprise == cert_enterprise) return *found;
  return nullptr;
}

Element forward(const Entry& e) { return {std::string(by_number(e.enterprise, e.id)->name), e.enterprise, e.id, e.type}; }

Element reverse(const Entry& e) {
  Element out = forward(e);
  out.name[0] = static_cast<char>(out.name[0] >= 'a' && out.name[0] <= 'z' ? out.name[0] - 'a' + 'A' : out.name[0]);
  out.name.insert(0, "reverse");
  if (e.enterprise == iana_enterprise)
    out.enterprise = reverse_enterprise;
  else
    out.id |= reverse_bit_of_enterprise;
  return out;
}

}  // namespace

std::optional<Element> find_element(std::string_view name) {
  if (const Entry* entry = by_name(name)) return forward(*entry);
  constexpr std::string_view prefix = "reverse";
  if (!begins_with(name, prefix)) return std::nullopt;
  const Entry* entry = by_name(name.substr(prefix.size()));
  if (entry == nullptr || !entry->reversible) return std::nullopt;
  return reverse(*entry);
}

std::optional<Element> find_element(std::uint32_t enterprise, std::uint16_t id) {
  if (const Entry* entry = by_number(enterprise, id)) return forward(*entry);
  const bool of_iana = enterprise == reverse_enterprise;
  if (!of_iana && (enterprise == iana_enterprise || (id & reverse_bit_of_enterprise) == 0)) return std::nullopt;
  const Entry* entry = of_iana ? by_number(iana_enterprise, id)
                               : by_number(enterprise, static_cast<std::uint16_t>(id & ~reverse_bit_of_enterprise));
  if (entry == nullptr || !entry->reversible) return std::nullopt;
  return reverse(*entry);
}

}  // namespace mole
