// Recognises datagrams that repeat an earlier one of their exporter, such as in a capture that has each packet twice.
#pragma once

#include <mole/decoder.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mole::plugins::flow_export {

class Repeats {
 public:
  // Whether one of the last datagrams of the sender had the same bytes, by a hash of all of them: NetFlow v1 has no sequence
  // number, and some exporters of IPFIX leave it 0.
  bool add(std::span<const std::byte> datagram, const Addr& sender = {}) {
    constexpr std::size_t word = sizeof(std::uint64_t), lanes = 4, stripe = lanes * word;
    const auto mix = [](std::uint64_t& sum, const void* from) {
      std::uint64_t value;
      std::memcpy(&value, from, word);
      sum = std::rotl((sum ^ value) * 0x9e3779b97f4a7c15, 29);
    };
    std::array<std::uint64_t, lanes> sums{datagram.size() + 1, 1, 2, 3};
    mix(sums[0], sender.bytes.data());
    mix(sums[1], sender.bytes.data() + word);
    const auto mix_stripe = [&](const std::byte* from) {  // independent sums, which a processor computes at the same time
      for (std::size_t lane = 0; lane < lanes; ++lane) mix(sums[lane], from + lane * word);
    };
    std::size_t at = 0;
    for (; at + stripe <= datagram.size(); at += stripe) mix_stripe(datagram.data() + at);
    std::array<std::byte, stripe> rest{};
    std::ranges::copy(datagram.subspan(at), rest.begin());
    mix_stripe(rest.data());
    std::uint64_t hash = 0;
    for (const std::uint64_t sum : sums) mix(hash, &sum);
    std::uint64_t& last = last_[(hash ^ hash >> 32) % last_.size()];
    const bool repeated = last == hash;
    last = hash;
    return repeated;
  }

 private:
  std::array<std::uint64_t, 4096> last_{};
};

}  // namespace mole::plugins::flow_export
