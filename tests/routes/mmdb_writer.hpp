// Writes a MaxMind DB (https://maxmind.github.io/MaxMind-DB/) of minimal size, with records as in
// GeoLite2-ASN.
#pragma once

#include "sdk/model/routes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mole::runtime::testing {

class MmdbWriter {
 public:
  // ip_version 6: IPv4 routes are under ::/96, and ::ffff:0:0/96 refers to the same subtree.
  explicit MmdbWriter(int ip_version = 6) : version_(ip_version) {}

  void add(const RouteList& routes) {
    auto v4 = routes.v4;
    std::stable_sort(v4.begin(), v4.end(), [](const auto& a, const auto& b) { return a.length < b.length; });
    for (const auto& r : v4)
      add(static_cast<Address>(r.network) << (version_ == 6 ? 0 : 96), r.length + (version_ == 6 ? 96 : 0), r.as);
    auto v6 = routes.v6;
    std::stable_sort(v6.begin(), v6.end(), [](const auto& a, const auto& b) { return a.length < b.length; });
    for (const auto& r : v6) add(static_cast<Address>(r.high) << 64 | r.low, r.length, r.as);
  }

  std::string bytes(const std::string& field = "autonomous_system_number") {
    if (version_ == 6) alias();
    std::string data;
    std::map<std::uint32_t, std::uint64_t> offset;
    for (const auto& [as, unused] : as_) {
      offset[as] = data.size();
      data += control(7, 2) + text(field) + uint32(as) + text("autonomous_system_organization") +
              text("Network " + std::to_string(as));
    }
    const bool wide = nodes_.size() + 16 + data.size() >= 1 << 24;
    std::string out;
    for (const auto& node : nodes_)
      for (const auto child : node) {
        const std::uint64_t value = child == none ? nodes_.size()
                                    : child >= 0  ? static_cast<std::uint64_t>(child)
                                                  : nodes_.size() + 16 + offset[static_cast<std::uint32_t>(-child - 2)];
        for (int shift = wide ? 24 : 16; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
      }
    out += std::string(16, '\0') + data + "\xab\xcd\xefMaxMind.com";
    return out + control(7, 9) + text("binary_format_major_version") + uint16(2) + text("binary_format_minor_version") +
           uint16(0) + text("build_epoch") + std::string("\x04\x02\x3b\x9a\xca\x00", 6) + text("database_type") +
           text("Test-ASN") + text("description") + control(7, 0) + text("ip_version") +
           uint16(static_cast<std::uint16_t>(version_)) + text("languages") + std::string("\x00\x04", 2) + text("node_count") +
           uint32(static_cast<std::uint32_t>(nodes_.size())) + text("record_size") + uint16(wide ? 32 : 24);
  }

 private:
  using Address = unsigned __int128;
  static constexpr std::int64_t none = -1;  // other negative children: -2 - AS number

  void add(Address net, int length, std::uint32_t as) {
    as_[as];
    set(net, length, -2 - static_cast<std::int64_t>(as));
  }

  void set(Address net, int length, std::int64_t leaf) {
    if (length == 0) {  // a tree cannot be a single leaf
      set(net, 1, leaf);
      return set(net | Address{1} << 127, 1, leaf);
    }
    std::size_t at = 0;
    for (int depth = 0; depth + 1 < length; ++depth) {
      const auto bit = static_cast<std::size_t>(net >> (127 - depth) & 1);
      if (nodes_[at][bit] < 0) {  // both halves inherit the value
        const auto child = static_cast<std::int64_t>(nodes_.size());
        nodes_.push_back({nodes_[at][bit], nodes_[at][bit]});
        nodes_[at][bit] = child;
      }
      at = static_cast<std::size_t>(nodes_[at][bit]);
    }
    nodes_[at][static_cast<std::size_t>(net >> (128 - length) & 1)] = leaf;
  }

  void alias() {
    std::int64_t at = 0;
    for (int depth = 0; depth < 96 && at >= 0; ++depth) at = nodes_[static_cast<std::size_t>(at)][0];
    if (at >= 0) set(static_cast<Address>(0xffff) << 32, 96, at);
  }

  static std::string control(int type, std::size_t size) {
    return std::string(1, static_cast<char>(type << 5 | static_cast<int>(size)));
  }
  static std::string text(const std::string& t) {
    return t.size() < 29 ? control(2, t.size()) + t : control(2, 29) + static_cast<char>(t.size() - 29) + t;
  }
  static std::string number(int type, std::uint64_t value, int size) {
    std::string out = control(type, static_cast<std::size_t>(size));
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
    return out;
  }
  static std::string uint16(std::uint16_t value) { return number(5, value, 2); }
  static std::string uint32(std::uint32_t value) { return number(6, value, 4); }

  int version_;
  std::vector<std::array<std::int64_t, 2>> nodes_{{none, none}};
  std::map<std::uint32_t, char> as_;
};

}  // namespace mole::runtime::testing
