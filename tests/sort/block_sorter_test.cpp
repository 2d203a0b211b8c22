#include "runtime/sort/block_sorter.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <tuple>

namespace mole::runtime {
namespace {
namespace fs = std::filesystem;

const ColumnSet columns =
    ColumnSet().set(MOLE_COLUMN_START).set(MOLE_COLUMN_BYTES).set(MOLE_COLUMN_SRC_ADDR).set(MOLE_COLUMN_PROTOCOL);

struct Flow {
  std::int64_t start;
  std::uint32_t file;
  std::uint64_t record;
  std::uint64_t bytes;
  std::uint32_t family;

  auto key() const { return std::tie(start, file, record); }
  bool operator==(const Flow&) const = default;
};

class BlockSorterTest : public ::testing::Test {
 protected:
  // Adds flows as batches of up to `size` rows of one file and family each.
  static void put(BlockSorter& sorter, const std::vector<Flow>& flows, std::size_t size = 1000) {
    ColumnBuffers buffers(columns);
    for (std::size_t from = 0; from < flows.size();) {
      FlowBatch batch;
      batch.columns = buffers.view();
      batch.address_family = flows[from].family;
      batch.first_record = flows[from].record;
      std::size_t to = from;
      while (to < flows.size() && to - from < size && flows[to].family == batch.address_family &&
             flows[to].file == flows[from].file) {
        const auto row = static_cast<std::uint32_t>(to - from);
        static_cast<std::int64_t*>(buffers.columns()[MOLE_COLUMN_START])[row] = flows[to].start;
        static_cast<std::uint64_t*>(buffers.columns()[MOLE_COLUMN_BYTES])[row] = flows[to].bytes;
        static_cast<std::uint8_t*>(buffers.columns()[MOLE_COLUMN_PROTOCOL])[row] = static_cast<std::uint8_t>(flows[to].bytes);
        const std::size_t width = column_width(MOLE_COLUMN_SRC_ADDR, batch.address_family);
        auto* address = static_cast<unsigned char*>(buffers.columns()[MOLE_COLUMN_SRC_ADDR]) + width * row;
        std::memset(address, static_cast<int>(flows[to].bytes & 0xff), width);
        ++to;
      }
      batch.rows = static_cast<std::uint32_t>(to - from);
      const auto added = sorter.add(batch, flows[from].file);
      ASSERT_TRUE(added) << added.error().message;
      from = to;
    }
  }

  // Returns the sorted flows. File and record are not columns; `bytes` identifies the flow.
  static std::vector<std::pair<std::int64_t, std::uint64_t>> take(BlockSorter& sorter) {
    std::vector<std::pair<std::int64_t, std::uint64_t>> out;
    FlowBatch batch;
    while (true) {
      auto more = sorter.next(batch);
      if (!more) ADD_FAILURE() << more.error().message;
      if (!more || !*more) return out;
      EXPECT_GT(batch.rows, 0u);
      for (std::uint32_t row = 0; row < batch.rows; ++row) {
        const auto bytes = batch.column<std::uint64_t>(MOLE_COLUMN_BYTES)[row];
        out.emplace_back(batch.column<std::int64_t>(MOLE_COLUMN_START)[row], bytes);
        EXPECT_EQ(batch.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL)[row], static_cast<std::uint8_t>(bytes));
        const std::size_t width = column_width(MOLE_COLUMN_SRC_ADDR, batch.address_family);
        const auto* address = static_cast<const unsigned char*>(batch.columns[MOLE_COLUMN_SRC_ADDR]) + width * row;
        EXPECT_EQ(address[0], static_cast<unsigned char>(bytes));
        EXPECT_EQ(address[width - 1], static_cast<unsigned char>(bytes));
      }
    }
  }

  void expect_sorted(std::vector<Flow> flows, std::uint64_t memory, bool spills) {
    BlockSorter sorter({columns, {0, hour_us}, folder_, memory});
    put(sorter, flows);
    std::sort(flows.begin(), flows.end(), [](const Flow& a, const Flow& b) { return a.key() < b.key(); });
    std::vector<std::pair<std::int64_t, std::uint64_t>> expected;
    for (const auto& f : flows) expected.emplace_back(f.start, f.bytes);
    EXPECT_TRUE(take(sorter) == expected);
    EXPECT_EQ(sorter.spilled_bytes() > 0, spills);
    EXPECT_TRUE(fs::is_empty(folder_)) << "the scratch file has no name";
  }

