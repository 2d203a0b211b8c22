// Whether a class has a member of some name, whatever its signature and access. An optional function that is declared with a
// wrong signature is then an error of the compiler, and not ignored.
#pragma once

#include <type_traits>

namespace mole::detail {

struct MergeName {
  int merge;
};
struct BeginName {
  int begin;
};
struct SaveName {
  int save;
};
struct LoadName {
  int load;
};

// Inherits the name twice if T has it, which makes the name ambiguous.
template <class T, class Name>
struct WithName : T, Name {};

// Of a final class, only public members that are not overloaded are found.
template <class T>
constexpr bool has_merge() {
  if constexpr (!std::is_class_v<T>)
    return false;
  else if constexpr (std::is_final_v<T>)
    return requires { &T::merge; };
  else
    return !requires { &WithName<T, MergeName>::merge; };
}

template <class T>
constexpr bool has_begin() {
  if constexpr (std::is_final_v<T>) return requires {
      &T::begin;
    };
  else
    return !requires { &WithName<T, BeginName>::begin; };
}

template <class T>
concept NamesSave = requires {
  &T::save;
};
template <class T>
concept NamesLoad = requires {
  &T::load;
};
template <class T>
constexpr bool has_save_or_load() {
  if constexpr (std::is_final_v<T>)
    return NamesSave<T> || NamesLoad<T>;
  else
    return !NamesSave<WithName<T, SaveName>> || !NamesLoad<WithName<T, LoadName>>;
}

}  // namespace mole::detail
