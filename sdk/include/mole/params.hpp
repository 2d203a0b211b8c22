// Parameters: a plain struct, whose member initialisers are the defaults, and a table of its members.
//
//   struct Params { std::uint64_t ddof = 0; };
//   static constexpr auto params = mole::params(
//       mole::param("ddof", &Params::ddof, mole::range(0, 1), "Delta degrees of freedom"));
//
// Members may be std::uint64_t, std::int64_t, double, bool or std::string. The host checks types, ranges and choices.
#pragma once

#include <mole/detail/boundary.hpp>
#include <mole/detail/describe.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace mole {

struct Range {
  double low, high;  // inclusive
};
constexpr Range range(double low, double high) { return {low, high}; }

struct Choices {
  std::array<const char*, 8> values{};  // terminated by null
};
// The allowed values of a std::string, up to eight.
template <class... T>
constexpr Choices one_of(T... values) {
  static_assert(sizeof...(T) <= 8);
  return {{values...}};
}

struct Format {
  const char* text;
};
namespace format {
inline constexpr Format path{"path"};  // the host resolves relative paths against the folder of the manifest
}

namespace detail {

template <class P, class T>
struct ParamSpec {
  using Struct = P;
  const char* name;
  T P::*member;
  const char* doc = "";
  Unit unit{nullptr};
  Range range{1, 0};  // no range if low > high
  const char* format = nullptr;
  Choices choices{};  // empty: any string

  constexpr void set(const char* d) { doc = d; }
  constexpr void set(Unit u) { unit = u; }
  constexpr void set(Range r) { range = r; }
  constexpr void set(Format f) { format = f.text; }
  constexpr void set(Choices c) { choices = c; }
};

template <class... S>
struct ParamTable {
  using Struct = typename std::tuple_element_t<0, std::tuple<S...>>::Struct;
  std::tuple<S...> specs;
};

struct NoParams {};

template <class M>
struct ParamsOf {
  using type = NoParams;
};
template <class M>
requires requires { M::params; }
struct ParamsOf<M> {
  using type = typename std::remove_cvref_t<decltype(M::params)>::Struct;
};

template <class T>
constexpr int param_type() {
  if constexpr (std::is_same_v<T, std::uint64_t>)
    return MOLE_TYPE_U64;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return MOLE_TYPE_I64;
  else if constexpr (std::is_same_v<T, double>)
    return MOLE_TYPE_F64;
  else if constexpr (std::is_same_v<T, bool>)
    return MOLE_TYPE_BOOL;
  else {
    static_assert(std::is_same_v<T, std::string>, "a parameter is std::uint64_t, std::int64_t, double, bool or std::string");
    return MOLE_TYPE_TEXT;
  }
}

inline const char* type_name(int type) {
  static constexpr const char* names[] = {"", "u64", "i64", "f64", "bool", "text", "time", "u32", "u16", "u8", "addr"};
  return names[type];
}

template <class T>
std::string json_of(const T& value) {
  if constexpr (std::is_same_v<T, std::string>)
    return json_text(value);
  else if constexpr (std::is_same_v<T, bool>)
    return value ? "true" : "false";
  else
    return json_number(value);
}

template <class P, class T>
std::string describe_param(const ParamSpec<P, T>& s) {
  JsonObject o;
  o.text("name", s.name).text("type", type_name(param_type<T>())).text("doc", s.doc).raw("default", json_of(P{}.*s.member));
  if (s.unit.base) o.text("unit", s.unit.text());
  if (s.range.low <= s.range.high) o.raw("range", json_array({json_number(s.range.low), json_number(s.range.high)}));
  if (s.format) o.text("format", s.format);
  std::vector<std::string> choices;
  for (const char* value : s.choices.values)
    if (value) choices.push_back(json_text(value));
  if (!choices.empty()) o.raw("choices", json_array(choices));
  return o.str();
}

template <class M>
std::string describe_params() {
  static_assert(
      !requires { typename M::Params; } || requires { M::params; },
      "Params is not used without: static constexpr auto params = mole::params(mole::param(...), ...)");
  std::vector<std::string> items;
  if constexpr (requires { M::params; })
    std::apply([&](const auto&... s) { (items.push_back(describe_param(s)), ...); }, M::params.specs);
  return json_array(items);
}

template <class P, class T>
void read_param(P& out, const ParamSpec<P, T>& s, const mole_value& v) {
  if (v.type != param_type<T>())
    throw Failure(invalid(std::string("parameter '") + s.name + "' has type " +
                          type_name(v.type >= 1 && v.type <= 10 ? v.type : 0) + ", expected " + type_name(param_type<T>()) +
                          ": the sidecar does not match this library; rebuild the plugin"));
  if constexpr (std::is_same_v<T, std::uint64_t>)
    out.*s.member = v.as.u64;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    out.*s.member = v.as.i64;
  else if constexpr (std::is_same_v<T, double>)
    out.*s.member = v.as.f64;
  else if constexpr (std::is_same_v<T, bool>)
    out.*s.member = v.as.i64 != 0;
  else
    out.*s.member = std::string(view(v.as.text));
}

// Converts the host's values to the author's struct. Throws Failure(invalid).
template <class M>
typename ParamsOf<M>::type read_params(const mole_value* values, std::uint32_t count) {
  typename ParamsOf<M>::type out{};
  if constexpr (requires { M::params; }) {
    std::apply(
        [&](const auto&... s) {
          if (count != sizeof...(s))
            throw Failure(invalid("got " + std::to_string(count) + " parameters, expected " + std::to_string(sizeof...(s)) +
                                  ": the sidecar does not match this library; rebuild the plugin"));
          std::uint32_t i = 0;
          (read_param(out, s, values[i++]), ...);
        },
        M::params.specs);
  }
  return out;
}

}  // namespace detail

// Options in any order: a unit, range(..), one_of(..), format::path, and the doc line.
template <class P, class T, class... O>
constexpr auto param(const char* name, T P::*member, O... options) {
  detail::ParamSpec<P, T> s{name, member};
  (s.set(options), ...);
  return s;
}
template <class... S>
constexpr detail::ParamTable<S...> params(S... specs) {
  return {{specs...}};
}

}  // namespace mole
