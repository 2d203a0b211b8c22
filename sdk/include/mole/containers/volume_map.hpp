// VolumeMap: flows, packets and bytes by address, AS or port, in 12 bytes per entry (24 for mole::Addr, 8 for many ports).
//
//   void add(mole::VolumeMap<std::uint32_t>& by_source, const mole::Flows<mole::src_addr, mole::packets, mole::bytes>& flows) {
//     by_source.add(flows.span4<mole::src_addr>(), flows.span<mole::packets>(), flows.span<mole::bytes>());
//   }
//
// The lower 15 bits of the flows, 16 of the packets and 32 of the bytes are stored beside the key, so that a cache line holds
// five entries; the few keys with larger sums have the upper bits in a second table. Sums wrap around at 2^64.
#pragma once

#include <mole/containers/flat_map.hpp>
#include <mole/detail/leb128.hpp>
#include <mole/detail/short_key_map.hpp>
#include <mole/output.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace mole {

// May be a member of a state and, with mole::group(.., Volume::output), of a row.
struct Volume {
  std::uint64_t flows = 0, packets = 0, bytes = 0;
  static constexpr auto state = fields(&Volume::flows, &Volume::packets, &Volume::bytes);
  static constexpr auto output = columns(column("flows_*", &Volume::flows, unit::flow, "Flows of *"),
                                         column("packets_*", &Volume::packets, unit::packet, "Packets of *"),
                                         column("bytes_*", &Volume::bytes, unit::byte, "Bytes of *"));
  bool operator==(const Volume&) const = default;
  void merge(const Volume& other) { merge_fields(*this, other); }
};

template <class Key>
class VolumeMap {
 public:
  std::size_t size() const { return low_.size(); }
  bool empty() const { return low_.empty(); }
  // Memory used, in bytes.
  std::size_t memory() const { return low_.memory() + high_.memory(); }

  // For each i, adds one flow with packets[i] and bytes[i] to keys[i].
  void add(std::span<const Key> keys, std::span<const std::uint64_t> packets, std::span<const std::uint64_t> bytes) {
    low_.update(keys, [this, key = keys.data(), p = packets.data(), b = bytes.data()](Words& low, std::size_t i) {
      put(key[i], low, {1, p[i], b[i]});
    });
  }
  void add(const Key& key, const Volume& v) { put(key, low_[key], v); }

  bool contains(const Key& key) const { return low_.find(key) != nullptr; }
  // Returns zeros if `key` is missing.
  Volume of(const Key& key) const {
    const auto* low = low_.find(key);
    return low ? whole(key, *low) : Volume{};
  }
  // Calls f(key, volume) for each key in unspecified order.
  template <class F>
  void for_each(F f) const {
    low_.for_each([&](const Key& key, const Words& low) { f(key, whole(key, low)); });
  }
  void merge(const VolumeMap& other) {
    if (other.size() > size()) return absorb(std::exchange(*this, other));  // the smaller into the larger
    absorb(other);
  }

  // Saved: u64 count, then in ascending order of keys: the key minus the previous key (an Addr: the whole key), flows, packets
  // and bytes as LEB128.
  static constexpr std::size_t min_size = 8;
  static std::string shape() { return "volumes<" + detail::shape_of<Key>() + ">"; }
  void save(StateWriter& w) const {
    detail::save_value(w, std::uint64_t{size()});
    Key before{};
    std::array<std::uint8_t, 4 * detail::max_leb128_size> entry;
    for (const auto& [key, low] : low_.sorted()) {
      auto* end = entry.data();
      if constexpr (std::is_same_v<Key, Addr>)
        detail::save_value(w, key);
      else
        end = detail::put_leb128(end, static_cast<std::uint64_t>(key - before));
      before = key;
      const auto v = whole(key, low);
      for (const auto n : {v.flows, v.packets, v.bytes}) end = detail::put_leb128(end, n);
      w.bytes(entry.data(), static_cast<std::size_t>(end - entry.data()));
    }
  }
  void load(StateReader& r) {
    *this = VolumeMap();
    const auto n = r.count(3 + (std::is_same_v<Key, Addr> ? sizeof(Key) : 1));
    low_.reserve(n);
    Key before{};
    for (std::size_t i = 0; i < n; ++i) {
      const Key key = load_key(r, before);
      if (i > 0 && !(before < key)) StateReader::reject("a map is not sorted");
      const auto flows = detail::load_leb128(r), packets = detail::load_leb128(r), bytes = detail::load_leb128(r);
      add(key, {flows, packets, bytes});
      before = key;
    }
  }

 private:
  struct Words {  // the lower bits
    std::uint32_t bytes = 0;
    std::uint32_t rest = 0;  // 16 bits of the packets, 15 of the flows, and whether upper bits exist
  };
  static constexpr std::uint32_t more = 1u << 31;

  Volume whole(const Key& key, const Words& low) const {
    const std::uint64_t flows = low.rest >> 16 & 0x7fff, packets = low.rest & 0xffff;
    if ((low.rest & more) == 0) [[likely]]
      return {flows, packets, low.bytes};
    const auto& high = *high_.find(key);
    return {high.flows << 15 | flows, high.packets << 16 | packets, high.bytes << 32 | low.bytes};
  }
  // Adds all three amounts at once unless one of them overflows its bits, which would change a bit above them.
  void put(const Key& key, Words& low, const Volume& v) {
    const std::uint64_t bytes = low.bytes + v.bytes;
    const auto one = static_cast<std::uint32_t>(v.flows << 16 | v.packets), rest = low.rest + one;
    if ((bytes >> 32 | v.packets >> 16 | v.flows >> 15 | ((rest ^ low.rest ^ one) & (more | 1u << 16))) != 0) [[unlikely]]
      return put_large(key, low, v);
    low = {static_cast<std::uint32_t>(bytes), rest};
  }
  void put_large(const Key& key, Words& low, const Volume& v) {
    const std::uint64_t flows = (low.rest >> 16 & 0x7fff) + v.flows, packets = (low.rest & 0xffff) + v.packets,
                        bytes = low.bytes + v.bytes;
    low = {static_cast<std::uint32_t>(bytes), static_cast<std::uint32_t>(more | (flows & 0x7fff) << 16 | (packets & 0xffff))};
    high_[key].merge({flows >> 15, packets >> 16, bytes >> 32});
  }

  void absorb(const VolumeMap& other) {
    low_.merge(other.low_, [&](const Key& key, Words& low, const Words& there) { put(key, low, other.whole(key, there)); });
  }

  static Key load_key(StateReader& r, [[maybe_unused]] const Key& before) {
    if constexpr (std::is_same_v<Key, Addr>) {
      Key key;
      detail::load_value(r, key);
      return key;
    } else {
      const auto step = detail::load_leb128(r);
      if (step > static_cast<Key>(~before)) StateReader::reject("a key is too large");
      return static_cast<Key>(before + step);
    }
  }

  std::conditional_t<std::is_same_v<Key, std::uint16_t>, detail::ShortKeyMap<Words>, FlatMap<Key, Words>> low_;
  FlatMap<Key, Volume> high_;  // of the keys with the bit `more`
};

}  // namespace mole
