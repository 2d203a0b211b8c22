// Names of enumerators, for the places where values become text: JSON, Thrift, the terminal.
//
//   enum class Outcome { done, failed };
//   template <>
//   inline constexpr NameTable<Outcome, 2> name_table<Outcome>{"an outcome", {{{Outcome::done, "done"}, {Outcome::failed,
//   "failed"}}}};
//
//   name_of(Outcome::done)              // "done"
//   from_name<Outcome>("failed")        // Outcome::failed; nullopt for an unknown name
//
// A named enum converts to and from JSON as its name; an unknown name throws nlohmann::json::exception, as a wrong type does.
#pragma once

#include <nlohmann/json.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole {

template <class E, std::size_t n>
struct NameTable {
  const char* what;  // with its article, for messages: "an outcome"
  std::array<std::pair<E, const char*>, n> names;
};

template <class E>
inline constexpr int name_table = 0;  // specialized for each named enum

template <class E>
concept Named = requires {
  name_table<E>.names;
};

// The name of `value`; "" for a value outside the table.
template <Named E>
constexpr const char* name_of(E value) {
  for (const auto& [known, name] : name_table<E>.names)
    if (known == value) return name;
  return "";
}

template <Named E>
constexpr std::optional<E> from_name(std::string_view name) {
  for (const auto& [value, known] : name_table<E>.names)
    if (name == known) return value;
  return std::nullopt;
}

// All names in the order of the table, for suggestions in messages.
template <Named E>
std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const auto& [value, name] : name_table<E>.names) out.emplace_back(name);
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
