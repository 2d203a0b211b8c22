// Recognises datagrams that repeat an earlier one of their exporter, such as those of a capture at two interfaces.
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
  // Whether one of the last datagrams had the same sender, size, header and values. Not all of the bytes are compared: with the
  // sequence number and the time of export, some values of the records suffice.
  bool add(std::span<const std::byte> datagram, const Addr& sender = {}) {
    constexpr std::size_t header = 24, samples = 16, word = sizeof(std::uint64_t);
    std::uint64_t hash = datagram.size() + 1;
    const auto mix = [&](const void* from) {
      std::uint64_t value;
      std::memcpy(&value, from, word);
      hash = std::rotl((hash ^ value) * 0x9e3779b97f4a7c15, 29);
    };
    mix(sender.bytes.data());
    mix(sender.bytes.data() + word);
    const std::size_t step = std::max(word, datagram.size() / samples);
    for (std::size_t at = 0; at + word <= datagram.size(); at += at < header ? word : step) mix(datagram.data() + at);
    if (datagram.size() >= word) mix(datagram.data() + datagram.size() - word);
    std::uint64_t& last = last_[(hash ^ hash >> 32) % last_.size()];
    const bool repeated = last == hash;
    last = hash;
    return repeated;
  }

 private:
  std::array<std::uint64_t, 4096> last_{};
};

}  // namespace mole::plugins::flow_export
