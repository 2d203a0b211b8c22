// The extension elements of a flow record (version 3) that are read, and the types of records.
//
//   0 type: 11 | 2 size | 4 number of elements | 6 engine type | 7 engine number | 8 exporter | 10 flags | 11 NetFlow version
//   12 elements: type (2), size with these 4 bytes (2), fields
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mole::plugins::nfcapd {

enum class RecordType : std::uint16_t {
  flow1 = 1,  // layout 1
  extension_map = 2,
  port_histogram = 3,
  size_histogram = 4,
  legacy1 = 5,
  legacy2 = 6,
  exporter = 7,
  exporter_statistics = 8,
  sampler1 = 9,
  flow1_extended = 10,  // layout 1
  flow = 11,
  application_names = 12,
  interface_names = 13,
  vrf_names = 14,
  sampler = 15,
  ident = 0x8001,
  statistics = 0x8002,
};

namespace flow_flag {
inline constexpr std::uint8_t event = 1, sampled = 2;
}
inline constexpr std::size_t flow_header_size = 12, element_header_size = 4;

enum class Element : std::uint16_t {
  none,
  generic,
  addresses4,
  addresses6,
  misc,
  counters,
  vlans,
  as_numbers,
  bgp_next_hop4,
  bgp_next_hop6,
  next_hop4,
  next_hop6,
  exporter4,
  exporter6,
  mpls,
  mac,
  adjacent_as,
  latency,
  sampler,
  firewall_event,
  nat_addresses4,
  nat_addresses6,
  nat_ports,
  acl,
  user,
  nat_event,
  port_block,
  application,
  label,
  in_payload,
  out_payload,
  tunnel4,
  tunnel6,
  observation,
  layer2 = 38,
};
inline constexpr std::size_t element_types = 39;  // larger ones are not read

// The size of the fields of an element, without its header; 0 for elements that are not read.
inline constexpr std::array<std::uint8_t, element_types> field_sizes = [] {
  std::array<std::uint8_t, element_types> sizes{};
  const auto set = [&](Element e, std::uint8_t size) { sizes[static_cast<std::size_t>(e)] = size; };
  set(Element::generic, 48);
  set(Element::addresses4, 8);
  set(Element::addresses6, 32);
  set(Element::misc, 14);
  set(Element::counters, 24);
  set(Element::vlans, 8);
  set(Element::as_numbers, 8);
  set(Element::bgp_next_hop4, 4);
  set(Element::bgp_next_hop6, 16);
  set(Element::next_hop4, 4);
  set(Element::next_hop6, 16);
  set(Element::exporter4, 4);
  set(Element::exporter6, 16);
  set(Element::mpls, 4);
  set(Element::mac, 32);
  set(Element::adjacent_as, 8);
  set(Element::sampler, 8);
  set(Element::firewall_event, 15);
  set(Element::nat_addresses4, 8);
  set(Element::nat_addresses6, 32);
  set(Element::nat_ports, 4);
  set(Element::user, 1);
  set(Element::nat_event, 8);
  set(Element::port_block, 8);
  set(Element::application, 1);
  set(Element::observation, 12);
  set(Element::layer2, 6);
  return sizes;
}();

}  // namespace mole::plugins::nfcapd
