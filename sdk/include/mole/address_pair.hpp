// AddressPair: two addresses as one key for FlatMap, FlatSet and RunMap, 8 bytes for IPv4, 32 for IPv6.
//
//   using Pair = mole::AddressPair<std::uint32_t>;
//   const Pair::Key key = Pair::key(0x0a000001, 0x0a000002);
#pragma once

#include <mole/addr.hpp>

#include <array>
#include <cstdint>
#include <cstring>

namespace mole {

template <class A>
struct AddressPair;

template <>
struct AddressPair<std::uint32_t> {
  using Key = std::uint64_t;
  static Key key(std::uint32_t a, std::uint32_t b) { return std::uint64_t{a} << 32 | b; }
  static std::uint32_t first(Key k) { return static_cast<std::uint32_t>(k >> 32); }
  static std::uint32_t second(Key k) { return static_cast<std::uint32_t>(k); }
};

template <>
struct AddressPair<Addr> {
  using Key = std::array<std::uint64_t, 4>;
  static Key key(const Addr& a, const Addr& b) {
    Key k;
    std::memcpy(k.data(), a.bytes.data(), 16);
    std::memcpy(k.data() + 2, b.bytes.data(), 16);
    return k;
  }
  static Addr first(const Key& k) { return Addr::v6(k.data()); }
  static Addr second(const Key& k) { return Addr::v6(k.data() + 2); }
};

}  // namespace mole
