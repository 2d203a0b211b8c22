// Names of enumerators, for the places where values become text: JSON, the terminal, documentation.
//
//   enum class Outcome { done, failed };
//   template <>
//   inline constexpr auto name_table<Outcome> =
//       names<Outcome>("Outcome", "an outcome", {{Outcome::done, "done"}, {Outcome::failed, "failed", "by the module"}});
//
//   name_of(Outcome::done)              // "done"
//   from_name<Outcome>("failed")        // Outcome::failed; nullopt for an unknown name
//
// In JSON, a value of a named enum is represented by its name. An unknown name throws json::exception, like a wrong type.
#pragma once

#include <nlohmann/json.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole {

template <class E>
struct Name {
  E value;
  const char* name;
  const char* doc = "";
};

template <class E, std::size_t n>
struct NameTable {
  const char* type;  // for documentation and Thrift: "Outcome"
  const char* what;  // with its article, for messages: "an outcome"
  std::array<Name<E>, n> names;
};

template <class E, std::size_t n>
constexpr NameTable<E, n> names(const char* type, const char* what, const Name<E> (&list)[n]) {
  return {type, what, std::to_array(list)};
}

template <class E>
inline constexpr int name_table = 0;  // specialized for each named enum

template <class E>
concept Named = requires {
  name_table<E>.names;
};

// The name of `value`; "" for a value outside the table.
template <Named E>
constexpr const char* name_of(E value) {
  for (const auto& known : name_table<E>.names)
    if (known.value == value) return known.name;
  return "";
}

template <Named E>
constexpr std::optional<E> from_name(std::string_view name) {
  for (const auto& known : name_table<E>.names)
    if (name == known.name) return known.value;
  return std::nullopt;
}

// The enumerator with this number; nullopt if there is none.
template <Named E>
constexpr std::optional<E> from_number(std::int64_t number) {
  for (const auto& known : name_table<E>.names)
    if (static_cast<std::int64_t>(known.value) == number) return known.value;
  return std::nullopt;
}

// All names in the order of the table, for suggestions in messages.
template <Named E>
std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const auto& known : name_table<E>.names) out.emplace_back(known.name);
  return out;
}

}  // namespace mole

template <mole::Named E>
struct nlohmann::adl_serializer<E> {
  static void to_json(json& j, E value) { j = mole::name_of(value); }
  static void from_json(const json& j, E& value) {
    const auto& name = j.get_ref<const std::string&>();
    const auto known = mole::from_name<E>(name);
    if (!known) throw json::other_error::create(501, "\"" + name.substr(0, 60) + "\" is not " + mole::name_table<E>.what, &j);
    value = *known;
  }
};
