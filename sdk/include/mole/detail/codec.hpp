// Saves and loads all types of state fields, and describes them in the state's shape. Layout: docs/formats/metric_state.md.
#pragma once

#include <mole/addr.hpp>
#include <mole/columns.hpp>
#include <mole/detail/members.hpp>
#include <mole/state_stream.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace mole::detail {
static_assert(std::endian::native == std::endian::little, "states and batches are little endian");

template <class T>
struct Codec;

template <class T>
void save_value(StateWriter& w, const T& v) {
  Codec<T>::save(w, v);
}
template <class T>
void load_value(StateReader& r, T& v) {
  Codec<T>::load(r, v);
}
template <class T>
std::string shape_of() {
  return Codec<T>::shape();
}

template <class T>
concept Number = std::is_same_v<T, double> ||(std::integral<T> && !std::is_same_v<T, bool>);

template <class T>
concept Raw = Number<T> || std::is_same_v<T, Addr> || std::is_same_v<T, Time>;  // saved as in memory

template <class T>
requires Raw<T>
struct Codec<T> {
  static constexpr std::size_t min_size = sizeof(T);
  static void save(StateWriter& w, const T& v) { w.bytes(&v, sizeof v); }
  static void load(StateReader& r, T& v) { std::memcpy(&v, r.take(sizeof v), sizeof v); }
  static std::string shape() {
    if (std::is_same_v<T, Addr>) return "addr";
    if (std::is_same_v<T, Time>) return "time";
    if (std::is_same_v<T, double>) return "f64";
    return (std::is_signed_v<T> ? "i" : "u") + std::to_string(8 * sizeof(T));
  }
};

template <>
struct Codec<bool> {
  static constexpr std::size_t min_size = 1;
  static void save(StateWriter& w, bool v) { w.bytes(v ? "\1" : "\0", 1); }
  static void load(StateReader& r, bool& v) {
    const char c = *r.take(1);
    if (c != 0 && c != 1) StateReader::reject("a bool is neither 0 nor 1");
    v = c == 1;
  }
  static std::string shape() { return "bool"; }
};

template <>
struct Codec<std::string> {
  static constexpr std::size_t min_size = 8;
  static void save(StateWriter& w, const std::string& v) {
    save_value(w, std::uint64_t{v.size()});
    w.bytes(v.data(), v.size());
  }
  static void load(StateReader& r, std::string& v) {
    const auto n = r.count(1);
    v.assign(r.take(n), n);
  }
  static std::string shape() { return "text"; }
};

template <class T, std::size_t N>
struct Codec<std::array<T, N>> {
  static constexpr std::size_t min_size = N * Codec<T>::min_size;
  static void save(StateWriter& w, const std::array<T, N>& v) {
    for (const auto& x : v) save_value(w, x);
  }
  static void load(StateReader& r, std::array<T, N>& v) {
    for (auto& x : v) load_value(r, x);
  }
  static std::string shape() { return "array<" + shape_of<T>() + "," + std::to_string(N) + ">"; }
};

template <class T>
struct Codec<std::vector<T>> {
  static_assert(!std::is_same_v<T, bool>, "use std::vector<std::uint8_t>");
  static constexpr std::size_t min_size = 8;
  static void save(StateWriter& w, const std::vector<T>& v) {
    save_value(w, std::uint64_t{v.size()});
    if constexpr (Raw<T>)
      w.bytes(v.data(), v.size() * sizeof(T));
    else
      for (const auto& x : v) save_value(w, x);
  }
  static void load(StateReader& r, std::vector<T>& v) {
    const auto n = r.count(Codec<T>::min_size);
    v.clear();
    if constexpr (Raw<T>) {
      v.resize(n);
      if (n > 0) std::memcpy(v.data(), r.take(n * sizeof(T)), n * sizeof(T));
    } else {
      for (std::size_t i = 0; i < n; ++i) load_value(r, v.emplace_back());
    }
  }
  static std::string shape() { return "list<" + shape_of<T>() + ">"; }
};

