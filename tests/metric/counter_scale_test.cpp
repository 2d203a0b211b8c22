#include "runtime/metric/counter_scale.hpp"

#include <gtest/gtest.h>

namespace mole::runtime {
namespace {

using Numbers = std::vector<std::uint64_t>;
constexpr std::uint64_t most = UINT64_MAX;

struct Batch {
  Numbers packets, bytes;
  std::vector<std::uint32_t> sampling;
  std::vector<std::uint8_t> source, scaled;
  Numbers reverse_packets = {}, reverse_bytes = {};
  std::uint32_t family = 4;

  FlowBatch view() const {
    FlowBatch v;
    v.rows = static_cast<std::uint32_t>(packets.size());
    v.address_family = family;
    v.columns[MOLE_COLUMN_PACKETS] = packets.data();
    v.columns[MOLE_COLUMN_BYTES] = bytes.empty() ? nullptr : bytes.data();
    v.columns[MOLE_COLUMN_SAMPLING] = sampling.data();
    v.columns[MOLE_COLUMN_SAMPLING_SOURCE] = source.empty() ? nullptr : source.data();
    v.columns[MOLE_COLUMN_SCALED] = scaled.data();
    v.columns[MOLE_COLUMN_REVERSE_PACKETS] = reverse_packets.empty() ? nullptr : reverse_packets.data();
    v.columns[MOLE_COLUMN_REVERSE_BYTES] = reverse_bytes.empty() ? nullptr : reverse_bytes.data();
    return v;
  }
};

template <class T>
std::vector<T> values(const FlowBatch& view, int column) {
  const auto found = view.column<T>(column);
  return {found.begin(), found.end()};
}

FlowGrouping::Assignment all_rows() { return {false, 0, nullptr}; }
ColumnSet reads(std::initializer_list<std::size_t> columns) {
  ColumnSet set;
  for (const auto c : columns) set.set(c);
  return set;
}

constexpr std::uint8_t unknown = MOLE_SAMPLING_UNKNOWN, record = MOLE_SAMPLING_RECORD, options = MOLE_SAMPLING_OPTIONS,
                       from_manifest = MOLE_SAMPLING_MANIFEST;

TEST(CounterScale, MultipliesByTheRateOfTheRecordThenOfOptionsThenOfTheManifest) {
  const task::Sampling manifest{10, {{"r2", 20}}};
  const Batch batch{{1, 2, 3, 4}, {100, 200, 300, 400}, {7, 9, 1, 1},    {record, options, unknown, record},
                    {0, 0, 0, 0}, {5, 6, 7, 8},         {50, 60, 70, 80}};
  for (const std::uint32_t family : {4u, 6u}) {
    Batch of_family = batch;
    of_family.family = family;
    CounterScale scale(Scale::sampling, manifest);
    ScaleCounts counts;
    for (const auto& [router, rate] : {std::pair{"r1", 10u}, std::pair{"r2", 20u}}) {
      scale.start_file(router);
      auto view = of_family.view();
      scale.convert(view);
      scale.apply(view);
      counts.add(scale, all_rows());
      EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_PACKETS), (Numbers{7, 18, 3 * rate, 4}));
      EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_BYTES), (Numbers{700, 1800, 300 * rate, 400}));
      EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_REVERSE_PACKETS), (Numbers{35, 54, 7 * rate, 8}));
      EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_REVERSE_BYTES), (Numbers{350, 540, 70 * rate, 80}));
      EXPECT_EQ(values<std::uint32_t>(view, MOLE_COLUMN_SAMPLING), (std::vector<std::uint32_t>{7, 9, rate, 1}));
      EXPECT_EQ(values<std::uint8_t>(view, MOLE_COLUMN_SAMPLING_SOURCE),
                (std::vector<std::uint8_t>{record, options, from_manifest, record}));
      EXPECT_EQ(values<std::uint8_t>(view, MOLE_COLUMN_SCALED), (std::vector<std::uint8_t>{1, 1, 1, 1}));
    }
    const auto summary = counts.summary(reads({MOLE_COLUMN_PACKETS}));
    EXPECT_EQ(summary.flows, (std::array<std::uint64_t, 4>{0, 4, 2, 2}));
    EXPECT_EQ(summary.manifest_differs, 6u) << "the rates of records and options win";
    EXPECT_EQ(summary.unscaled, 0u);
  }
  EXPECT_EQ(batch.packets[0], 1u) << "the decoded columns are not changed: steps with scale none read them";
}

TEST(CounterScale, CountsFlowsWithoutAnyRate) {
  const task::Sampling manifest{0, {{"r2", 20}}};
  CounterScale scale(Scale::sampling, manifest);
  scale.start_file("r1");
  const Batch batch{{1, 2}, {10, 20}, {1, 5}, {unknown, unknown}, {0, 0}};
  auto view = batch.view();
  scale.convert(view);
  scale.apply(view);
  EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_PACKETS), (Numbers{1, 10})) << "5: of a decoder without sampling_source";
  EXPECT_EQ(values<std::uint8_t>(view, MOLE_COLUMN_SCALED), (std::vector<std::uint8_t>{0, 1}));
  ScaleCounts counts;
  const std::uint32_t slots[] = {0, MOLE_NO_STATE};
  counts.add(scale, {false, 0, slots});
  EXPECT_EQ(counts.summary(reads({MOLE_COLUMN_BYTES})).unscaled, 1u);
  EXPECT_EQ(counts.summary(reads({MOLE_COLUMN_BYTES})).flows, (std::array<std::uint64_t, 4>{1, 0, 0, 0}))
      << "a flow that is not counted has no source";
  counts.add(scale, {});
  EXPECT_EQ(counts.summary(reads({MOLE_COLUMN_BYTES})).unscaled, 1u);
}

