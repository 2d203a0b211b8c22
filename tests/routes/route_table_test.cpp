// Compares the flat table with a simple longest-prefix match.
#include "runtime/routes/route_table.hpp"
#include "runtime/routes/mmdb.hpp"
#include "tests/routes/mmdb_writer.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace mole::runtime {
namespace {

using Random = std::mt19937_64;
using V6 = RouteList::V6;
using Address6 = std::pair<std::uint64_t, std::uint64_t>;

std::uint32_t mask(int length) { return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length); }
std::uint64_t mask64(int length) {
  return length <= 0 ? 0 : length >= 64 ? ~std::uint64_t{0} : ~std::uint64_t{0} << (64 - length);
}

// Returns the AS of the longest prefix that contains the address, or of the first of several equal prefixes.
std::uint32_t plain(const RouteList& routes, std::uint32_t address) {
  int longest = -1;
  std::uint32_t as = 0;
  for (const auto& r : routes.v4)
    if ((address & mask(r.length)) == r.network && r.length > longest) longest = r.length, as = r.as;
  return as;
}

std::uint32_t plain(const RouteList& routes, Address6 address) {
  int longest = -1;
  std::uint32_t as = 0;
  for (const auto& r : routes.v6)
    if ((address.first & mask64(r.length)) == r.high && (address.second & mask64(r.length - 64)) == r.low && r.length > longest)
      longest = r.length, as = r.as;
  return as;
}

std::uint32_t random_as(Random& random) {
  return random() % 8 == 0 ? static_cast<std::uint32_t>(random()) : static_cast<std::uint32_t>(random() % 1000);
}

// The prefixes are close together, so that many are nested or adjacent.
RouteList random_routes(Random& random, std::size_t count) {
  RouteList routes;
  const auto base = static_cast<std::uint32_t>(random());
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = static_cast<int>(random() % 4 ? random() % 33 : 22 + random() % 11);
    const auto noise = static_cast<std::uint32_t>(random()) & (random() % 3 ? 0x3ffu : 0xffffffffu);
    routes.v4.push_back({(base ^ noise) & mask(length), random_as(random), static_cast<std::uint8_t>(length)});
    const auto length6 = static_cast<int>(random() % 129);
    routes.v6.push_back({(0x20010db800000000u ^ (random() & (random() % 3 ? 0xffu : ~0ull))) & mask64(length6),
                         (random() & 0xffff) & mask64(length6 - 64), random_as(random), static_cast<std::uint8_t>(length6)});
  }
  return routes;
}

// First and last address of every prefix, and their neighbours.
std::vector<std::uint32_t> edges(const RouteList& routes, Random& random) {
  std::vector<std::uint32_t> out{0, ~std::uint32_t{0}};
  for (const auto& r : routes.v4)
    for (const std::uint32_t at : {r.network, r.network | ~mask(r.length)})
      for (const std::uint32_t step : {0u, 1u, ~0u}) out.push_back(at + step);
  for (int i = 0; i < 500; ++i) out.push_back(static_cast<std::uint32_t>(random()));
  return out;
}

std::vector<Address6> edges6(const RouteList& routes, Random& random) {
  std::vector<Address6> out{{0, 0}, {~0ull, ~0ull}};
  for (const auto& r : routes.v6) {
    const Address6 last{r.high | ~mask64(r.length), r.low | ~mask64(r.length - 64)};
    out.insert(
        out.end(),
        {{r.high, r.low}, last, {r.high - (r.low == 0), r.low - 1}, {last.first + (last.second == ~0ull), last.second + 1}});
  }
  for (int i = 0; i < 200; ++i) out.push_back({random(), random()});
  std::erase_if(out, [](const Address6& a) { return a.first == 0 && a.second >> 32 == 0xffff; });
  return out;
}

