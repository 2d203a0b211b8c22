// Who talked with whom, and what each host took part in: exact, of one address family.
#pragma once

#include <mole/address_pair.hpp>
#include <mole/flat_map.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

struct Host {
  std::uint64_t bytes = 0;  // sent and received
  std::uint32_t roles = 0;  // bit s: serves service s; bit 16 + s: uses it
  static constexpr auto state = mole::fields(&Host::bytes, &Host::roles);
  void merge(const Host& other) {
    bytes += other.bytes;
    roles |= other.roles;
  }
};

struct Degree {
  std::uint32_t peers = 0, out = 0, in = 0;
};

template <class A>
struct Graph {
  using Pair = mole::AddressPair<A>;
  enum : std::uint8_t { forth = 1, back = 2 };  // from the lower address to the higher, and the other way

  mole::FlatMap<typename Pair::Key, std::uint8_t> pairs;  // lower address first
  mole::FlatMap<A, Host> hosts;
  static constexpr auto state = mole::fields(&Graph::pairs, &Graph::hosts);

  // `roles`: of the source and of the destination of each flow.
  void add(std::span<const A> src, std::span<const A> dst, std::span<const std::uint64_t> bytes,
           std::span<const std::array<std::uint32_t, 2>> roles) {
    constexpr std::size_t part = 128;
    std::array<typename Pair::Key, part> keys;
    std::array<std::uint8_t, part> ways;
    for (std::size_t at = 0; at < src.size(); at += part) {
      const std::size_t n = std::min(part, src.size() - at);
      for (std::size_t i = 0; i < n; ++i) {
        const bool rising = !(dst[at + i] < src[at + i]);
        keys[i] = rising ? Pair::key(src[at + i], dst[at + i]) : Pair::key(dst[at + i], src[at + i]);
        ways[i] = rising ? forth : back;
      }
      pairs.update({keys.data(), n}, [&](std::uint8_t& seen, std::size_t i) { seen |= ways[i]; });
    }
    hosts.update(src, [&](Host& h, std::size_t i) { h.merge({bytes[i], roles[i][0]}); });
    hosts.update(dst, [&](Host& h, std::size_t i) { h.merge({bytes[i], roles[i][1]}); });
  }
  void merge(const Graph& other) {
    pairs.merge(other.pairs, [](const auto&, std::uint8_t& here, std::uint8_t there) { here |= there; });
    hosts.merge(other.hosts);
  }

  // Distinct peers of each host: all, those it sent to, those that sent to it.
  mole::FlatMap<A, Degree> degrees() const {
    mole::FlatMap<A, Degree> out;
    constexpr std::size_t part = 128;
    std::array<A, part> lower, higher;
    std::array<std::uint8_t, part> ways;
    std::size_t n = 0;
    const auto count = [&] {
      out.update({lower.data(), n}, [&](Degree& d, std::size_t i) { take(d, ways[i]); });
      out.update({higher.data(), n}, [&](Degree& d, std::size_t i) {
        if (lower[i] != higher[i]) take(d, static_cast<std::uint8_t>((ways[i] & forth ? back : 0) | (ways[i] & back ? forth : 0)));
      });
      n = 0;
    };
    pairs.for_each([&](const auto& key, std::uint8_t seen) {
      lower[n] = Pair::first(key);
      higher[n] = Pair::second(key);
      ways[n] = lower[n] == higher[n] ? forth | back : seen;
      if (++n == part) count();
    });
    count();
    return out;
  }
  // Pairs of hosts that each sent to the other.
  std::uint64_t mutual() const {
    std::uint64_t n = 0;
    pairs.for_each([&](const auto& key, std::uint8_t seen) { n += seen == (forth | back) || Pair::first(key) == Pair::second(key); });
    return n;
  }

 private:
  static void take(Degree& d, std::uint8_t ways) {
    ++d.peers;
    d.out += ways & forth ? 1 : 0;
    d.in += ways & back ? 1 : 0;
  }
};
