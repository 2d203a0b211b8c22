// The hash of the flat tables: it differs from process to process, so that no traffic can be made up to collide. Keys are
// unsigned numbers, mole::Addr, and for what is wider (a pair of addresses, a 5-tuple) std::array<std::uint64_t, N>.
#pragma once

#include <mole/addr.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace mole::detail {

template <class Key>
inline constexpr bool is_wide_key = false;
template <std::size_t N>
inline constexpr bool is_wide_key<std::array<std::uint64_t, N>> = true;

template <class Key>
concept FlatKey = std::is_unsigned_v<Key> || std::is_same_v<Key, Addr> || is_wide_key<Key>;

// Upper bits are the better ones. The address of an object serves as salt: it is chosen anew for each process.
template <FlatKey Key>
std::uint64_t salted_hash(const Key& key) {
  static constexpr char salt = 0;
  std::uint64_t x = reinterpret_cast<std::uintptr_t>(&salt);
  if constexpr (std::is_same_v<Key, Addr>) {
    std::uint64_t half[2];
    std::memcpy(half, key.bytes.data(), sizeof half);
    x = (half[0] ^ x) * 0x9e3779b97f4a7c15u;
    x ^= x >> 32 ^ half[1];
  } else if constexpr (is_wide_key<Key>) {
    for (std::size_t i = 0; i + 1 < key.size(); ++i) {
      x = (key[i] ^ x) * 0x9e3779b97f4a7c15u;
      x ^= x >> 32;
    }
    x ^= key.back();
  } else {
    x ^= key;
  }
  x *= 0x9e3779b97f4a7c15u;
  return (x ^ x >> 32) * 0xd6e8feb86659fd93u;
}

}  // namespace mole::detail
