#include "runtime/routes/as_columns.hpp"
#include "tests/routes/mmdb_writer.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

namespace mole::runtime {
namespace {

namespace fs = std::filesystem;

class Tables : public ::testing::Test {
 protected:
  task::RouteTableRef table(Micros from, Micros to, const std::string& text) {
    const auto digest = digest_of(std::string_view(text));
    std::ofstream(folder_ / digest.hex(), std::ios::binary) << text;
    return {{from, to}, digest, "rib.txt", "prefixes", false};
  }

  mole::testing::TempFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

constexpr std::uint32_t inside = 0x0a000001u;

TEST_F(Tables, ATableIsValidUntilTheNextOneStarts) {
  LoadedTables loaded(folder_);
  AsColumns as({{{0, 10}, {}, "", "", false}, table(10, 20, "10.0.0.0/8 1\n"), table(20, 30, "10.0.0.0/8 2\n")}, loaded);
  const std::vector<Micros> times = {9, 10, 19, 20, 12, 29, 5, 30, 1000, -1000};
  const std::vector<std::uint32_t> expected = {0, 1, 1, 2, 1, 2, 0, 2, 2, 0};
  const std::vector<std::uint32_t> addresses(times.size(), inside);
  ASSERT_TRUE(as.look_up({static_cast<std::uint32_t>(times.size()), 4, times.data(), addresses.data(), addresses.data()}));
  EXPECT_EQ(std::vector(as.src(), as.src() + times.size()), expected);
  EXPECT_EQ(std::vector(as.dst(), as.dst() + times.size()), expected);
  for (std::size_t i = 0; i < times.size(); ++i) {  // also row by row, so that no batch spans two tables
    ASSERT_TRUE(as.look_up({1, 4, &times[i], &addresses[i], nullptr}));
    EXPECT_EQ(as.src()[0], expected[i]) << times[i];
  }
}

TEST_F(Tables, LooksUpBothAddressFamilies) {
  LoadedTables loaded(folder_);
  AsColumns as({table(0, 10, "10.0.0.0/8 1\n2001:db8::/32 2\n")}, loaded);
  const std::vector<Micros> times = {1, 2, 3};
  std::vector<std::uint8_t> addresses(48);
  addresses[0] = 0x20, addresses[1] = 0x01, addresses[2] = 0x0d, addresses[3] = 0xb8;
  addresses[16 + 10] = addresses[16 + 11] = 0xff, addresses[16 + 12] = 10;
  addresses[32] = 0x20;
  ASSERT_TRUE(as.look_up({3, 6, times.data(), nullptr, addresses.data()}));
  EXPECT_EQ(std::vector(as.dst(), as.dst() + 3), (std::vector<std::uint32_t>{2, 1, 0}));
}

TEST_F(Tables, ATableMayBeADatabase) {
  testing::MmdbWriter writer;
  writer.add({{{0x0a000000u, 7, 8}}, {{0x20010db800000000u, 0, 8, 32}}});
  auto database = table(0, 10, writer.bytes());
  database.format = "mmdb";
  LoadedTables loaded(folder_);
  const auto read = loaded.get(database);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)->find(inside), 7u);
  EXPECT_EQ((*read)->find(0x20010db800000000u, 1), 8u);
  database.format = "bgpdump";
  EXPECT_FALSE(LoadedTables(folder_).get(database));
}

TEST_F(Tables, ErrorsNameTheTable) {
  LoadedTables loaded(folder_);
  AsColumns as({table(0, 10, "10.0.0.0/8 one\n")}, loaded);
  const Micros time = 1;
  const auto done = as.look_up({1, 4, &time, &inside, nullptr});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("rib.txt"), std::string::npos);
  EXPECT_NE(done.error().message.find("line 1"), std::string::npos);
}

TEST_F(Tables, ATableIsLoadedOnceForAllThreads) {
  LoadedTables loaded(folder_);
  const auto one = table(0, 10, "10.0.0.0/8 1\n");
  std::vector<std::shared_ptr<const RouteTable>> results(4);
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) threads.emplace_back([&] { result = *loaded.get(one); });
  }
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
}

TEST_F(Tables, KeepsAFewTablesAndReloadsOthers) {
  LoadedTables loaded(folder_);
  std::vector<task::RouteTableRef> routes;
  for (Micros day = 0; day < 10; ++day) routes.push_back(table(day, day + 1, "10.0.0.0/8 " + std::to_string(day + 1) + "\n"));
  std::vector<std::weak_ptr<const RouteTable>> seen;
  AsColumns as(routes, loaded);
  for (int pass = 0; pass < 2; ++pass)
    for (Micros day = 0; day < 10; ++day) {
      ASSERT_TRUE(as.look_up({1, 4, &day, &inside, nullptr}));
      EXPECT_EQ(as.src()[0], static_cast<std::uint32_t>(day + 1));
      seen.emplace_back(*loaded.get(routes[static_cast<std::size_t>(day)]));
    }
  const auto in_memory = std::count_if(seen.begin(), seen.end(), [](const auto& t) { return !t.expired(); });
  EXPECT_LE(static_cast<std::size_t>(in_memory), LoadedTables::max_kept);
}

}  // namespace
}  // namespace mole::runtime