void expect_plain_results(const RouteTable& table, const RouteList& routes, Random& random) {
  const auto v4 = edges(routes, random);
  std::vector<std::uint32_t> as(v4.size());
  table.find(v4.data(), v4.size(), as.data());
  for (std::size_t i = 0; i < v4.size(); ++i) {
    ASSERT_EQ(as[i], plain(routes, v4[i])) << std::hex << v4[i];
    ASSERT_EQ(table.find(0, std::uint64_t{0xffff} << 32 | v4[i]), as[i]) << "as an IPv4-mapped address";
  }
  std::vector<std::uint8_t> bytes;
  const auto v6 = edges6(routes, random);
  for (const auto& [high, low] : v6)
    for (const auto word : {high, low})
      for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  as.resize(v6.size());
  table.find_v6(bytes.data(), v6.size(), as.data());
  for (std::size_t i = 0; i < v6.size(); ++i)
    ASSERT_EQ(as[i], plain(routes, v6[i])) << std::hex << v6[i].first << ' ' << v6[i].second;
}

TEST(RouteTable, EqualsASimpleSearchInRandomTables) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto routes = random_routes(random, 1 + random() % 120);
    const auto table = RouteTable::build(routes);
    ASSERT_TRUE(table) << table.error().message;
    expect_plain_results(*table, routes, random);
  }
}

TEST(RouteTable, EqualsASimpleSearchInNestedPrefixes) {
  Random random(1);
  RouteList nested;
  for (int length = 32; length >= 0; --length) {  // longest first, because the order must not matter
    nested.v4.push_back({0xc0000201u & mask(length), static_cast<std::uint32_t>(length + 1), static_cast<std::uint8_t>(length)});
    nested.v4.push_back(
        {0xffffffffu & mask(length), static_cast<std::uint32_t>(length + 100), static_cast<std::uint8_t>(length)});
  }
  for (int length = 128; length >= 0; --length) {
    nested.v6.push_back({~0ull & mask64(length), ~0ull & mask64(length - 64), static_cast<std::uint32_t>(length + 1),
                         static_cast<std::uint8_t>(length)});
    nested.v6.push_back({0x20010db800000000u & mask64(length), 1u & mask64(length - 64), static_cast<std::uint32_t>(length + 200),
                         static_cast<std::uint8_t>(length)});
  }
  const auto table = RouteTable::build(nested);
  ASSERT_TRUE(table);
  expect_plain_results(*table, nested, random);
}

TEST(RouteTable, EqualsASimpleSearchForEveryAddressOfASplitNet) {
  RouteList split;
  for (std::uint32_t i = 0; i < 256; ++i) split.v4.push_back({0x0a000000u | i, i * 7 % 5 == 0 ? 0xfffffff0u + i % 8 : i, 32});
  split.v4.push_back({0x0a000000u, 5, 16});
  const auto table = RouteTable::build(split);
  ASSERT_TRUE(table);
  for (std::uint32_t a = 0x0a000000u; a < 0x0a000300u; ++a) ASSERT_EQ(table->find(a), plain(split, a)) << a;
}

TEST(RouteTable, FindsNothingWithoutRoutes) {
  const auto table = RouteTable::build({});
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find(0x0a000001u), 0u);
  EXPECT_EQ(table->find(0x20010db800000000u, 1), 0u);
}

TEST(RouteTable, UsesTheFirstOfTwoRoutesWithTheSamePrefix) {
  const auto table = RouteTable::build({{{0x0a000000u, 1, 8}, {0x0a000000u, 2, 8}, {0x0a000000u, 3, 8}},
                                        {{0x2001ull << 48, 0, 1, 16}, {0x2001ull << 48, 0, 2, 16}}});
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find(0x0a000001u), 1u);
  EXPECT_EQ(table->find(0x2001ull << 48, 1), 1u);
}

// Building a table of millions of overlapping prefixes must not take much longer than sorting them.
TEST(RouteTable, IsBuiltQuicklyFromManyOverlappingRoutes) {
  RouteList routes;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) routes.v4.push_back({0, i, 1});
  const auto table = RouteTable::build(routes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find(0x7fffffffu), 0u);
}

TEST(RouteTable, RejectsTooManySplitNets) {
  RouteList routes;
  for (std::uint32_t i = 0; i < 300'000; ++i) routes.v4.push_back({i << 8 | 1, i, 32});
  const auto table = RouteTable::build(routes);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Code::exhausted);
}