TEST(CounterScale, KeepsCountersThatTheCollectorScaled) {
  const task::Sampling manifest{50, {}};
  CounterScale scale(Scale::sampling, manifest);
  scale.start_file("");
  const Batch batch{{100, 100, 1}, {5000, 5000, 50}, {100, 1, 100}, {options, unknown, options}, {1, 1, 0}};
  auto view = batch.view();
  scale.convert(view);
  scale.apply(view);
  EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_PACKETS), (Numbers{100, 100, 100}));
  EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_BYTES), (Numbers{5000, 5000, 5000}));
  ScaleCounts counts;
  counts.add(scale, all_rows());
  const auto summary = counts.summary(reads({MOLE_COLUMN_BYTES}));
  EXPECT_EQ(summary.was_scaled, 2u);
  EXPECT_EQ(summary.unscaled, 0u) << "it is scaled, although the rate is not known";
  EXPECT_EQ(summary.manifest_differs, 2u);
}

TEST(CounterScale, SaturatesAt64BitsAndCountsIt) {
  const task::Sampling manifest;
  CounterScale scale(Scale::sampling, manifest);
  scale.start_file("");
  const Batch batch{{most, most / 2, most / 3, 1, 0},
                    {most / 4, 1, most, most, most},
                    {1, 2, 3, 4, 1'000'000'000},
                    {record, record, record, record, record},
                    {0, 0, 0, 0, 0}};
  auto view = batch.view();
  scale.convert(view);
  scale.apply(view);
  EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_PACKETS), (Numbers{most, most - 1, most, 4, 0}));
  EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_BYTES), (Numbers{most / 4, 2, most, most, most}));
  ScaleCounts counts;
  counts.add(scale, all_rows());
  EXPECT_EQ(counts.summary(reads({MOLE_COLUMN_BYTES})).inexact, 3u);
  EXPECT_EQ(counts.summary(reads({MOLE_COLUMN_PACKETS})).inexact, 0u) << "a step that reads only packets is not affected";
}

TEST(CounterScale, DividesScaledCountersOnlyIfThatIsExact) {
  const task::Sampling manifest{7, {}};  // not used
  CounterScale scale(Scale::none, manifest);
  scale.start_file("");
  const Batch batch{{100, 100, 150, 33}, {1000, 1000, 1000, 44}, {100, 1, 100, 100}, {}, {1, 1, 1, 0}, {200, 0, 100, 5}};
  auto view = batch.view();
  scale.convert(view);
  scale.apply(view);
  EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_PACKETS), (Numbers{1, 100, 150, 33}));
  EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_BYTES), (Numbers{10, 1000, 10, 44}));
  EXPECT_EQ(values<std::uint64_t>(view, MOLE_COLUMN_REVERSE_PACKETS), (Numbers{2, 0, 1, 5}));
  ScaleCounts counts;
  counts.add(scale, all_rows());
  EXPECT_EQ(counts.summary(reads({MOLE_COLUMN_PACKETS})).inexact, 2u) << "an unknown rate, and a remainder";
  EXPECT_EQ(counts.summary(reads({MOLE_COLUMN_BYTES})).inexact, 1u);
  EXPECT_EQ(counts.summary(reads({MOLE_COLUMN_BYTES})).was_scaled, 3u);
}

TEST(CounterScale, LeavesBatchesWithoutScaledCountersAsTheyAre) {
  const task::Sampling manifest;
  CounterScale scale(Scale::none, manifest);
  scale.start_file("");
  const Batch batch{{1, 2}, {10, 20}, {100, 100}, {}, {0, 0}};
  auto view = batch.view();
  scale.convert(view);
  scale.apply(view);
  EXPECT_EQ(view.columns[MOLE_COLUMN_PACKETS], batch.packets.data());
  EXPECT_TRUE(scale.rows().empty());
  const Batch scaled{{100, 200, 300}, {}, {100, 100, 100}, {}, {1, 1, 1}};
  auto next = scaled.view();
  scale.convert(next);
  scale.apply(next);
  EXPECT_EQ(values<std::uint64_t>(next, MOLE_COLUMN_PACKETS), (Numbers{1, 2, 3}));
  EXPECT_EQ(next.columns[MOLE_COLUMN_BYTES], nullptr);
  view = batch.view();
  scale.convert(view);
  scale.apply(view);
  EXPECT_EQ(view.columns[MOLE_COLUMN_PACKETS], batch.packets.data()) << "nothing of an earlier batch is left";
  scale.convert(FlowBatch());
}

TEST(CounterScale, NeedsTheColumnsOfItsScale) {
  const auto counters = reads({MOLE_COLUMN_REVERSE_BYTES}), none = reads({MOLE_COLUMN_SRC_ADDR});
  EXPECT_EQ(columns_for_scale(Scale::sampling, none, false),
            reads({MOLE_COLUMN_SAMPLING, MOLE_COLUMN_SAMPLING_SOURCE, MOLE_COLUMN_SCALED}));
  EXPECT_EQ(columns_for_scale(Scale::none, counters, true), reads({MOLE_COLUMN_SAMPLING, MOLE_COLUMN_SCALED}));
  EXPECT_TRUE(columns_for_scale(Scale::none, counters, false).none());
  EXPECT_TRUE(columns_for_scale(Scale::none, none, true).none());
}

}  // namespace
}  // namespace mole::runtime