  static std::vector<Flow> random_flows(std::size_t count, bool both_families) {
    std::mt19937_64 random(4);
    std::vector<Flow> flows;
    for (std::uint32_t file = 0; file < 3; ++file)
      for (std::uint64_t record = 0; record < count / 3; ++record) {
        // Start times repeat, so file and record determine the order; some are outside the range.
        const auto start = static_cast<std::int64_t>(random() % 4000) * second_us - 200 * second_us;
        flows.push_back({start, file, record, flows.size(), both_families && random() % 2 == 0 ? 6u : 4u});
      }
    return flows;
  }

  mole::testing::TempFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(BlockSorterTest, SortsNoFlows) { expect_sorted({}, 1 << 20, false); }
TEST_F(BlockSorterTest, SortsInMemory) { expect_sorted(random_flows(30'000, false), 64 << 20, false); }
TEST_F(BlockSorterTest, SortsMoreThanItsMemory) { expect_sorted(random_flows(30'000, false), 100'000, true); }
TEST_F(BlockSorterTest, SortsBothAddressFamiliesTogether) {
  expect_sorted(random_flows(9'000, true), 64 << 20, false);
  expect_sorted(random_flows(9'000, true), 50'000, true);
}

TEST_F(BlockSorterTest, SortsFlowsWithTheSameStartInBoundedMemory) {
  std::vector<Flow> flows;
  for (std::uint64_t i = 0; i < 20'000; ++i) flows.push_back({minute_us, 0, i, i, 4});
  expect_sorted(flows, 80'000, true);
}

TEST_F(BlockSorterTest, SortsExtremeTimes) {
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min(), highest = std::numeric_limits<std::int64_t>::max();
  expect_sorted({{highest, 0, 0, 1, 4}, {lowest, 0, 1, 2, 4}, {0, 0, 2, 3, 4}, {hour_us, 0, 3, 4, 4}, {-1, 0, 4, 5, 4}}, 1 << 20,
                false);
}

TEST_F(BlockSorterTest, AddsOnlyTheSelectedRows) {
  BlockSorter sorter({columns, {0, hour_us}, folder_, 1 << 20});
  ColumnBuffers buffers(columns);
  FlowBatch batch;
  batch.columns = buffers.view();
  batch.rows = 5;
  for (std::uint32_t i = 0; i < 5; ++i) {
    static_cast<std::int64_t*>(buffers.columns()[MOLE_COLUMN_START])[i] = 100 - i;
    static_cast<std::uint64_t*>(buffers.columns()[MOLE_COLUMN_BYTES])[i] = i;
    static_cast<std::uint8_t*>(buffers.columns()[MOLE_COLUMN_PROTOCOL])[i] = static_cast<std::uint8_t>(i);
    std::memset(static_cast<std::uint32_t*>(buffers.columns()[MOLE_COLUMN_SRC_ADDR]) + i, static_cast<int>(i), 4);
  }
  const std::uint32_t slots[] = {MOLE_NO_STATE, 7, MOLE_NO_STATE, 9, MOLE_NO_STATE};
  ASSERT_TRUE(sorter.add(batch, 0, slots));
  const std::vector<std::pair<std::int64_t, std::uint64_t>> expected{{97, 3}, {99, 1}};
  EXPECT_EQ(take(sorter), expected);
  EXPECT_EQ(sorter.slots()[0], 9u);
  EXPECT_EQ(sorter.slots()[1], 7u);
}

TEST_F(BlockSorterTest, ReportsAMissingScratchFolderWhenNeeded) {
  BlockSorter sorter({columns, {0, hour_us}, folder_ / "none", 1000});
  ColumnBuffers buffers(columns);
  FlowBatch batch;
  batch.columns = buffers.view();
  batch.rows = 1000;
  std::memset(buffers.columns()[MOLE_COLUMN_START], 0, 8000);
  const auto added = sorter.add(batch, 0);
  ASSERT_FALSE(added);
  EXPECT_NE(added.error().message.find("scratch folder"), std::string::npos);
}

}  // namespace
}  // namespace mole::runtime
