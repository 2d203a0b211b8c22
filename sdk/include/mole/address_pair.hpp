// Metrics of pairs of addresses: keys for the flat tables, and flows sorted out by family.
//
//   mole::FlatSet<mole::AddressPair<std::uint32_t>::Key> v4;
//   mole::FlatSet<mole::AddressPair<mole::Addr>::Key> v6;
//   mole::for_families<mole::src_addr, mole::dst_addr>(flows, [&](auto src, auto dst, std::size_t first) {
//     // src, dst: spans of std::uint32_t or mole::Addr; row i of them is row first + i of the batch
//   });
#pragma once

#include <mole/columns.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace mole {

// Two addresses as one key: 8 bytes, or 32.
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

// Calls f(a, b, first) for all rows of the batch, in runs: as numbers where both addresses are IPv4 or map IPv4 ones, else as
// Addr. So an address is told from its mapped form nowhere.
template <class ColumnA, class ColumnB, class Flows, class F>
void for_families(const Flows& flows, F f) {
  if (flows.address_family() != 6) return f(flows.template span4<ColumnA>(), flows.template span4<ColumnB>(), std::size_t{0});
  const auto a = flows.template span6<ColumnA>(), b = flows.template span6<ColumnB>();
  std::size_t first = 0;
  for (std::size_t i = 0; i <= a.size(); ++i) {
    const bool mapped = i < a.size() && a[i].is_v4() && b[i].is_v4();
    if (i < a.size() && !mapped) continue;
    if (i > first) f(a.subspan(first, i - first), b.subspan(first, i - first), first);
    if (mapped) {
      const std::uint32_t a4 = a[i].v4_value(), b4 = b[i].v4_value();
      f(std::span(&a4, 1), std::span(&b4, 1), i);
    }
    first = i + 1;
  }
}

}  // namespace mole
