// State: which members of a metric are saved, in which order, and how they are encoded.
//
//   struct ByteCount {
//     std::uint64_t total = 0;
//     static constexpr auto state = mole::fields(&ByteCount::total);
//
//     void merge(const ByteCount& other) { mole::merge_fields(*this, other); }   // merges all fields
//   };
//
// If the meaning of a field changes but its type does not, increase the revision: mole::fields<2>(&ByteCount::total).
//
// Fields follow one another, little endian, without padding. Lists and strings start with a u64 count; sets and maps are sorted,
// so that equal states save to equal bytes. Loading rejects corrupt bytes and never allocates more memory than their number
// justifies.
//
// A member may be an integer, bool, double, Time, Addr, std::string, a std::array, std::vector, std::optional, std::pair, set or
// map of these, a container or sketch of the SDK, a struct with its own `fields`, or any type with `save(StateWriter&) const`,
// `load(StateReader&)`, `static std::string shape()` and `min_size` (the fewest bytes it saves).
#pragma once

#include <mole/detail/codec.hpp>
#include <mole/detail/members.hpp>

#include <array>
#include <cstdint>
#include <tuple>
#include <type_traits>

namespace mole {
namespace detail {

template <std::uint32_t Revision, class... P>
struct FieldTable {
  static constexpr std::uint32_t revision = Revision;
  std::tuple<P...> members;
};

}  // namespace detail

template <std::uint32_t Revision = 1, class... P>
constexpr detail::FieldTable<Revision, P...> fields(P... members) {
  return {{members...}};
}

template <class T>
void merge_fields(T& into, const T& from);

namespace detail {

template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;

template <class T>
void merge_value(T& into, const T& from) {
  constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<T, bool>;
  constexpr bool has_fields = requires { T::state.members; };
  if constexpr (requires { into.merge(from); }) {
    into.merge(from);
  } else if constexpr (has_fields && has_merge<T>()) {
    static_assert(!has_merge<T>(), "the `merge` of a field must be a public member declared as: void merge(const T& other)");
  } else if constexpr (is_integer) {
    into = static_cast<T>(into + from);
  } else if constexpr (is_array<T>) {
    for (std::size_t i = 0; i < into.size(); ++i) merge_value(into[i], from[i]);
  } else {
    static_assert(has_fields, "merge_fields adds integers and calls `merge` of other types; sum doubles in a mole::ExactSum");
    merge_fields(into, from);
  }
}

}  // namespace detail

// Merges each field of `from` into the same field of `into`: integers and arrays of them are added, other types are merged with
// their `merge` or, without one, field by field.
template <class T>
void merge_fields(T& into, const T& from) {
  std::apply([&](auto... member) { (detail::merge_value(into.*member, from.*member), ...); }, T::state.members);
}

}  // namespace mole
