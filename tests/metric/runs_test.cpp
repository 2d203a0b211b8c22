#include "runtime/metric/flow_runs.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace mole::runtime {
namespace {

struct Batch {
  std::vector<std::uint32_t> state;
  std::vector<std::uint64_t> bytes;
  std::vector<std::uint8_t> protocol;
  FlowBatch view() const {
    FlowBatch v;
    v.rows = static_cast<std::uint32_t>(bytes.size());
    v.columns[MOLE_COLUMN_BYTES] = bytes.data();
    v.columns[MOLE_COLUMN_PROTOCOL] = protocol.data();
    return v;
  }
  FlowGrouping::Assignment assignment() const { return {false, 0, state.data()}; }
};

// Each row contains its number, so that the order can be checked.
Batch batch_of(std::vector<std::uint32_t> states) {
  Batch b{std::move(states), {}, {}};
  for (std::size_t i = 0; i < b.state.size(); ++i) {
    b.bytes.push_back(i);
    b.protocol.push_back(static_cast<std::uint8_t>(i));
  }
  return b;
}

using Rows = std::map<std::uint32_t, std::vector<std::uint64_t>>;

Rows expected(const Batch& b) {
  Rows out;
  for (std::size_t i = 0; i < b.state.size(); ++i)
    if (b.state[i] != MOLE_NO_STATE) out[b.state[i]].push_back(i);
  return out;
}

Rows actual(FlowRuns& runs) {
  Rows out;
  runs.gather(MOLE_COLUMN_BYTES);
  runs.gather(MOLE_COLUMN_PROTOCOL);
  for (const auto& run : runs.runs()) {
    const FlowBatch view = runs.view(run);
    for (std::uint32_t i = 0; i < view.rows; ++i) {
      const auto row = view.column<std::uint64_t>(MOLE_COLUMN_BYTES)[i];
      out[run.state].push_back(row);
      EXPECT_EQ(view.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL)[i], static_cast<std::uint8_t>(row));
    }
  }
  return out;
}

TEST(FlowRuns, KeepTheOrderOfRowsWithinAState) {
  std::mt19937 random(3);
  FlowRuns runs;
  for (const std::uint32_t rows : {64u, 1000u, 65536u})
    for (const std::uint32_t states : {1u, 3u, rows / 16}) {
      std::vector<std::uint32_t> of_row(rows);
      for (auto& s : of_row) s = random() % 10 == 0 ? MOLE_NO_STATE : static_cast<std::uint32_t>(random() % states);
      const auto batch = batch_of(of_row);
      ASSERT_TRUE(runs.arrange(batch.view(), batch.assignment(), states));
      EXPECT_EQ(actual(runs), expected(batch)) << rows << " rows, " << states << " states";
    }
}

TEST(FlowRuns, FindFewStatesAmongMillions) {
  std::vector<std::uint32_t> of_row(4096);
  for (std::uint32_t i = 0; i < of_row.size(); ++i) of_row[i] = i % 7 == 0 ? MOLE_NO_STATE : 1'000'000 + i % 5 * 100'000;
  const auto batch = batch_of(of_row);
  FlowRuns runs;
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(runs.arrange(batch.view(), batch.assignment(), 2'000'000));
    EXPECT_EQ(actual(runs), expected(batch));
  }
}

TEST(FlowRuns, RejectManyStates) {
  std::vector<std::uint32_t> of_row(4096);
  for (std::uint32_t i = 0; i < of_row.size(); ++i) of_row[i] = i % 512;
  const auto many = batch_of(of_row);
  FlowRuns runs;
  EXPECT_FALSE(runs.arrange(many.view(), many.assignment(), 5000));
  for (auto& s : of_row) s %= 4;
  const auto few = batch_of(of_row);
  ASSERT_TRUE(runs.arrange(few.view(), few.assignment(), 5000)) << "the refused batch has no effect";
  EXPECT_EQ(actual(runs), expected(few));
}

TEST(FlowRuns, LongRunsAreNotCopied) {
  std::vector<std::uint32_t> of_row(4096, 2);
  std::fill(of_row.begin() + 1000, of_row.begin() + 3000, 1u);
  const auto batch = batch_of(of_row);
  FlowRuns runs;
  ASSERT_TRUE(runs.arrange(batch.view(), batch.assignment(), 3));
  runs.gather(MOLE_COLUMN_BYTES);
  ASSERT_EQ(runs.runs().size(), 3u);
  EXPECT_EQ(runs.runs()[0].state, 1u);
  EXPECT_EQ(runs.view(runs.runs()[0]).column<std::uint64_t>(MOLE_COLUMN_BYTES).data(), batch.bytes.data() + 1000);
  EXPECT_EQ(actual(runs), expected(batch));
}

TEST(FlowRuns, SupportOneStateAndNoState) {
  const auto batch = batch_of({0, 0, 0});
  FlowRuns runs;
  ASSERT_TRUE(runs.arrange(batch.view(), {false, 9, nullptr}, 10));
  EXPECT_EQ(actual(runs), (Rows{{9, {0, 1, 2}}}));
  ASSERT_TRUE(runs.arrange(batch.view(), {}, 10));
  EXPECT_TRUE(runs.runs().empty());
}

}  // namespace
}  // namespace mole::runtime
