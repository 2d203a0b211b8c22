// Puts IP fragments together, within limits of number, bytes and time.
#pragma once

#include "plugins/decoders/pcap/packet.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <vector>

namespace mole::plugins::capture {

constexpr std::size_t max_fragmented = 1024;           // incomplete packets at a time
constexpr std::size_t max_fragments = 1024;            // of one packet
constexpr std::size_t max_fragment_bytes = 16u << 20;  // of all incomplete packets
constexpr std::size_t max_ip_payload = 65'535;
constexpr std::uint64_t max_fragment_age_s = 30;  // by capture time, as in Linux

// A packet of which fragments are missing.
struct Incomplete {
  Addr source{}, destination{};
  std::uint8_t protocol = 0;
  Bytes first;               // its first bytes, if they arrived
  std::uint64_t offset = 0;  // of the first fragment in the file
  std::uint64_t size = 0;
  std::string_view why;
};

class Reassembly {
 public:
  // Called with packets that are given up.
  using GivenUp = std::function<void(const Incomplete&)>;
  explicit Reassembly(GivenUp given_up) : given_up_(std::move(given_up)) {}

  // Adds a fragment. Returns the whole packet if it is complete; its payload is valid until the next call.
  std::optional<IpPacket> add(const IpPacket& fragment, std::uint64_t offset, std::uint64_t seconds);
  // Gives up all packets.
  void finish();

 private:
  struct Key {
    Addr source, destination;
    std::uint8_t protocol;  // 0 for IPv6, which does not distinguish it
    std::uint32_t identification;
    auto operator<=>(const Key&) const = default;
  };
  struct Parts {
    Key key;
    std::map<std::size_t, std::vector<std::byte>> fragments;  // by their place
    std::size_t bytes = 0, end = 0;                           // received; end of the packet: 0 until the last fragment arrives
    std::uint64_t offset, size, seconds;                      // of the first fragment
    std::uint8_t protocol;
    bool repeated;  // the same packet was complete before: it was captured twice
  };
  using Order = std::list<Parts>;  // oldest first

  enum class Fit { added, repeated, conflicting };
  static Fit insert(Parts& parts, const IpPacket& fragment);
  void give_up(Order::iterator parts, std::string_view why);
  void remove(Order::iterator parts);

  GivenUp given_up_;
  Order parts_;
  std::map<Key, Order::iterator> by_key_;
  std::map<Key, std::uint64_t> completed_;  // in the last seconds: when
  std::size_t bytes_ = 0;
  std::vector<std::byte> whole_;
};

}  // namespace mole::plugins::capture
