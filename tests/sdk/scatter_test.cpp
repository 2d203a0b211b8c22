#include <gtest/gtest.h>
#include <mole/detail/scatter.hpp>

#include <map>
#include <random>

namespace {

using Rows = std::map<std::uint32_t, std::vector<std::uint64_t>>;

// Scatters a 64-bit column of row numbers and returns the row numbers that each state received.
Rows scattered(mole::detail::Scatter& scatter, const std::vector<std::uint32_t>& state_of_row, std::uint32_t states) {
  std::vector<std::uint64_t> column(state_of_row.size());
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = i;
  scatter.group(state_of_row.data(), static_cast<std::uint32_t>(column.size()), states);
  const auto* arranged = static_cast<const std::uint64_t*>(scatter.arranged(column.data(), 8, 0));
  Rows out;
  for (const auto& run : scatter.runs())
    out[run.state].insert(out[run.state].end(), arranged + run.first, arranged + run.first + run.count);
  return out;
}

Rows expected(const std::vector<std::uint32_t>& state_of_row) {
  Rows out;
  for (std::size_t i = 0; i < state_of_row.size(); ++i)
    if (state_of_row[i] != MOLE_NO_STATE) out[state_of_row[i]].push_back(i);
  return out;
}

TEST(Scatter, GivesEachStateItsRowsInOrder) {
  std::mt19937 random(1);
  mole::detail::Scatter scatter;  // reused, as in a worker
  for (int round = 0; round < 300; ++round) {
    const std::uint32_t states = std::array{1u, 2u, 3u, 17u, 300u, 5000u}[random() % 6], run = 1 + random() % 40;
    std::vector<std::uint32_t> state_of_row(random() % 3000);
    for (std::size_t i = 0; i < state_of_row.size(); ++i)
      state_of_row[i] = i % run ? state_of_row[i - 1] : random() % 5 == 0 ? MOLE_NO_STATE : random() % states;
    ASSERT_EQ(scattered(scatter, state_of_row, states), expected(state_of_row)) << states << " states, runs of " << run;
  }
}

TEST(Scatter, DoesNotCopyABatchOfOneState) {
  mole::detail::Scatter scatter;
  const std::vector<std::uint32_t> all(1000, 4);
  scatter.group(all.data(), 1000, 9);
  EXPECT_EQ(scatter.places(), nullptr);
  ASSERT_EQ(scatter.runs().size(), 1u);
  EXPECT_EQ(scatter.runs()[0].count, 1000u);
}

TEST(Scatter, SkipsRowsWithoutAState) {
  mole::detail::Scatter scatter;
  EXPECT_TRUE(scattered(scatter, std::vector<std::uint32_t>(100, MOLE_NO_STATE), 2).empty());
  EXPECT_TRUE(scattered(scatter, {}, 2).empty());
}

}  // namespace
