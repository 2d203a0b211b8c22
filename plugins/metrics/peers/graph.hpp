// Who talked with whom, and what each host took part in: exact, of one address family.
#pragma once

#include <mole/address_pair.hpp>
#include <mole/containers/flat_map.hpp>
#include <mole/containers/run_map.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

// The flows between two hosts.
struct Talk {
  enum : std::uint64_t { forth = 1, back = 2 };  // from the lower address to the higher, and the other way

  static Talk of(std::uint64_t bytes, std::uint64_t way) { return {bytes << 2 | way}; }
  std::uint64_t bytes() const { return word >> 2; }
  unsigned ways() const { return word & 3; }

  std::uint64_t word = 0;  // bytes << 2 | ways; bytes wrap at 2^62
  static constexpr auto state = mole::fields(&Talk::word);
  void merge(const Talk& other) {
    word = ((word & ~std::uint64_t{3}) + (other.word & ~std::uint64_t{3})) | ((word | other.word) & 3);
  }
};

// Bit s: serves service s; bit 16 + s: uses it.
struct Roles {
  std::uint32_t bits = 0;
  static constexpr auto state = mole::fields(&Roles::bits);
  void merge(const Roles& other) { bits |= other.bits; }
};

struct Host {
  std::uint64_t bytes = 0;                   // sent and received
  std::uint32_t peers = 0, out = 0, in = 0;  // distinct: all, sent to, heard from
  std::uint32_t roles = 0;                   // Roles::bits
  void take(const Talk& talk, bool lower) {
    bytes += talk.bytes();
    ++peers;
    out += talk.ways() & (lower ? Talk::forth : Talk::back) ? 1 : 0;
    in += talk.ways() & (lower ? Talk::back : Talk::forth) ? 1 : 0;
  }
};

template <class A>
struct Graph {
  using Pair = mole::AddressPair<A>;

  mole::RunMap<typename Pair::Key, Talk> pairs;  // lower address first
  mole::FlatMap<A, Roles> roles;
  static constexpr auto state = mole::fields(&Graph::pairs, &Graph::roles);

  // `roles_of`: of the source and of the destination of each flow.
  void add(std::span<const A> src, std::span<const A> dst, std::span<const std::uint64_t> bytes,
           std::span<const std::array<std::uint32_t, 2>> roles_of) {
    for (std::size_t i = 0; i < src.size(); ++i) {
      const std::uint64_t falls = dst[i] < src[i], rises = src[i] < dst[i];  // neither: an address with itself, both ways
      const A &low = falls ? dst[i] : src[i], &high = falls ? src[i] : dst[i];
      pairs.add(Pair::key(low, high), Talk::of(bytes[i], (1 - falls) * Talk::forth + (1 - rises) * Talk::back));
    }
    roles.update(src, [&](Roles& r, std::size_t i) { r.bits |= roles_of[i][0]; });
    roles.update(dst, [&](Roles& r, std::size_t i) { r.bits |= roles_of[i][1]; });
  }
  void merge(const Graph& other) {
    pairs.merge(other.pairs);
    roles.merge(other.roles);
  }

  struct Hosts {
    mole::FlatMap<A, Host> by_address;
    std::uint64_t mutual = 0;  // pairs of hosts that each sent to the other
  };
  Hosts hosts() const {
    Hosts all;
    auto& out = all.by_address;
    out.reserve(roles.size());
    // In the order of the hashes, which is that of both tables.
    roles.for_each([&](const A& address, const Roles& r) { out[address].roles = r.bits; });
    constexpr std::size_t part = 256;
    std::array<A, part> low, high;
    std::array<Talk, part> talks;
    std::size_t n = 0;
    const auto put = [&] {
      out.update({low.data(), n}, [&](Host& h, std::size_t i) { h.take(talks[i], true); });
      out.update({high.data(), n}, [&](Host& h, std::size_t i) {
        if (low[i] == high[i])
          h.bytes += talks[i].bytes();  // a host is one peer of itself
        else
          h.take(talks[i], false);
      });
      n = 0;
    };
    pairs.for_each([&](const auto& key, const Talk& talk) {
      low[n] = Pair::first(key);
      high[n] = Pair::second(key);
      talks[n] = talk;
      all.mutual += talk.ways() == 3;
      if (++n == part) put();
    });
    put();
    return all;
  }
};
