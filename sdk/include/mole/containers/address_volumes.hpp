// AddressVolumes: flows, packets and bytes by address, 12 bytes per IPv4 address, 24 per IPv6 address. An IPv4 address and its
// mapped IPv6 form are the same address.
//
//   void add(mole::AddressVolumes& sources, const mole::Flows<mole::src_addr, mole::packets, mole::bytes>& flows) {
//     sources.add<mole::src_addr>(flows);
//   }
#pragma once

#include <mole/by_family.hpp>
#include <mole/containers/volume_map.hpp>

#include <cstddef>

namespace mole {

class AddressVolumes {
 public:
  std::size_t size() const { return maps_.size(); }

  template <class Column, class Flows>
  void add(const Flows& flows) {
    const auto packet_counts = flows.template span<packets>();
    const auto byte_counts = flows.template span<bytes>();
    maps_.template update<Column>(flows, [&](auto& map, auto addresses, std::size_t first) {
      map.add(addresses, packet_counts.subspan(first), byte_counts.subspan(first));
    });
  }
  void merge(const AddressVolumes& other) { maps_.merge(other.maps_); }
  // Calls f(Addr, Volume) for each address, in unspecified order.
  template <class F>
  void for_each(F f) const {
    maps_.v4.for_each([&](std::uint32_t address, const Volume& v) { f(Addr::v4(address), v); });
    maps_.v6.for_each(f);
  }

 private:
  ByFamily<VolumeMap> maps_;

 public:
  static constexpr auto state = fields(&AddressVolumes::maps_);
};

}  // namespace mole
