// The hash function of FlatMap and FlatSet. It differs between processes, so that traffic cannot be crafted to collide. Keys are
// unsigned numbers, mole::Addr, or std::array<std::uint64_t, N> for wider keys (pairs of addresses, 5-tuples).
#pragma once

#include <mole/addr.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace mole::detail {

template <class Key>
inline constexpr bool is_wide_key = false;
template <std::size_t N>
inline constexpr bool is_wide_key<std::array<std::uint64_t, N>> = true;

template <class Key>
concept FlatKey = std::is_unsigned_v<Key> || std::is_same_v<Key, Addr> || is_wide_key<Key>;

// The upper bits are mixed best. The salt is the address of an object, which is random in each process.
inline std::uint64_t hash_salt() {
  static constexpr char salt = 0;
  return reinterpret_cast<std::uintptr_t>(&salt);
}

// `words` must not be empty.
inline std::uint64_t salted_hash(std::span<const std::uint64_t> words) {
  std::uint64_t x = hash_salt();
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    x = (words[i] ^ x) * 0x9e3779b97f4a7c15u;
    x ^= x >> 32;
  }
  x = (x ^ words.back()) * 0x9e3779b97f4a7c15u;
  return (x ^ x >> 32) * 0xd6e8feb86659fd93u;
}

template <FlatKey Key>
std::uint64_t salted_hash(const Key& key) {
  if constexpr (is_wide_key<Key>) {
    return salted_hash(std::span<const std::uint64_t>(key));
  } else if constexpr (std::is_same_v<Key, Addr>) {
    std::uint64_t half[2];
    std::memcpy(half, key.bytes.data(), sizeof half);
    return salted_hash(std::span<const std::uint64_t>(half));
  } else {
    const std::uint64_t word = key;
    return salted_hash(std::span<const std::uint64_t>(&word, 1));
  }
}

}  // namespace mole::detail
