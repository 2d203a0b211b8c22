// Addr: an IPv4 or IPv6 address, 16 bytes in network order. IPv4 addresses are stored as mapped addresses (::ffff:a.b.c.d), so
// that comparisons do not depend on the family.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mole {

struct Addr {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Addr&) const = default;

  // `value`: the address as a number, 10.0.0.1 is 0x0a000001.
  static constexpr Addr v4(std::uint32_t value) {
    Addr a;
    a.bytes[10] = a.bytes[11] = 0xff;
    for (int i = 0; i < 4; ++i) a.bytes[static_cast<std::size_t>(12 + i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
    return a;
  }
  static Addr v6(const void* network_order) {
    Addr a;
    std::memcpy(a.bytes.data(), network_order, 16);
    return a;
  }
  bool is_v4() const {
    static constexpr std::uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(bytes.data(), prefix, sizeof prefix) == 0;
  }
  // The IPv4 address as a number; meaningful only if is_v4().
  constexpr std::uint32_t v4_value() const {
    return std::uint32_t{bytes[12]} << 24 | std::uint32_t{bytes[13]} << 16 | std::uint32_t{bytes[14]} << 8 | bytes[15];
  }
};
static_assert(sizeof(Addr) == 16 && alignof(Addr) == 1);

}  // namespace mole