class File {
 public:
  explicit File(const std::string& bytes) : path_(folder_.file("test.mmdb", bytes)) {}
  const std::filesystem::path& path() const { return path_; }

 private:
  mole::testing::TempFolder folder_;
  std::filesystem::path path_;
};

RouteList first_of_each_prefix(RouteList routes) {  // a database has one record per network
  const auto unique = [](auto& list, auto same) {
    auto all = std::move(list);
    list.clear();
    for (const auto& r : all)
      if (std::none_of(list.begin(), list.end(), [&](const auto& k) { return same(k, r); })) list.push_back(r);
  };
  unique(routes.v4, [](const auto& a, const auto& b) { return a.network == b.network && a.length == b.length; });
  unique(routes.v6, [](const auto& a, const auto& b) { return a.high == b.high && a.low == b.low && a.length == b.length; });
  return routes;
}

TEST(Mmdb, RoundTripsRoutes) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto routes = first_of_each_prefix(random_routes(random, 60));
    std::erase_if(routes.v6,
                  [](const V6& r) { return r.high == 0 && r.low >> 48 == 0; });  // a database uses these for IPv4 addresses
    testing::MmdbWriter writer;
    writer.add(routes);
    const File file(writer.bytes());
    const auto read = read_mmdb(file.path());
    ASSERT_TRUE(read) << read.error().message;
    const auto table = RouteTable::build(*read);
    ASSERT_TRUE(table);
    expect_plain_results(*table, routes, random);
  }
}

TEST(Mmdb, ReadsAnIpv4OnlyTree) {
  testing::MmdbWriter writer(4);
  writer.add({{{0x0a000000u, 7, 8}, {0x0a010000u, 8, 16}, {0xc0000200u, 9, 31}}, {}});
  const File file(writer.bytes());
  const auto read = read_mmdb(file.path());
  ASSERT_TRUE(read) << read.error().message;
  const auto table = RouteTable::build(*read);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find(0x0a000001u), 7u);
  EXPECT_EQ(table->find(0x0a01ffffu), 8u);
  EXPECT_EQ(table->find(0xc0000201u), 9u);
  EXPECT_EQ(table->find(0xc0000202u), 0u);
}

TEST(Mmdb, RejectsADatabaseWithoutAsNumbers) {
  testing::MmdbWriter writer;
  writer.add({{{0x0a000000u, 7, 8}}, {}});
  const File file(writer.bytes("geoname_id"));
  const auto read = read_mmdb(file.path());
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("autonomous_system_number"), std::string::npos);
}

TEST(Mmdb, SurvivesDamage) {
  Random random(1);
  testing::MmdbWriter writer;
  writer.add(first_of_each_prefix(random_routes(random, 40)));
  const auto whole = writer.bytes();
  for (int i = 0; i < 400; ++i) {
    auto bytes = whole;
    if (i % 4 == 0)
      bytes.resize(random() % bytes.size());
    else
      for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    const File file(bytes);
    const auto read = read_mmdb(file.path());  // must return routes or an error in bounded time
    EXPECT_TRUE(read || !read.error().message.empty());
  }
}

// Both records of a node refer to the next node: 2^128 paths through 128 nodes.
TEST(Mmdb, RejectsATreeWithTooManyPaths) {
  testing::MmdbWriter writer;
  writer.add({{}, {{0xaaaaaaaaaaaaaaaaull, 0xaaaaaaaaaaaaaaaaull, 1, 128}}});
  auto bytes = writer.bytes();
  for (std::size_t node = 0; node + 1 < 128; ++node)
    for (std::size_t side = 0; side < 2; ++side)
      bytes[node * 6 + side * 3] = bytes[node * 6 + side * 3 + 1] = 0,
                              bytes[node * 6 + side * 3 + 2] = static_cast<char>(node + 1);
  const File file(bytes);
  const auto read = read_mmdb(file.path());
  ASSERT_FALSE(read);
}

}  // namespace
}  // namespace mole::runtime
