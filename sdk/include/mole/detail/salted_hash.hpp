// The hash of the flat tables. It differs between processes, so that nobody can craft traffic whose keys collide. Keys are
// unsigned numbers, mole::Addr, or std::array<std::uint64_t, N> for wider keys (pairs of addresses, 5-tuples).
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

// The upper bits are the best ones. The salt is the address of an object, which is random in each process.
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
