// Tables of fields: each document lists its members once; its JSON form (field_json.hpp), its Thrift form
// (coordinator/wire/protocol.hpp) and docs/formats/api.md are derived from the table.
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
// double, Micros (with `time_field` or `duration_field`), std::string, Digest, TimeRange, an enum with names, a document,
// nlohmann::json (free form), and vectors, optionals and maps of these; the keys of a map are enums, or strings
// in documents that have no JSON form.
#pragma once

#include "sdk/model/digest.hpp"
#include "sdk/model/name_table.hpp"
#include "sdk/model/time.hpp"

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace mole {

// The meaning of a 64-bit integer. In JSON a time is RFC 3339 text and a duration is "15m"; in Thrift both are microseconds. A
// TimeRange is two numbers of microseconds in both.
enum class As : std::uint8_t { number, time, duration };

template <class T, class M>
struct Field {
  const char* name;
  M T::*member;
  const char* doc;
  As as = As::number;
  bool may_be_absent = false;
  const char* unit_name = "";

  // The writer omits the field while it has its default value; a reader sets an absent field to its default value.
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

template <class T>
concept Document = requires {
  T::table.fields;
};

// Calls `visit(field, number)` for each field of T, in order.
template <Document T, class F>
constexpr void for_each_field(F&& visit) {
  std::apply(
      [&](const auto&... fields) {
        std::int16_t number = 0;
        (visit(fields, ++number), ...);
      },
      T::table.fields);
}

namespace field_detail {

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

}  // namespace field_detail

}  // namespace mole
