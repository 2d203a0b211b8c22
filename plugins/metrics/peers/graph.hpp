// The pairs of hosts with flows between them, and the services of each host, for one address family. Exact.
#pragma once

#include <mole/address_pair.hpp>
#include <mole/containers/flat_map.hpp>
#include <mole/containers/run_map.hpp>

#include <array>
#include <cstdint>
#include <span>

// The flows between two hosts.
struct PairFlows {
  enum : std::uint64_t { forward = 1, backward = 2 };  // from the lower address to the higher, and the reverse

  static PairFlows of(std::uint64_t bytes, std::uint64_t directions) { return {bytes << 2 | directions}; }
  std::uint64_t bytes() const { return word >> 2; }
  unsigned directions() const { return word & 3; }

  std::uint64_t word = 0;  // bytes << 2 | directions; bytes wrap at 2^62
  static constexpr auto state = mole::fields(&PairFlows::word);
  void merge(const PairFlows& other) {
    word = ((word & ~std::uint64_t{3}) + (other.word & ~std::uint64_t{3})) | ((word | other.word) & 3);
  }
};

// Bit s: the host is a server of service s; bit 16 + s: it is a client.
struct Roles {
  std::uint32_t bits = 0;
  static constexpr auto state = mole::fields(&Roles::bits);
  void merge(const Roles& other) { bits |= other.bits; }
};

struct Host {
  std::uint64_t bytes = 0;                   // sent and received
  std::uint32_t peers = 0, out = 0, in = 0;  // distinct peers: all, sent to, received from
  std::uint32_t roles = 0;                   // Roles::bits
  void add(const PairFlows& flows, bool lower) {
    bytes += flows.bytes();
    ++peers;
    out += flows.directions() & (lower ? PairFlows::forward : PairFlows::backward) ? 1 : 0;
    in += flows.directions() & (lower ? PairFlows::backward : PairFlows::forward) ? 1 : 0;
  }
};

template <class A>
struct Graph {
  using Pair = mole::AddressPair<A>;

  mole::RunMap<typename Pair::Key, PairFlows> pairs;  // lower address first
  mole::FlatMap<A, Roles> roles;
  static constexpr auto state = mole::fields(&Graph::pairs, &Graph::roles);

  // `roles_of`: the roles of source and destination of each flow.
  void add(std::span<const A> src, std::span<const A> dst, std::span<const std::uint64_t> bytes,
           std::span<const std::array<std::uint32_t, 2>> roles_of) {
    for (std::size_t i = 0; i < src.size(); ++i) {
      const std::uint64_t descending = dst[i] < src[i],
                          ascending = src[i] < dst[i];  // neither: the address sends to itself, which counts as both
      const A &low = descending ? dst[i] : src[i], &high = descending ? src[i] : dst[i];
      pairs.add(Pair::key(low, high),
                PairFlows::of(bytes[i], (1 - descending) * PairFlows::forward + (1 - ascending) * PairFlows::backward));
    }
    roles.update(src, [&](Roles& r, std::size_t i) { r.bits |= roles_of[i][0]; });
    roles.update(dst, [&](Roles& r, std::size_t i) { r.bits |= roles_of[i][1]; });
  }

  struct Hosts {
    mole::FlatMap<A, Host> by_address;
    std::uint64_t mutual = 0;  // pairs with flows in both directions
  };
  Hosts hosts() const {
    Hosts all;
    auto& out = all.by_address;
    out.reserve(roles.size());
    // Visits the hosts in hash order, which is the order of both tables.
    roles.for_each([&](const A& address, const Roles& r) { out[address].roles = r.bits; });
    constexpr std::size_t part = 256;
    std::array<A, part> low, high;
    std::array<PairFlows, part> flows_of;
    std::size_t n = 0;
    const auto flush = [&] {
      out.update({low.data(), n}, [&](Host& h, std::size_t i) { h.add(flows_of[i], true); });
      out.update({high.data(), n}, [&](Host& h, std::size_t i) {
        if (low[i] == high[i])
          h.bytes += flows_of[i].bytes();  // already counted as its own peer
        else
          h.add(flows_of[i], false);
      });
      n = 0;
    };
    pairs.for_each([&](const auto& key, const PairFlows& flows) {
      low[n] = Pair::first(key);
      high[n] = Pair::second(key);
      flows_of[n] = flows;
      all.mutual += flows.directions() == 3;
      if (++n == part) flush();
    });
    flush();
    return all;
  }
};
