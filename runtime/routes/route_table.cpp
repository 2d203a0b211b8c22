#include "runtime/routes/route_table.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace mole::runtime {
namespace {

constexpr std::size_t max_nodes = 262'144;  // 256 MiB; Internet routing tables have few prefixes longer than /24

std::uint64_t big_endian(const std::uint8_t* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return __builtin_bswap64(word);
}

std::uint32_t network(const RouteList::V4& route) { return route.network; }
unsigned __int128 network(const RouteList::V6& route) { return static_cast<unsigned __int128>(route.high) << 64 | route.low; }

// Addresses from `start` up to the start of the next range belong to this AS.
template <class Address>
struct Range {
  Address start;
  std::uint32_t as;
};

// Converts routes to ranges that cover all addresses; adjacent ranges of the same AS are merged. Sweeps over the networks by
// their start, with the open ones on a stack, the innermost on top. The cost is that of sorting, even if prefixes overlap.
template <class Address, class Route>
std::vector<Range<Address>> ranges_of(const std::vector<Route>& routes) {
  constexpr Address last_address = ~Address{0};
  struct Open {
    Address last;
    std::uint32_t as;
  };
  const auto before = [&](std::uint32_t a, std::uint32_t b) {  // of equal prefixes, the first one is opened last
    const auto x = network(routes[a]), y = network(routes[b]);
    return x != y ? x < y : routes[a].length != routes[b].length ? routes[a].length < routes[b].length : a > b;
  };
  std::vector<std::uint32_t> order(routes.size());
  std::iota(order.begin(), order.end(), 0u);
  if (!std::is_sorted(order.begin(), order.end(), before)) std::sort(order.begin(), order.end(), before);

  std::vector<Range<Address>> ranges{{0, 0}};
  const auto begin_range = [&](Address at, std::uint32_t as) {
    if (ranges.back().start == at) ranges.pop_back();
    if (ranges.empty() || ranges.back().as != as) ranges.push_back({at, as});
  };
  std::vector<Open> open{{last_address, 0}};
  const auto close_before = [&](Address first) {
    while (open.size() > 1 && open.back().last < first) {
      const Address next = open.back().last + 1;
      open.pop_back();
      begin_range(next, open.back().as);
    }
  };
  for (const auto i : order) {
    const auto first = network(routes[i]);
    const int length = routes[i].length;
    close_before(first);
    open.push_back(
        {length == 0 ? last_address : static_cast<Address>(first | (static_cast<Address>(last_address >> (length - 1)) >> 1)),
         routes[i].as});
    begin_range(first, routes[i].as);
  }
  close_before(last_address);  // networks that end at the last address have no range after them
  return ranges;
}

}  // namespace

void RouteTable::Unmap::operator()(std::uint32_t* memory) const { ::munmap(memory, first_level * sizeof(std::uint32_t)); }

// Pages that are never written use no memory. Requests huge pages, because lookups miss the TLB more often than the cache.
Result<> RouteTable::map_first_level() {
  constexpr std::size_t size = first_level * sizeof(std::uint32_t), huge = std::size_t{2} << 20;
  void* memory = ::mmap(nullptr, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return exhausted("not enough memory for a routing table (64 MiB); give the worker more (--memory)");
  auto* const begin = static_cast<std::byte*>(memory);
  auto* const aligned = begin + (huge - reinterpret_cast<std::uintptr_t>(begin) % huge) % huge;
  if (aligned > begin) ::munmap(begin, static_cast<std::size_t>(aligned - begin));
  if (const auto rest = huge - static_cast<std::size_t>(aligned - begin); rest > 0) ::munmap(aligned + size, rest);
  (void)::madvise(aligned, size, MADV_HUGEPAGE);
  first_.reset(reinterpret_cast<std::uint32_t*>(aligned));
  return {};
}

Result<RouteTable> RouteTable::build(const RouteList& routes) {
  RouteTable table;
  if (auto mapped = table.map_first_level(); !mapped) return mapped.error();
  if (auto filled = table.fill(routes.v4); !filled) return filled.error();
  if (!routes.v6.empty()) table.set_ranges(routes.v6);
  return table;
}

Result<> RouteTable::fill(const std::vector<RouteList::V4>& routes) {
  for (const auto& route : routes)
    if (route.as > index_mask) wide_.push_back(route.as);
  std::sort(wide_.begin(), wide_.end());
  wide_.erase(std::unique(wide_.begin(), wide_.end()), wide_.end());
  const auto ranges = ranges_of<std::uint32_t>(routes);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].as == 0 && ranges.size() == 1) return {};  // untouched pages are zero and use no memory
    const std::uint32_t entry = encoded(ranges[i].as);
    std::uint32_t first = ranges[i].start;
    const std::uint32_t last = i + 1 < ranges.size() ? ranges[i + 1].start - 1 : ~std::uint32_t{0};
    if ((first & 255) != 0 || last - first < 255) {
      const std::uint32_t end = std::min(last, first | 255);
      if (auto filled = fill_within(first, end, entry); !filled) return filled;
      if (end == last) continue;
      first = end + 1;
    }
    const std::uint32_t whole = (last - first + 1) >> 8;  // 0: all networks, or none
    const std::size_t nets = whole == 0 && last - first >= 255 ? first_level : whole;
    if (ranges[i].as != 0) std::fill_n(first_.get() + (first >> 8), nets, entry);
    if ((last & 255) != 255)
      if (auto filled = fill_within(last & ~std::uint32_t{255}, last, entry); !filled) return filled;
  }
  return {};
}

