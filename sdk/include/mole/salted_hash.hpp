// The hash of the flat tables: it differs from process to process, so that no traffic can be made up to collide.
#pragma once

#include <mole/addr.hpp>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace mole::detail {

// Upper bits are the better ones. The address of an object serves as salt: it is chosen anew for each process.
template <class Key>
std::uint64_t salted_hash(const Key& key) {
  static_assert(std::is_unsigned_v<Key> || std::is_same_v<Key, Addr>, "a flat table's keys are unsigned numbers or mole::Addr");
  static constexpr char salt = 0;
  std::uint64_t x = reinterpret_cast<std::uintptr_t>(&salt);
  if constexpr (std::is_same_v<Key, Addr>) {
    std::uint64_t half[2];
    std::memcpy(half, key.bytes.data(), sizeof half);
    x = (half[0] ^ x) * 0x9e3779b97f4a7c15u;
    x ^= x >> 32 ^ half[1];
  } else {
    x ^= key;
  }
  x *= 0x9e3779b97f4a7c15u;
  return (x ^ x >> 32) * 0xd6e8feb86659fd93u;
}

}  // namespace mole::detail
