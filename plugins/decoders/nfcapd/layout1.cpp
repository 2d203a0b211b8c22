#include "layout1.hpp"

#include "elements.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace mole::plugins::nfcapd {
namespace {

constexpr std::uint8_t flag_ipv6 = 1, flag_packets64 = 2, flag_bytes64 = 4, flag_event = 64, flag_sampled = 128;
constexpr std::size_t fixed_size = 28, extended_size = 32;

// Extensions of layout 1, by the number in extension maps.
namespace extension {
enum : std::uint16_t {
  interfaces16 = 4,
  interfaces32,
  as16,
  as32,
  misc,
  next_hop4,
  next_hop6,
  bgp_next_hop4,
  bgp_next_hop6,
  vlans,
  out_packets32,
  out_packets64,
  out_bytes32,
  out_bytes64,
  flows32,
  flows64,
  mac1,
  mac2,
  mpls,
  exporter4,
  exporter6,
  engine,
  adjacent_as,
  received,
  firewall_event = 37,
  nat_ports,
  nat_addresses4,
  nat_addresses6,
  acl,
  user,
  long_user,
  latency = 45,
  nat_event,
  nat_global4,
  port_block,
  end
};
}
// Their sizes; 0: unknown, so that the extensions after it cannot be found.
constexpr std::array<std::uint8_t, extension::end> extension_sizes{0, 0, 0, 0,  4,  8,  4,  8,  4,  4,  16, 4,  16, 4, 4, 8, 4,
                                                                   8, 4, 8, 16, 16, 40, 4,  16, 4,  8,  8,  0,  0,  0, 0, 0, 0,
                                                                   0, 0, 0, 20, 4,  8,  32, 24, 24, 72, 0,  24, 12, 8, 8};

// Builds a flow record of version 3.
class Builder {
 public:
  explicit Builder(std::vector<std::byte>& out) : out_(out), start_(out.size()) { out_.resize(start_ + flow_header_size); }

  template <class T>
  void header(std::size_t at, T value) {
    std::memcpy(out_.data() + start_ + at, &value, sizeof value);
  }
  // Adds an element of zeros and returns its position.
  std::size_t add(Element element, std::size_t size) {
    const std::size_t at = out_.size();
    out_.resize(at + element_header_size + size);
    put(at, static_cast<std::uint16_t>(element));
    put(at + 2, static_cast<std::uint16_t>(element_header_size + size));
    ++elements_;
    return at + element_header_size;
  }
  void add(Element element, const std::byte* fields, std::size_t size) {
    const std::size_t at = add(element, size);
    std::memcpy(out_.data() + at, fields, size);
  }
  template <class T>
  void put(std::size_t at, T value) {
    std::memcpy(out_.data() + at, &value, sizeof value);
  }
  void finish() {
    header(0, static_cast<std::uint16_t>(RecordType::flow));
    header(2, static_cast<std::uint16_t>(out_.size() - start_));
    header(4, elements_);
  }

 private:
  std::vector<std::byte>& out_;
  std::size_t start_;
  std::uint16_t elements_ = 0;
};

}  // namespace

Layout1::Converted Layout1::convert(std::span<const std::byte> block) {
  out_.clear();
  Converted converted;
  while (block.size() >= element_header_size) {
    const auto type = static_cast<RecordType>(load<std::uint16_t>(block.data()));
    const auto size = load<std::uint16_t>(block.data() + 2);
    if (size < element_header_size || size > block.size()) break;
    const auto record = block.first(size);
    if (type == RecordType::flow1 || type == RecordType::flow1_extended) {
      if (!convert_flow(record)) ++converted.unreadable;
    } else {
      if (type == RecordType::extension_map) add_map(record);
      out_.insert(out_.end(), record.begin(), record.end());
    }
    block = block.subspan(size);
  }
  out_.insert(out_.end(), block.begin(), block.end());  // what the caller reports
  converted.records = out_;
  return converted;
}