template <class T>
struct Codec<std::optional<T>> {
  static constexpr std::size_t min_size = 1;
  static void save(StateWriter& w, const std::optional<T>& v) {
    save_value(w, v.has_value());
    if (v) save_value(w, *v);
  }
  static void load(StateReader& r, std::optional<T>& v) {
    bool present;
    load_value(r, present);
    v.reset();
    if (present) load_value(r, v.emplace());
  }
  static std::string shape() { return "optional<" + shape_of<T>() + ">"; }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static constexpr std::size_t min_size = Codec<A>::min_size + Codec<B>::min_size;
  static void save(StateWriter& w, const std::pair<A, B>& v) {
    save_value(w, v.first);
    save_value(w, v.second);
  }
  static void load(StateReader& r, std::pair<A, B>& v) {
    load_value(r, v.first);
    load_value(r, v.second);
  }
  static std::string shape() { return shape_of<A>() + "," + shape_of<B>(); }
};

// Loads n keys, which must be in ascending order, and calls f(key) after each; f may load further values.
template <class Key, class F>
void load_ascending(StateReader& r, std::size_t n, const char* unsorted, F f) {
  Key key{}, before{};
  for (std::size_t i = 0; i < n; ++i, before = std::move(key)) {
    load_value(r, key);
    if (i > 0 && !(before < key)) StateReader::reject(unsorted);
    f(key);
  }
}

template <class T>
concept Set = requires {
  typename T::key_type;
}
&&!requires { typename T::mapped_type; }
&&requires(T t) { t.emplace(); };
template <class T>
concept Map = requires {
  typename T::mapped_type;
};

template <class T>
requires Set<T> || Map<T>
struct Codec<T> {
  using Key = typename T::key_type;
  static constexpr std::size_t min_size = 8;

  static const Key& key_of(const typename T::value_type& entry) {
    if constexpr (Map<T>)
      return entry.first;
    else
      return entry;
  }
  static void save(StateWriter& w, const T& v) {
    save_value(w, std::uint64_t{v.size()});
    std::vector<const typename T::value_type*> sorted;
    sorted.reserve(v.size());
    for (const auto& entry : v) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return key_of(*a) < key_of(*b); });
    for (const auto* entry : sorted) {
      save_value(w, key_of(*entry));
      if constexpr (Map<T>) save_value(w, entry->second);
    }
  }
  static void load(StateReader& r, T& v) {
    v.clear();
    load_ascending<Key>(r, r.count(Codec<Key>::min_size), "a set or map is not sorted", [&](const Key& key) {
      if constexpr (Map<T>)
        load_value(r, v[key]);
      else
        v.insert(key);
    });
  }
  static std::string shape() {
    if constexpr (Map<T>)
      return "map<" + shape_of<Key>() + "," + shape_of<typename T::mapped_type>() + ">";
    else
      return "set<" + shape_of<Key>() + ">";
  }
};

template <class T>
requires requires(const T& t, StateWriter& w) { t.save(w); }
struct Codec<T> {
  static constexpr std::size_t min_size = T::min_size;
  static void save(StateWriter& w, const T& v) { v.save(w); }
  static void load(StateReader& r, T& v) { v.load(r); }
  static std::string shape() { return T::shape(); }
};

template <class T>
requires requires { T::state.members; }
struct Codec<T> {
  static_assert(
      !has_save_or_load<T>(),
      "a type saves either its `state` or itself, with void save(mole::StateWriter&) const, void load(mole::StateReader&), "
      "static std::string shape() and min_size");
  template <class C, class V>
  static V member_type(V C::*);

  static void save(StateWriter& w, const T& v) {
    std::apply([&](auto... m) { (save_value(w, v.*m), ...); }, T::state.members);
  }
  static void load(StateReader& r, T& v) {
    std::apply([&](auto... m) { (load_value(r, v.*m), ...); }, T::state.members);
  }
  template <class F>
  static constexpr auto over_types(F f) {
    return std::apply([&](auto... m) { return f(std::type_identity<decltype(member_type(m))>{}...); }, T::state.members);
  }
  static constexpr std::size_t min_size =
      over_types([](auto... t) { return (Codec<typename decltype(t)::type>::min_size + ... + 0); });
  static std::string shape() {
    return over_types([](auto... t) {
      std::string all;
      ((all += (all.empty() ? "" : ",") + shape_of<typename decltype(t)::type>()), ...);
      return all;
    });
  }
};

// Returns the 64-bit FNV-1a hash as 16 hex digits.
inline std::string shape_hash(std::string_view shape) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : shape) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; h >>= 4) out[i] = "0123456789abcdef"[h & 15];
  return out;
}

}  // namespace mole::detail
