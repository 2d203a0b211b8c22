// Recognises datagrams that repeat an earlier one of their exporter, such as in a capture that has each packet twice.
#pragma once

#include <mole/decoder.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace mole::plugins::flow_export {

class Repeats {
 public:
  // Whether one of the last datagrams of the sender had the same bytes, by a hash of all of them: NetFlow v1 has no sequence
  // number, and some exporters of IPFIX leave it 0.
  bool add(std::span<const std::byte> datagram, const Addr& sender = {}) {
    Sums sums{datagram.size() + 1, 1, 2, 3, 4, 5, 6, 7};
    mix(sums[0], sender.bytes.data());
    mix(sums[1], sender.bytes.data() + word);
    std::size_t at = 0;
    for (; at + stripe <= datagram.size(); at += stripe)
      mix_stripe(sums, datagram.data() + at, std::make_index_sequence<lanes>());
    std::array<std::byte, stripe> rest{};
    if (at < datagram.size()) std::memcpy(rest.data(), datagram.data() + at, datagram.size() - at);
    mix_stripe(sums, rest.data(), std::make_index_sequence<lanes>());
    std::uint64_t hash = 0;
    for (const std::uint64_t sum : sums) mix(hash, &sum);
    std::uint64_t& last = last_[(hash ^ hash >> 32) % last_.size()];
    const bool repeated = last == hash;
    last = hash;
    return repeated;
  }

 private:
  static constexpr std::size_t word = sizeof(std::uint64_t), lanes = 8, stripe = lanes * word;
  using Sums = std::array<std::uint64_t, lanes>;

  static void mix(std::uint64_t& sum, const void* from) {
    std::uint64_t value;
    std::memcpy(&value, from, word);
    sum = std::rotl((sum ^ value) * 0x9e3779b97f4a7c15, 29);
  }
  // Independent sums, which a processor computes at the same time. A loop over the lanes would keep them in memory, because GCC
  // does not unroll it at -O2: three times the instructions.
  template <std::size_t... lane>
  static void mix_stripe(Sums& sums, const std::byte* from, std::index_sequence<lane...>) {
    (mix(sums[lane], from + lane * word), ...);
  }

  std::array<std::uint64_t, 4096> last_{};
};

}  // namespace mole::plugins::flow_export
