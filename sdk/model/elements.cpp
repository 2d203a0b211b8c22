#include "sdk/model/elements.hpp"

#include "sdk/model/element_types.hpp"

#include <mole/names.hpp>

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

// Types that the octets of a value alone decide. The resolution of a time, for example, depends on the element.
bool is_readable_as(ElementType type) {
  switch (type) {
    case ElementType::date_time_seconds:
    case ElementType::date_time_milliseconds:
    case ElementType::date_time_microseconds:
    case ElementType::date_time_nanoseconds:
    case ElementType::basic_list:
    case ElementType::sub_template_list:
    case ElementType::sub_template_multi_list:
      return false;
    default:
      return true;
  }
}

std::optional<ElementType> type_named(std::string_view name) {
  for (const auto& known : name_table<ElementType>.names)
    if (equal_names(known.name, name)) return known.value;
  return std::nullopt;
}

// The parts of "9/12232:string". type: empty if there is none.
struct NumberedName {
  std::uint32_t enterprise;
  std::uint16_t id;
  std::string_view type;
  bool typed;
};

std::optional<NumberedName> parse_number(std::string_view text) {
  const auto colon = std::min(text.find(':'), text.size());
  const auto type = text.substr(std::min(colon + 1, text.size()));
  const bool typed = colon < text.size();
  text = text.substr(0, colon);
  std::uint32_t enterprise = 0;
  std::uint16_t id = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, enterprise);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '/') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, id);
  if (second.ec != std::errc{} || second.ptr != end || id == 0) return std::nullopt;
  return NumberedName{enterprise, id, type, typed};
}

std::string number_text(const NumberedName& name) { return std::to_string(name.enterprise) + "/" + std::to_string(name.id); }

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
  const auto add = [&](std::string_view known) {
    if (known.size() > name.size() + limit || name.size() > known.size() + limit) return false;
    if (const auto distance = edits(name, known); distance <= limit) near.emplace_back(distance, known);
    return false;
  };
  for (const auto& names : column_names) any_word(names, add);
  for (const auto& e : elements) add(e.name);
  std::ranges::sort(near);
  std::vector<std::string_view> names;
  for (const auto& [distance, known] : near)
    if (names.size() < most && std::ranges::find(names, known) == names.end()) names.push_back(known);
  return names;
}

std::optional<Element> find_element(std::string_view name) {
  if (const auto number = parse_number(name)) {
    if (!wrong_element_type(name).empty()) return std::nullopt;
    if (auto known = find_element(number->enterprise, number->id)) return known;
    const auto type = number->typed ? *type_named(number->type) : ElementType::octet_array;
    auto text = number_text(*number);
    if (type != ElementType::octet_array) text += ":" + std::string(name_of(type));
    return Element{std::move(text), number->enterprise, number->id, type};
  }
  if (const Entry* entry = by_name(name)) return forward(*entry);
  constexpr std::string_view prefix = "reverse";
  if (!begins_with(name, prefix)) return std::nullopt;
  const Entry* entry = by_name(name.substr(prefix.size()));
  if (entry == nullptr || !entry->reversible) return std::nullopt;
  return reverse(*entry);
}

std::string wrong_element_type(std::string_view name) {
  const auto number = parse_number(name);
  if (!number || !number->typed) return {};
  const auto type = type_named(number->type);
  if (type && is_readable_as(*type)) {
    const auto known = find_element(number->enterprise, number->id);
    if (!known || known->type == *type) return {};
    return number_text(*number) + " is " + known->name + ", whose type is " + name_of(known->type) +
           "; leave \":" + std::string(number->type) + "\" out";
  }
  std::string types;
  for (const auto& one : name_table<ElementType>.names)
    if (is_readable_as(one.value)) (types += types.empty() ? "" : ", ") += one.name;
  return "\"" + std::string(number->type) +
         (type ? "\" is not a type that an element can be read as" : "\" is not a type of elements") + "; choose from " + types +
         (type ? " (of a time: unsigned32 for seconds, unsigned64 for others)" : "");
}

std::optional<ElementType> element_type_of_number(std::uint64_t number) {
  static constexpr ElementType types[] = {
      ElementType::octet_array,
      ElementType::unsigned8,
      ElementType::unsigned16,
      ElementType::unsigned32,
      ElementType::unsigned64,
      ElementType::signed8,
      ElementType::signed16,
      ElementType::signed32,
      ElementType::signed64,
      ElementType::float32,
      ElementType::float64,
      ElementType::boolean,
      ElementType::mac_address,
      ElementType::string,
      ElementType::date_time_seconds,
      ElementType::date_time_milliseconds,
      ElementType::date_time_microseconds,
      ElementType::date_time_nanoseconds,
      ElementType::ipv4_address,
      ElementType::ipv6_address,
      ElementType::basic_list,
      ElementType::sub_template_list,
      ElementType::sub_template_multi_list,
      ElementType::unsigned256,
  };
  return number < std::size(types) ? std::optional(types[number]) : std::nullopt;
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