void Layout1::add_map(std::span<const std::byte> record) {
  constexpr std::size_t first = 8, max_extensions = 64;
  if (record.size() < first) return;
  auto& map = maps_[load<std::uint16_t>(record.data() + 4)];
  map.clear();
  for (std::size_t at = first; at + 2 <= record.size() && map.size() < max_extensions; at += 2) {
    const auto id = load<std::uint16_t>(record.data() + at);
    if (id == 0) break;
    map.push_back(id);
  }
}

// Returns false, and adds nothing, if the extension map is missing or the flow does not fit in its record.
bool Layout1::convert_flow(std::span<const std::byte> record) {
  const std::byte* p = record.data();
  const bool extended = load<std::uint16_t>(p) == static_cast<std::uint16_t>(RecordType::flow1_extended);
  std::size_t at = extended ? extended_size : fixed_size;
  if (record.size() < at) return false;
  const auto map = maps_.find(load<std::uint16_t>(p + 6));
  if (map == maps_.end()) return false;
  const auto flags = load<std::uint8_t>(p + 4);
  const std::size_t addresses = (flags & flag_ipv6) != 0 ? 32 : 8;
  const std::size_t packets = (flags & flag_packets64) != 0 ? 8 : 4, bytes = (flags & flag_bytes64) != 0 ? 8 : 4;
  std::size_t size = at + addresses + packets + bytes;
  for (const auto id : map->second) {
    if (id < extension::interfaces16) continue;
    if (id >= extension::end || extension_sizes[id] == 0) break;
    size += extension_sizes[id];
  }
  if (record.size() < size) return false;

  const auto number = [&](std::size_t from, std::size_t width) -> std::uint64_t {
    return width == 8   ? load<std::uint64_t>(p + from)
           : width == 4 ? load<std::uint32_t>(p + from)
                        : load<std::uint16_t>(p + from);
  };
  Builder out(out_);
  out.header(8, static_cast<std::uint16_t>(extended ? load<std::uint16_t>(p + 28) : load<std::uint8_t>(p + 5)));
  out.header(10, static_cast<std::uint8_t>(((flags & flag_event) != 0 ? flow_flag::event : 0) |
                                           ((flags & flag_sampled) != 0 ? flow_flag::sampled : 0)));
  const std::size_t generic = out.add(Element::generic, 48);
  out.put(generic, number(12, 4) * 1000 + number(8, 2));
  out.put(generic + 8, number(16, 4) * 1000 + number(10, 2));
  out.put(generic + 24, number(at + addresses, packets));
  out.put(generic + 32, number(at + addresses + packets, bytes));
  out.put(generic + 40, load<std::uint32_t>(p + 24));  // ports
  out.put(generic + 44, load<std::uint8_t>(p + 22));   // protocol
  out.put(generic + 45, load<std::uint8_t>(p + 21));   // TCP flags
  out.put(generic + 46, load<std::uint8_t>(p + 20));   // forwarding status
  out.put(generic + 47, load<std::uint8_t>(p + 23));   // ToS
  out.add(addresses == 32 ? Element::addresses6 : Element::addresses4, p + at, addresses);
  at += addresses + packets + bytes;

  std::size_t misc = 0, counters = 0, mac = 0;
  const auto misc_at = [&] { return misc = misc != 0 ? misc : out.add(Element::misc, 16); };
  const auto counters_at = [&] { return counters = counters != 0 ? counters : out.add(Element::counters, 24); };
  const auto mac_at = [&] { return mac = mac != 0 ? mac : out.add(Element::mac, 32); };
  if (extended) absent_ &= ~bits<end_reason>;
  if (extended && load<std::uint16_t>(p + 30) != 0) out.put(misc_at() + 12, load<std::uint16_t>(p + 30));
  for (const auto id : map->second) {
    if (id < extension::interfaces16) continue;
    if (id >= extension::end || extension_sizes[id] == 0) break;
    const std::byte* e = p + at;
    const std::size_t half = extension_sizes[id] / 2u;
    switch (id) {
      case extension::interfaces16:
      case extension::interfaces32:
        out.put(misc_at(), static_cast<std::uint32_t>(number(at, half)));
        out.put(misc_at() + 4, static_cast<std::uint32_t>(number(at + half, half)));
        absent_ &= ~bits<in_if, out_if>;
        break;
      case extension::bgp_next_hop4:
        out.add(Element::bgp_next_hop4, e, 4);
        break;
      case extension::bgp_next_hop6:
        out.add(Element::bgp_next_hop6, e, 16);
        break;
      case extension::flows32:
      case extension::flows64:
        out.put(counters_at(), number(at, extension_sizes[id]));
        break;
      case extension::mac1:  // source, and destination after a change
      case extension::mac2:  // destination, and source after a change
        out.put(mac_at() + (id == extension::mac1 ? 0 : 16), load<std::array<std::byte, 16>>(e));
        break;
      case extension::adjacent_as:
        out.add(Element::adjacent_as, e, 8);
        break;
      case extension::as16:
      case extension::as32: {
        const std::size_t as = out.add(Element::as_numbers, 8);
        out.put(as, static_cast<std::uint32_t>(number(at, half)));
        out.put(as + 4, static_cast<std::uint32_t>(number(at + half, half)));
        break;
      }
      case extension::misc:
        out.put(misc_at() + 8, load<std::uint8_t>(e + 2));   // source prefix length
        out.put(misc_at() + 9, load<std::uint8_t>(e + 3));   // destination prefix length
        out.put(misc_at() + 10, load<std::uint8_t>(e + 1));  // direction
        out.put(misc_at() + 11, load<std::uint8_t>(e));      // destination ToS
        absent_ &= ~bits<src_mask, dst_mask, flow_direction>;
        break;
      case extension::next_hop4:
        out.add(Element::next_hop4, e, 4);
        break;
      case extension::next_hop6:
        out.add(Element::next_hop6, e, 16);
        break;
      case extension::vlans: {
        const std::size_t vlans = out.add(Element::vlans, 8);
        out.put(vlans, static_cast<std::uint32_t>(number(at, 2)));
        out.put(vlans + 4, static_cast<std::uint32_t>(number(at + 2, 2)));
        break;
      }
      case extension::out_packets32:
      case extension::out_packets64:
        out.put(counters_at() + 8, number(at, extension_sizes[id]));
        absent_ &= ~bits<reverse_packets>;
        break;
      case extension::out_bytes32:
      case extension::out_bytes64:
        out.put(counters_at() + 16, number(at, extension_sizes[id]));
        absent_ &= ~bits<reverse_bytes>;
        break;
      case extension::mpls:
        out.add(Element::mpls, e, 40);
        break;
      case extension::exporter4:
        out.add(Element::exporter4, e, 4);
        break;
      case extension::exporter6:
        out.add(Element::exporter6, e, 16);
        break;
      case extension::engine:
        out.header(6, load<std::uint16_t>(e + 2));
        break;
      case extension::received:
        out.put(generic + 16, load<std::uint64_t>(e));
        break;
      case extension::firewall_event: {
        const std::size_t event = out.add(Element::firewall_event, 16);
        out.put(event, load<std::uint64_t>(e));
        out.put(event + 8, load<std::uint32_t>(e + 8));
        out.put(event + 12, load<std::uint16_t>(e + 16));
        out.put(event + 14, load<std::uint8_t>(e + 14));
        break;
      }
      case extension::nat_ports:
        out.add(Element::nat_ports, e, 4);
        break;
      case extension::nat_addresses4:
        out.add(Element::nat_addresses4, e, 8);
        break;
      case extension::nat_addresses6:
        out.add(Element::nat_addresses6, e, 32);
        break;
      default:
        break;
    }
    at += extension_sizes[id];
  }
  out.finish();
  return true;
}

}  // namespace mole::plugins::nfcapd
