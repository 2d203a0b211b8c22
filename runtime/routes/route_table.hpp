// Longest-prefix match from addresses to AS numbers: one load for most IPv4 addresses (DIR-24-8; Gupta, Lin, McKeown: Routing
// lookups in hardware at memory access speeds, INFOCOM 1998), a binary search of sorted ranges for IPv6 addresses.
//
//   entry of the first level, one for each /24:   0..2^30-1   the AS number, 0: unknown
//                                                 10......    + index of a node with 256 entries, one per address
//                                                 11......    + index of an AS number that needs more than 30 bits
//
// Immutable after build: any number of threads may call find().
#pragma once

#include "sdk/model/routes.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace mole::runtime {

class RouteTable {
 public:
  // If several routes have the same prefix, the first one is used. exhausted: too many networks with prefixes longer than /24, or
  // not enough memory.
  static Result<RouteTable> build(const RouteList& routes);

  std::uint32_t find(std::uint32_t address) const {
    const std::uint32_t entry = first_[address >> 8];
    return entry >> 30 == 0 ? entry : resolve(entry, address);
  }
  // `high`, `low`: the halves of an IPv6 address in host order. An IPv4-mapped address is looked up as the IPv4 address.
  std::uint32_t find(std::uint64_t high, std::uint64_t low) const;

  // Look up `rows` addresses: u32 in host order, or (find_v6) 16 bytes in network order.
  void find(const std::uint32_t* addresses, std::size_t rows, std::uint32_t* as) const;
  void find_v6(const std::uint8_t* addresses, std::size_t rows, std::uint32_t* as) const;

  std::size_t bytes() const;  // of memory

 private:
  struct Unmap {
    void operator()(std::uint32_t* memory) const;
  };
  using Address6 = unsigned __int128;
  static constexpr std::size_t first_level = std::size_t{1} << 24;
  static constexpr std::uint32_t node_mark = 0x80000000u, wide_mark = 0xc0000000u, index_mask = 0x3fffffffu;

  Result<> map_first_level();
  Result<> fill(const std::vector<RouteList::V4>& routes);
  Result<> fill_within(std::uint32_t first, std::uint32_t last, std::uint32_t entry);
  void set_ranges(const std::vector<RouteList::V6>& routes);
  std::uint32_t encoded(std::uint32_t as) const;
  std::uint32_t resolve(std::uint32_t entry, std::uint32_t address) const;

  std::unique_ptr<std::uint32_t[], Unmap> first_;
  std::vector<std::uint32_t> nodes_;  // 256 entries each
  std::vector<std::uint32_t> wide_;   // AS numbers of more than 30 bits, ascending
  // IPv6: addresses from starts6_[i] up to the next start belong to as6_[i]. The ranges that begin at addresses whose first 16
  // bits are h have indexes in [index6_[h], index6_[h + 1]). Empty: no IPv6 routes.
  std::vector<Address6> starts6_;
  std::vector<std::uint32_t> as6_, index6_;
};

}  // namespace mole::runtime
