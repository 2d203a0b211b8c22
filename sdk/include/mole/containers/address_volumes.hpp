// AddressVolumes: flows, packets and bytes by address, 12 bytes an IPv4 entry, 24 an IPv6 one. An IPv6 address that
// maps an IPv4 one counts as that one.
//
//   mole::AddressVolumes sources;
//   sources.add<mole::src_addr>(flows);   // Flows<src_addr, packets, bytes, ...>
#pragma once

#include <mole/columns.hpp>
#include <mole/fields.hpp>
#include <mole/containers/volume_map.hpp>

#include <cstddef>

namespace mole {

class AddressVolumes {
 public:
  std::size_t size() const { return v4_.size() + v6_.size(); }

  template <class Column, class Flows>
  void add(const Flows& flows) {
    const auto packet_counts = flows.template span<packets>();
    const auto byte_counts = flows.template span<bytes>();
    if (flows.address_family() != 6) return v4_.add(flows.template span4<Column>(), packet_counts, byte_counts);
    const auto addresses = flows.template span6<Column>();
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const Volume flow{1, packet_counts[i], byte_counts[i]};
      if (addresses[i].is_v4())
        v4_.add(addresses[i].v4_value(), flow);
      else
        v6_.add(addresses[i], flow);
    }
  }
  void merge(const AddressVolumes& other) {
    v4_.merge(other.v4_);
    v6_.merge(other.v6_);
  }
  // Calls f(Addr, Volume) for each address, in no order that may be relied on.
  template <class F>
  void for_each(F f) const {
    v4_.for_each([&](std::uint32_t address, const Volume& v) { f(Addr::v4(address), v); });
    v6_.for_each(f);
  }

 private:
  VolumeMap<std::uint32_t> v4_;
  VolumeMap<Addr> v6_;

 public:
  static constexpr auto state = fields(&AddressVolumes::v4_, &AddressVolumes::v6_);
};

}  // namespace mole