// Sets addresses of one /24, which becomes a node. The ranges are disjoint and cover all addresses, so every entry is written.
Result<> RouteTable::fill_within(std::uint32_t first, std::uint32_t last, std::uint32_t entry) {
  std::uint32_t& net = first_[first >> 8];
  if (net >> 30 != 2) {
    const std::size_t node = nodes_.size() / 256;
    if (node == max_nodes)
      return exhausted("a routing table has prefixes longer than /24 in more than " + std::to_string(max_nodes) +
                       " networks; leave them out");
    nodes_.resize(nodes_.size() + 256);
    net = node_mark | static_cast<std::uint32_t>(node);
  }
  std::fill_n(nodes_.begin() + (net & index_mask) * std::ptrdiff_t{256} + (first & 255), last - first + 1, entry);
  return {};
}

std::uint32_t RouteTable::encoded(std::uint32_t as) const {
  if (as <= index_mask) return as;
  return wide_mark | static_cast<std::uint32_t>(std::lower_bound(wide_.begin(), wide_.end(), as) - wide_.begin());
}

std::uint32_t RouteTable::resolve(std::uint32_t entry, std::uint32_t address) const {
  if (entry >> 30 == 2) entry = nodes_[std::size_t{entry & index_mask} * 256 + (address & 255)];
  return entry >> 30 == 0 ? entry : wide_[entry & index_mask];
}

void RouteTable::set_ranges(const std::vector<RouteList::V6>& routes) {
  for (const auto& range : ranges_of<Address6>(routes)) {
    starts6_.push_back(range.start);
    as6_.push_back(range.as);
  }
  for (std::size_t h = 0, i = 0; h <= 65'536; ++h) {
    while (i < starts6_.size() && starts6_[i] >> 112 < h) ++i;
    index6_.push_back(static_cast<std::uint32_t>(i));
  }
}

std::uint32_t RouteTable::find(std::uint64_t high, std::uint64_t low) const {
  if (high == 0 && low >> 32 == 0xffff) return find(static_cast<std::uint32_t>(low));
  if (as6_.empty()) return 0;
  const auto from = starts6_.begin() + index6_[high >> 48], to = starts6_.begin() + index6_[(high >> 48) + 1];
  const auto after = std::upper_bound(
      from, to, static_cast<Address6>(high) << 64 | low);  // may be `from`: then the previous range contains the address
  return as6_[static_cast<std::size_t>(after - starts6_.begin()) - 1];
}

void RouteTable::find(const std::uint32_t* addresses, std::size_t rows, std::uint32_t* as) const {
  const std::uint32_t* const first = first_.get();
  for (std::size_t i = 0; i < rows; ++i) {
    const std::uint32_t entry = first[addresses[i] >> 8];
    as[i] = __builtin_expect(entry >> 30 == 0, 1) ? entry : resolve(entry, addresses[i]);
  }
}

void RouteTable::find_v6(const std::uint8_t* addresses, std::size_t rows, std::uint32_t* as) const {
  for (std::size_t i = 0; i < rows; ++i) as[i] = find(big_endian(addresses + 16 * i), big_endian(addresses + 16 * i + 8));
}

std::size_t RouteTable::bytes() const {
  return first_level * sizeof(std::uint32_t) +
         (nodes_.size() + wide_.size() + as6_.size() + index6_.size()) * sizeof(std::uint32_t) +
         starts6_.size() * sizeof(Address6);
}

}  // namespace mole::runtime
