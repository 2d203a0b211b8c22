#include "sdk/model/elements.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
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

// Returns the enterprise and id that "9/12232" states.
std::optional<std::pair<std::uint32_t, std::uint16_t>> parse_number(std::string_view text) {
  std::uint32_t enterprise = 0;
  std::uint16_t id = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, enterprise);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '/') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, id);
  if (second.ec != std::errc{} || second.ptr != end || id == 0) return std::nullopt;
  return std::pair{enterprise, id};
}

// Returns the number of insertions, deletions and replacements of characters that turn one name into the other; ignores case.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string_view> nearest_elements(std::string_view name) {
  constexpr std::size_t most = 3;
  name = name.substr(0, 64);
  const std::size_t limit = name.size() / 3;
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const auto& e : elements) {
    if (e.name.size() > name.size() + limit || name.size() > e.name.size() + limit) continue;
    if (const auto distance = edits(name, e.name); distance <= limit) near.emplace_back(distance, e.name);
  }
  std::ranges::sort(near);
  std::vector<std::string_view> names;
  for (const auto& [distance, known] : near)
    if (names.size() < most && std::ranges::find(names, known) == names.end()) names.push_back(known);
  return names;
}

std::optional<Element> find_element(std::string_view name) {
  if (const auto number = parse_number(name)) {
    if (auto known = find_element(number->first, number->second)) return known;
    return Element{std::to_string(number->first) + "/" + std::to_string(number->second), number->first, number->second,
                   ElementType::octet_array};
  }
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
