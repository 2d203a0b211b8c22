// Tables of fields: each document names its members once, and JSON (json.hpp), Thrift (coordinator/wire/protocol.hpp,
// documents.thrift) and docs/formats/api.md are made from the table.
//
//   struct Accepted {
//     std::string id;
//     Micros from = 0;
//     static constexpr auto table = document("Accepted", "A stored request.",
//         field("id", &Accepted::id, "Names the request: `r17`"),
//         time_field("from", &Accepted::from, "Start of its range"));
//   };
//
// A field's number in Thrift is its position, from 1: append fields, never reorder or remove them. Members may be bool, integers,
// double, Micros (with `time_field` or `duration_field`), std::string, Digest, an enum with names, a document, nlohmann::json
// (free form), and vectors, optionals and maps with enum keys of these.
#pragma once

#include "sdk/model/digest.hpp"
#include "sdk/model/time.hpp"

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace mole::coordinator {

// The meaning of a 64-bit integer. In JSON a time is RFC 3339 text and a duration is "15m"; in Thrift both are microseconds.
enum class As : std::uint8_t { number, time, duration };

template <class T, class M>
struct Field {
  const char* name;
  M T::*member;
  const char* doc;
  As as = As::number;
  bool may_be_absent = false;
  const char* unit_name = "";

  // The field is left out while it has its default value; a reader gives an absent field its default value.
  constexpr Field optional() const {
    auto copy = *this;
    copy.may_be_absent = true;
    return copy;
  }
  constexpr Field unit(const char* name_of_unit) const {
    auto copy = *this;
    copy.unit_name = name_of_unit;
    return copy;
  }
};

template <class T, class M>
constexpr Field<T, M> field(const char* name, M T::*member, const char* doc) {
  return {name, member, doc};
}
template <class T, class M>
constexpr Field<T, M> time_field(const char* name, M T::*member, const char* doc) {
  return {name, member, doc, As::time};
}
template <class T, class M>
constexpr Field<T, M> duration_field(const char* name, M T::*member, const char* doc) {
  return {name, member, doc, As::duration};
}

template <class... F>
struct FieldTable {
  const char* name;
  const char* doc;
  std::tuple<F...> fields;
};

template <class... F>
constexpr FieldTable<F...> document(const char* name, const char* doc, F... fields) {
  return {name, doc, {fields...}};
}

// The table of T: its member `table`, or a specialisation for a type of another folder.
template <class T>
struct FieldTableOf {};
template <class T>
requires requires { T::table.fields; }
struct FieldTableOf<T> {
  static constexpr const auto& value = T::table;
};
template <class T>
concept Document = requires {
  FieldTableOf<T>::value.fields;
};

// Calls `visit(field, number)` for each field of T, in order.
template <Document T, class F>
constexpr void for_each_field(F&& visit) {
  std::apply(
      [&](const auto&... fields) {
        std::int16_t number = 0;
        (visit(fields, ++number), ...);
      },
      FieldTableOf<T>::value.fields);
}

// One value of an enum: its word in JSON and what it means. The values of an enum are 0, 1, 2, ... in the order of its names.
struct EnumValue {
  std::string_view word, doc;
};
struct EnumNames {
  const char* name;  // of the enum
  std::span<const EnumValue> values;
};
// Specialised for each enum of the documents.
template <class E>
struct EnumNamesOf {};
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires {
  EnumNamesOf<E>::value.values;
};

// The word of `value`; "" for a value outside the enum, which Thrift accepts from a client.
template <NamedEnum E>
constexpr std::string_view word_of(E value) {
  const auto& values = EnumNamesOf<E>::value.values;
  const auto at = static_cast<std::size_t>(value);
  return at < values.size() ? std::string_view(values[at].word) : std::string_view();
}
template <NamedEnum E>
constexpr std::optional<E> from_word(std::string_view word) {
  const auto& values = EnumNamesOf<E>::value.values;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i].word == word) return static_cast<E>(i);
  return std::nullopt;
}

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class K, class V>
struct IsMap<std::map<K, V>> : std::true_type {};

template <class T>
concept Vector = IsVector<T>::value;
template <class T>
concept Optional = IsOptional<T>::value;
template <class T>
concept Map = IsMap<T>::value;

template <class>
inline constexpr bool unsupported_member = false;  // for static_assert

}  // namespace detail

}  // namespace mole::coordinator
