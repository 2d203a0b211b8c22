// Information elements of sorted flows: every value of a flow stays with it, in memory and in the scratch file.
#include "runtime/sort/block_sorter.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace mole::runtime {
namespace {

// Text, octets, numbers, addresses and times.
const std::vector<std::string> names{"dnsName", "sourceMacAddress", "flowId", "staIPv4Address", "systemInitTimeMilliseconds"};

ColumnSet columns() {
  ColumnSet out = ColumnSet().set(MOLE_COLUMN_START).set(MOLE_COLUMN_BYTES);
  for (const auto& name : names) out.set(static_cast<std::size_t>(flow_column_named(name)));
  return out;
}

struct Flow {
  std::int64_t start;
  std::uint32_t file;
  std::uint64_t record;
  std::uint32_t family;
  std::vector<std::vector<std::string>> values;  // by element, as bytes

  auto key() const { return std::tie(start, file, record); }
  bool operator==(const Flow&) const = default;
};

struct Shape {
  std::size_t flows = 3'000, batch = 300, longest_text = 40, most_values = 3;
  bool both_families = false;
};

std::vector<Flow> random_flows(const Shape& shape) {
  std::mt19937_64 random(7);
  std::vector<Flow> out;
  for (std::uint32_t file = 0; file < 3; ++file)
    for (std::uint64_t record = 0; record < shape.flows / 3; ++record) {
      Flow flow{static_cast<std::int64_t>(random() % 4000) * second_us - 200 * second_us,
                file,
                record,
                shape.both_families && random() % 2 == 0 ? 6u : 4u,
                {}};
      for (const auto& name : names) {
        const auto width = size_of_value(type_of_values(flow_column_named(name)));
        auto& values = flow.values.emplace_back(random() % (shape.most_values + 1));
        for (auto& value : values) {
          value.resize(width != 0 ? width : random() % (shape.longest_text + 1));
          for (auto& byte : value) byte = static_cast<char>(random());
        }
      }
      out.push_back(std::move(flow));
    }
  return out;
}

// Index of the element among those of an ElementColumns, which are in the order of their columns.
std::size_t index_of(ElementColumns& elements, const std::string& name) {
  const auto values = elements.values();
  return static_cast<std::size_t>(std::ranges::find(values, flow_column_named(name), &ElementValues::column) - values.begin());
}

void put(BlockSorter& sorter, const std::vector<Flow>& flows, std::size_t size) {
  ColumnBuffers buffers(columns());
  ElementColumns elements(columns());
  for (std::size_t from = 0, to = 0; from < flows.size(); from = to) {
    FlowBatch batch;
    batch.columns = buffers.view();
    batch.address_family = flows[from].family;
    batch.first_record = flows[from].record;
    elements.clear();
    for (;
         to < flows.size() && to - from < size && flows[to].family == batch.address_family && flows[to].file == flows[from].file;
         ++to) {
      const auto row = batch.rows++;
      static_cast<std::int64_t*>(buffers.columns()[MOLE_COLUMN_START])[row] = flows[to].start;
      static_cast<std::uint64_t*>(buffers.columns()[MOLE_COLUMN_BYTES])[row] = flows[to].record << 32 | flows[to].file;
      for (std::size_t e = 0; e < names.size(); ++e)
        for (const auto& value : flows[to].values[e])
          ASSERT_EQ(elements.add(index_of(elements, names[e]), row, value.data(), value.size()), MOLE_OK);
    }
    elements.finish(batch);
    const auto added = sorter.add(batch, flows[from].file);
    ASSERT_TRUE(added) << added.error().message;
  }
}

std::vector<Flow> take(BlockSorter& sorter, std::size_t* batches = nullptr) {
  std::vector<Flow> out;
  FlowBatch batch;
  while (true) {
    auto more = sorter.next(batch);
    if (!more) ADD_FAILURE() << more.error().message;
    if (!more || !*more) return out;
    if (batches) ++*batches;
    for (std::uint32_t row = 0; row < batch.rows; ++row) {
      const auto bytes = batch.column<std::uint64_t>(MOLE_COLUMN_BYTES)[row];
      Flow flow{batch.column<std::int64_t>(MOLE_COLUMN_START)[row],
                static_cast<std::uint32_t>(bytes),
                bytes >> 32,
                batch.address_family,
                {}};
      for (const auto& name : names) {
        const int column = flow_column_named(name);
        const auto& values = batch.column<mole_values>(column)[row];
        auto& out_values = flow.values.emplace_back();
        for (std::uint64_t v = 0; v < values.count; ++v) out_values.emplace_back(value_bytes(type_of_values(column), values, v));
      }
      out.push_back(std::move(flow));
    }
  }
}

void expect_sorted(const Shape& shape, std::uint64_t memory, bool spills) {
  const mole::testing::TempFolder folder;
  auto flows = random_flows(shape);
  BlockSorter sorter({columns(), {0, hour_us}, folder.path(), memory});
  put(sorter, flows, shape.batch);
  std::ranges::sort(flows, [](const Flow& a, const Flow& b) { return a.key() < b.key(); });
  EXPECT_TRUE(take(sorter) == flows);
  EXPECT_EQ(sorter.spilled_bytes() > 0, spills);
}

TEST(SortedElements, StayWithTheirFlowInMemory) { expect_sorted({}, 256 << 20, false); }
TEST(SortedElements, StayWithTheirFlowInTheScratchFile) {
  expect_sorted({}, 1 << 18, true);
  expect_sorted({}, 100'000, true);
  expect_sorted({.flows = 900, .batch = 1}, 10'000, true);
  expect_sorted({.flows = 6'000, .batch = 3'000, .longest_text = 3}, 1 << 18, true);
}
TEST(SortedElements, OfBothAddressFamilies) {
  expect_sorted({.both_families = true}, 256 << 20, false);
  expect_sorted({.both_families = true}, 100'000, true);
}
TEST(SortedElements, LargerThanWhatIsReadAtOnce) {
  expect_sorted({.flows = 30, .batch = 7, .longest_text = 500'000}, 1 << 20, true);
  expect_sorted({.flows = 30, .batch = 7, .longest_text = 500'000}, 1 << 30, false);
}
TEST(SortedElements, LongListsAndFlowsWithoutValues) {
  expect_sorted({.flows = 150, .most_values = 300}, 100'000, true);
  expect_sorted({.most_values = 0}, 100'000, true);
}

// The values of a batch need a bounded memory, however many rows follow.
TEST(SortedElements, ArriveInBatchesOfBoundedSize) {
  const mole::testing::TempFolder folder;
  const Shape shape{.flows = 1200, .longest_text = 30'000};
  auto flows = random_flows(shape);
  BlockSorter sorter({columns(), {0, hour_us}, folder.path(), 4 << 20});
  put(sorter, flows, shape.batch);
  std::size_t batches = 0;
  std::ranges::sort(flows, [](const Flow& a, const Flow& b) { return a.key() < b.key(); });
  EXPECT_TRUE(take(sorter, &batches) == flows);
  EXPECT_GT(batches, 3u);
}

TEST(SortedElements, DoNotDependOnTheBatchesOfTheInput) {
  const auto flows = random_flows({.flows = 1'500});
  std::vector<std::vector<Flow>> results;
  for (const std::size_t batch : {1, 13, 400, 1500})
    for (const std::uint64_t memory : {20'000, 64 << 20}) {
      const mole::testing::TempFolder folder;
      BlockSorter sorter({columns(), {0, hour_us}, folder.path(), memory});
      put(sorter, flows, batch);
      results.push_back(take(sorter));
      EXPECT_TRUE(results.back() == results.front()) << batch << " " << memory;
    }
}

}  // namespace
}  // namespace mole::runtime
