// The delays of flows whose times are far from their export.
#include "runtime/decode/delay_counter.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace mole::runtime::test {
namespace {

TEST(DelayCounter, AcceptsAnyTime) {
  constexpr Micros least = std::numeric_limits<Micros>::min(), most = std::numeric_limits<Micros>::max();
  for (const Micros exported : {Micros{0}, Micros{1'700'000'000'000'000}, Micros{-5}, least, most}) {
    const std::vector<Micros> starts{least, -1, 0, exported, most}, ends(starts.rbegin(), starts.rend());
    FlowBatch batch;
    batch.rows = static_cast<std::uint32_t>(starts.size());
    batch.columns[MOLE_COLUMN_START] = starts.data();
    batch.columns[MOLE_COLUMN_END] = ends.data();
    DelayCounter counter(0);
    counter.exported(exported, batch.rows);
    counter.add(batch);
    const auto& counts = counter.counts();
    EXPECT_EQ(counts.start, counts.end);
    EXPECT_GE(counts.start.front(), 2u) << "those not before their export";
  }
  const std::vector<Micros> early{least}, late{most};
  FlowBatch batch;
  batch.rows = 1;
  batch.columns[MOLE_COLUMN_START] = early.data();
  batch.columns[MOLE_COLUMN_END] = late.data();
  DelayCounter counter(0);
  counter.exported(1'700'000'000'000'000, 1);
  counter.add(batch);
  EXPECT_EQ(counter.counts().start.back(), 1u) << "the longest delay";
  EXPECT_EQ(counter.counts().end.front(), 1u) << "exported before it ended";
  EXPECT_EQ(counter.counts().late, 1u);
}

}  // namespace
}  // namespace mole::runtime::test
