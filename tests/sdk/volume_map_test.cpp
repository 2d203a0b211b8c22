#include <gtest/gtest.h>
#include <mole/containers/volume_map.hpp>
#include <mole/statistics/concentration.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <random>

#include "tests/sdk/saved.hpp"

namespace {

using Ports = mole::VolumeMap<std::uint16_t>;
using Hosts = mole::VolumeMap<std::uint32_t>;
constexpr std::uint64_t top = ~std::uint64_t{0};

struct Columns {
  std::vector<std::uint32_t> keys;
  std::vector<std::uint64_t> packets, bytes;
};
// Flows with sums below and far above 2^32, repeated keys, and key 0.
Columns some_flows(std::uint32_t seed, std::size_t n) {
  std::mt19937_64 random(seed);
  Columns out;
  for (std::size_t i = 0; i < n; ++i) {
    out.keys.push_back(static_cast<std::uint32_t>(random() % 3000 * 1'000'003));
    out.packets.push_back(random() % 7 == 0 ? random() >> 20 : random() % 100);
    out.bytes.push_back(random() % 5 == 0 ? random() >> 4 : random() % 1500);
  }
  return out;
}

std::map<std::uint32_t, mole::Volume> standard(const Columns& c) {
  std::map<std::uint32_t, mole::Volume> out;
  for (std::size_t i = 0; i < c.keys.size(); ++i) out[c.keys[i]].merge({1, c.packets[i], c.bytes[i]});
  return out;
}

TEST(VolumeMap, AddsSumsTooLargeForAnEntry) {
  const auto c = some_flows(1, 40'000);
  Hosts map;
  map.add(c.keys, c.packets, c.bytes);
  const auto truth = standard(c);
  EXPECT_EQ(map.size(), truth.size());
  std::size_t seen = 0;
  map.for_each([&](std::uint32_t key, const mole::Volume& v) {
    EXPECT_EQ(v, truth.at(key));
    ++seen;
  });
  EXPECT_EQ(seen, truth.size());
  EXPECT_EQ(map.of(5), mole::Volume{});
}

TEST(VolumeMap, AddsCountsTooLargeForAnEntry) {
  const std::vector<std::uint16_t> keys(70'000, 53);
  const std::vector<std::uint64_t> packets(keys.size(), 3), bytes(keys.size(), 70'000);
  Ports map;
  map.add(keys, packets, bytes);
  map.add(7, {32'767, 65'535, 0xffffffff});
  map.add(8, {32'768, 0, 0});
  map.add(9, {0, 65'536, 0});
  map.add(10, {0, 0, 0x100000000});
  for (std::uint16_t key = 7; key < 11; ++key) map.add(key, {});
  EXPECT_EQ(map.of(53), (mole::Volume{70'000, 210'000, 4'900'000'000}));
  EXPECT_EQ(map.of(7), (mole::Volume{32'767, 65'535, 0xffffffff}));
  EXPECT_EQ(map.of(8), (mole::Volume{32'768, 0, 0}));
  EXPECT_EQ(map.of(9), (mole::Volume{0, 65'536, 0}));
  EXPECT_EQ(map.of(10), (mole::Volume{0, 0, 0x100000000}));
  EXPECT_EQ(saved(loaded<Ports>(saved(map))), saved(map));
}

TEST(VolumeMap, WrapsSumsAroundAt64Bits) {
  Ports map;
  map.add(7, {top, top, top});
  map.add(7, {1, 2, 3});
  EXPECT_EQ(map.of(7), (mole::Volume{0, 1, 2}));
}

TEST(VolumeMap, MergesToTheSumInAnyOrder) {
  const auto c = some_flows(2, 20'000), d = some_flows(3, 100);
  Hosts a, b, all;
  a.add(c.keys, c.packets, c.bytes);
  b.add(d.keys, d.packets, d.bytes);
  all.add(c.keys, c.packets, c.bytes);
  all.add(d.keys, d.packets, d.bytes);
  auto ab = a, ba = b;
  ab.merge(b);
  ba.merge(a);
  EXPECT_EQ(saved(ab), saved(all));
  EXPECT_EQ(saved(ba), saved(all));
}

// Few ports are stored in a table, many in an array: both have the same sums and saved bytes, also at the transition.
TEST(VolumeMap, HasTheSameBytesForFewAndManyPorts) {
  std::mt19937 random(6);
  Ports all, few, many;
  std::map<std::uint16_t, mole::Volume> standard;
  std::vector<std::uint16_t> ports(60'000);
  std::vector<std::uint64_t> packets(ports.size()), bytes(ports.size());
  for (std::size_t i = 0; i < ports.size(); ++i) {
    ports[i] = static_cast<std::uint16_t>(random() % 5 == 0 ? 443 : random());
    packets[i] = random() % 1000;
    bytes[i] = ports[i] == 443 ? std::uint64_t{random()} << 8 : random() % 65536;
    standard[ports[i]].merge({1, packets[i], bytes[i]});
  }
  const auto add = [&](Ports& map, std::size_t from, std::size_t to) {
    map.add(std::span(ports).subspan(from, to - from), std::span(packets).subspan(from, to - from),
            std::span(bytes).subspan(from, to - from));
  };
  add(all, 0, 60'000);
  add(few, 0, 5000);
  for (std::size_t i = 5000; i < 60'000; ++i) many.add(ports[i], {1, packets[i], bytes[i]});
  ASSERT_GT(standard.size(), 20'000u);
  EXPECT_EQ(all.size(), standard.size());
  EXPECT_LT(few.size(), 5000u);
  std::size_t seen = 0;
  all.for_each([&](std::uint16_t port, const mole::Volume& v) {
    ASSERT_EQ(v, standard.at(port));
    ++seen;
  });
  EXPECT_EQ(seen, standard.size());
  for (std::uint32_t port = 0; port < 65'536; ++port)
    ASSERT_EQ(all.contains(static_cast<std::uint16_t>(port)), standard.contains(static_cast<std::uint16_t>(port)));
  auto few_many = few, many_few = many;
  few_many.merge(many);
  many_few.merge(few);
  EXPECT_EQ(saved(few_many), saved(all));
  EXPECT_EQ(saved(many_few), saved(all));
  EXPECT_EQ(saved(loaded<Ports>(saved(all))), saved(all));
  EXPECT_LT(all.memory(), 550'000u);  // a table would need 1.1 MB
}

TEST(VolumeMap, ReadsWhatItSaved) {
  const auto c = some_flows(4, 5000);
  Hosts map;
  map.add(c.keys, c.packets, c.bytes);
  map.add(0xffffffff, {top, top, top});
  const auto bytes = saved(map);
  EXPECT_EQ(saved(loaded<Hosts>(bytes)), bytes);
  EXPECT_EQ(loaded<Hosts>(bytes).of(0xffffffff), (mole::Volume{top, top, top}));
  EXPECT_EQ(Hosts::shape(), "volumes<u32>");
}

TEST(VolumeMap, SavesFewBytesPerEntry) {
  Ports map;
  map.add(80, {1, 2, 300});
  map.add(443, {1, 1, 40});
  EXPECT_EQ(saved(map), std::string("\2\0\0\0\0\0\0\0\x50\1\2\xac\2\xeb\2\1\1\x28", 18));
  mole::VolumeMap<mole::Addr> addresses;
  addresses.add(mole::Addr{}, {1, 1, 1});
  EXPECT_EQ(saved(addresses), std::string("\1\0\0\0\0\0\0\0", 8) + std::string(16, '\0') + "\1\1\1");
}

TEST(VolumeMap, RejectsInvalidBytes) {
  const std::string one("\1\0\0\0\0\0\0\0", 8), two("\2\0\0\0\0\0\0\0", 8), max("\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  EXPECT_EQ(loaded<Ports>(one + "\x50\1\1\1").of(80), (mole::Volume{1, 1, 1}));
  EXPECT_EQ(loaded<Ports>(one + "\x50\1\1" + max + "\1").of(80).bytes, top);
  EXPECT_THROW(loaded<Ports>(one + "\x50\1\1" + max + "\2"), mole::Failure);  // beyond 64 bits
  EXPECT_THROW(loaded<Ports>(one + "\x50\1\1" + max + max + "\1"), mole::Failure);
  EXPECT_THROW(loaded<Ports>(one + std::string("\x50\1\1\x81\0", 5)), mole::Failure);      // not the shortest encoding
  EXPECT_THROW(loaded<Ports>(one + "\xff\xff\x04\1\1\1"), mole::Failure);                  // port 81919
  EXPECT_THROW(loaded<Ports>(two + std::string("\x50\1\1\1\0\1\1\1", 8)), mole::Failure);  // duplicate
  EXPECT_THROW(loaded<Ports>(two + "\xff\xff\3\1\1\1\1\1\1\1"), mole::Failure);            // above 65535
  EXPECT_THROW(loaded<Ports>(one + "\x50\1\1"), mole::Failure);                            // truncated
  EXPECT_THROW(loaded<Ports>(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f\x50\1\1\1", 12)), mole::Failure);
}

TEST(Concentration, IsCorrectForAKnownDistribution) {
  mole::Concentration c;
  for (const std::uint64_t count : {50, 0, 25, 25}) c.add(count);
  const auto row = c.row();
  EXPECT_EQ(row.entropy, 1.5);
  EXPECT_EQ(row.top_1, 0.5);
  EXPECT_EQ(row.top_10, 1.0);
  EXPECT_EQ(row.top_100, 1.0);
  EXPECT_EQ(row.herfindahl, 0.375);
}

TEST(Concentration, KeepsTheHundredLargest) {
  mole::Concentration c;
  for (std::uint64_t i = 1; i <= 400; ++i) c.add(i * 7919 % 401);  // 1..400 in a different order
  const double total = 400 * 401 / 2;
  EXPECT_EQ(c.row().top_1, 400 / total);
  EXPECT_EQ(c.row().top_10, (391 + 400) * 5 / total);
  EXPECT_EQ(c.row().top_100, (301 + 400) * 50 / total);
}

// Small and large counts are stored differently.
TEST(Concentration, IsCorrectForSmallAndLargeCounts) {
  std::mt19937_64 random(8);
  for (const std::size_t large : {0, 1, 99, 100, 101, 1000}) {
    std::vector<std::uint64_t> counts;
    for (std::size_t i = 0; i < large; ++i) counts.push_back(random() % 100'000 + 200);
    for (std::size_t i = 0; i < 150; ++i) counts.push_back(random() % 256);
    std::shuffle(counts.begin(), counts.end(), random);
    mole::Concentration c;
    mole::Entropy entropy;
    double squares = 0;
    for (const auto count : counts) {
      c.add(count);
      entropy.add(count);
      squares += static_cast<double>(count * count);
    }
    std::sort(counts.begin(), counts.end(), std::greater<>());
    const auto total = static_cast<double>(*entropy.total());
    const auto share = [&](std::size_t n) {
      return static_cast<double>(
                 std::accumulate(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(n), std::uint64_t{0})) /
             total;
    };
    const auto row = c.row();
    EXPECT_EQ(row.entropy, entropy.bits());
    EXPECT_EQ(row.normalised_entropy, entropy.normalised());
    EXPECT_EQ(row.top_1, share(1));
    EXPECT_EQ(row.top_10, share(10));
    EXPECT_EQ(row.top_100, share(100));
    EXPECT_DOUBLE_EQ(*row.herfindahl, squares / total / total);
    EXPECT_EQ(c.row().top_100, row.top_100);  // row() changes nothing
  }
}

TEST(Concentration, IsNullWhenEmptyOrAfterOverflow) {
  mole::Concentration none, over;
  EXPECT_EQ(none.row().top_1, std::nullopt);
  EXPECT_EQ(none.row().herfindahl, std::nullopt);
  over.add(top);
  EXPECT_EQ(over.row().top_1, 1.0);
  over.add(top);
  EXPECT_EQ(over.row().top_1, std::nullopt);
}

}  // namespace
