// MOLE_PLUGINS(ByteCount, PacketCount) defines the exported symbol. Use it once per library, at file level.
//
// With MOLE_NO_ENTRY, which mole_add_plugin defines for tests, it defines nothing: tests call the plugin's functions directly.
#pragma once

#include <mole/abi.h>
#include <mole/detail/describe.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace mole::detail {

// Kind id, function table and descriptor of a kind of plugin; specialised for each.
template <Kind K>
struct Glue;

template <class P>
const mole_plugin* plugin_of() {
  using G = Glue<std::remove_cvref_t<decltype(P::about)>::kind>;
  static const std::string descriptor = G::template describe<P>();
  static const mole_plugin plugin{sizeof(mole_plugin), 0, G::kind_id, descriptor.c_str(), &G::template vtable<P>};
  return &plugin;
}

template <class... P>
struct Entry {
  static std::uint32_t count() { return sizeof...(P); }
  static const mole_plugin* plugin(std::uint32_t index) noexcept {
    using Get = const mole_plugin* (*)();
    static constexpr Get all[] = {&plugin_of<P>...};
    try {
      return index < sizeof...(P) ? all[index]() : nullptr;
    } catch (...) {  // out of memory
      return nullptr;
    }
  }
};

}  // namespace mole::detail

#ifdef MOLE_NO_ENTRY
#define MOLE_PLUGINS(...) static_assert(true);
#else
#define MOLE_PLUGINS(...)                                                                                                        \
  extern "C" __attribute__((visibility("default"))) const mole_entry mole_plugin_entry;                                          \
  const mole_entry mole_plugin_entry{MOLE_ABI_MAGIC, MOLE_ABI_MAJOR, MOLE_ABI_MINOR, &::mole::detail::Entry<__VA_ARGS__>::count, \
                                     &::mole::detail::Entry<__VA_ARGS__>::plugin};
#endif
