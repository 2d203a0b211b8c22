// The table of what nodes did over time: its bounds, its order, and clocks that are set.
#include "coordinator/control/load_series.hpp"

#include "coordinator/store/keys.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

namespace mole::coordinator::control {
namespace {

using store::Table;

constexpr Micros start = 480'000 * hour_us;  // in 2024

class Series : public ::testing::Test {
 protected:
  Series() { open(); }
  void open() {
    series.reset();
    records.reset();
    store.reset();
    store = std::move(*store::Store::open(folder.path() / "db", {.create = true, .failed = {}}));
    records.emplace(*store);
    series.emplace(*records);
  }
  void add(Micros wall, std::uint64_t node = 1, std::uint64_t bytes = 10) {
    auto minutes = leases::minutes_of(NodeLoad{.cache_bytes = bytes, .cache_limit = 100, .slots = 2, .busy_slots = 1}, {}, wall);
    minutes.begin()->second.fetched_bytes = 1;
    series->add(node, minutes, wall, now);
  }
  // A heartbeat in every `step` of the range.
  void run(Micros from, Micros to, Micros step = 10 * minute_us) {
    for (auto at = from; at < to; at += step, now += step) add(at);
  }
  std::vector<LoadSample> rows(bool hours, std::uint64_t node = 1) const {
    std::vector<LoadSample> out;
    records->scan_loads(node, hours, {INT64_MIN, INT64_MAX}, [&](const LoadSample& sample) {
      out.push_back(sample);
      return true;
    });
    return out;
  }
  std::uint64_t heartbeats(std::uint64_t node = 1) const {
    std::uint64_t out = 0;
    for (const bool hours : {false, true})
      for (const auto& row : rows(hours, node)) out += row.heartbeats;
    return out;
  }

  testing::TempFolder folder;
  std::unique_ptr<store::Store> store;
  std::optional<store::Records> records;
  std::optional<LoadSeries> series;
  Micros now = 5 * second_us;
};

TEST_F(Series, AMinuteIsOneRowAndAGapIsNone) {
  for (int i = 0; i < 6; ++i) add(start + i * 10 * second_us, 1, i < 3 ? 10 : 20);
  add(start + 10 * minute_us);
  const auto minutes = rows(false);
  ASSERT_EQ(minutes.size(), 2u);
  EXPECT_EQ(minutes[0].heartbeats, 6u);
  EXPECT_DOUBLE_EQ(minutes[0].cache_bytes, 15);
  EXPECT_EQ(minutes[0].cache_most, 20u);
  EXPECT_EQ(minutes[1].from, start + 10 * minute_us);
  EXPECT_TRUE(rows(true).empty());
}

TEST_F(Series, MinutesBecomeHoursAfterADay) {
  run(start, start + 30 * hour_us, minute_us);
  const auto minutes = rows(false), hours = rows(true);
  EXPECT_GE(minutes.size(), 24u * 60);
  EXPECT_LE(minutes.size(), 26u * 60);
  EXPECT_EQ(hours.size(), 30 - minutes.size() / 60);
  EXPECT_EQ(hours[2].from, start + 2 * hour_us);
  EXPECT_EQ(hours[2].to, start + 3 * hour_us);
  EXPECT_EQ(hours[2].heartbeats, 60u);
  EXPECT_EQ(hours[2].measured_seconds, 3'600u);
  EXPECT_EQ(hours[2].fetched_bytes, 60u);
  EXPECT_DOUBLE_EQ(hours[2].cache_bytes, 10);
  EXPECT_LE(hours.back().to, minutes.front().from);
}

TEST_F(Series, HoursAreErasedAfter400Days) {
  run(start, start + 450 * day_us, 6 * hour_us);
  EXPECT_LE(rows(false).size(), 6u);
  EXPECT_LE(rows(true).size(), 400u * 4);
  EXPECT_GE(rows(true).size(), 399u * 4 - 6);
  EXPECT_GE(rows(true).front().from, start + 49 * day_us);
}

TEST_F(Series, OutlivesARestart) {
  run(start, start + hour_us, minute_us);
  open();
  run(start + hour_us, start + 2 * hour_us, minute_us);
  EXPECT_EQ(rows(false).size(), 120u);
  EXPECT_EQ(read_loads(*records, {}, start + 2 * hour_us).nodes.at(0).samples.size(), 120u);
}

TEST_F(Series, CatchesUpAfterALongStop) {
  run(start, start + day_us);
  open();
  run(start + 30 * day_us, start + 31 * day_us);
  EXPECT_LE(rows(false).size(), 26u * 6);
  EXPECT_EQ(heartbeats(), 2u * 24 * 6);
}

TEST_F(Series, ShortRunsAreMergedToo) {
  for (int i = 0; i < 30; ++i) {
    open();
    now = 0;
    run(start + i * 5 * hour_us, start + i * 5 * hour_us + 10 * minute_us, minute_us);
  }
  EXPECT_LE(rows(false).size(), 6u * 10);
  EXPECT_EQ(heartbeats(), 300u);
}

TEST_F(Series, AClockThatIsWrongForAWhileLosesLittle) {
  run(start, start + 2 * day_us);
  auto before = heartbeats();
  for (const auto wrong : {start + 9 * 365 * day_us, Micros{0}, start - 1'000 * day_us}) {
    run(wrong, wrong + 5 * minute_us, minute_us);
    EXPECT_GE(heartbeats() + 6, before + 5) << "an hour each time, of those that are furthest away";
    before = heartbeats();
  }
  const auto wall = start + 4 * day_us;
  run(start + 2 * day_us, wall);
  EXPECT_LE(read_loads(*records, {}, wall).nodes.at(0).samples.back().to, wall + hour_us) << "the future is not shown";
  std::uint64_t found = 0;
  for (const auto& sample : read_loads(*records, {start, wall}, wall).nodes.at(0).samples) found += sample.heartbeats;
  EXPECT_GE(found, 4u * 24 * 6 - 3 * 6);
  EXPECT_LE(rows(false).size(), 26u * 6);
}

TEST_F(Series, AClockSetBackAddsToItsMinutes) {
  run(start, start + hour_us, minute_us);
  run(start + 30 * minute_us, start + hour_us, minute_us);
  const auto minutes = rows(false);
  ASSERT_EQ(minutes.size(), 60u);
  EXPECT_EQ(minutes[29].heartbeats, 1u);
  EXPECT_EQ(minutes[30].heartbeats, 2u);
  EXPECT_EQ(minutes[30].measured_seconds, 60u);
  series->add(1, leases::minutes_of(NodeLoad{.slots = 1}, {}, -minute_us), -minute_us, now);  // before 1970
  EXPECT_EQ(rows(false).size(), 60u);
}

TEST_F(Series, MinutesOfAMergedHourDoNotOverlapIt) {
  run(start, start + 30 * hour_us);
  run(start, start + 10 * minute_us, minute_us);
  std::optional<LoadSample> last;
  for (const auto& sample : read_loads(*records, {}, start + 30 * hour_us).nodes.at(0).samples) {
    if (last) EXPECT_LE(last->to, sample.from);
    last = sample;
  }
  EXPECT_EQ(heartbeats(), 30u * 6 + 10);
  run(start + 30 * hour_us, start + 40 * hour_us);
  EXPECT_LE(rows(false).size(), 26u * 6) << "minutes before the first that was known are merged as well";
  EXPECT_EQ(heartbeats(), 40u * 6 + 10);
}

TEST_F(Series, HasAtMost64Nodes) {
  for (std::uint64_t node = 1; node <= 70; ++node) add(start + static_cast<Micros>(node) * second_us, node);
  EXPECT_EQ(records->nodes_with_loads().size(), 64u) << "all have samples of the last day";
  EXPECT_TRUE(rows(false, 70).empty());
  for (std::uint64_t node = 2; node <= 64; ++node) add(start + 2 * day_us, node);
  add(start + 2 * day_us, 70);
  EXPECT_EQ(records->nodes_with_loads().size(), 64u);
  EXPECT_TRUE(rows(false, 1).empty()) << "it was silent for more than a day";
  EXPECT_EQ(rows(false, 70).size(), 1u);
  open();
  add(start + 2 * day_us, 71);
  EXPECT_TRUE(rows(false, 71).empty());
}

TEST_F(Series, LongRangesAreReadInLongerSteps) {
  const auto wall = start + 100 * day_us;
  run(start, wall, 2 * hour_us);
  const auto all = read_loads(*records, {}, wall).nodes.at(0).samples;
  EXPECT_LE(all.size(), 1'500u);
  EXPECT_EQ(all[3].to - all[3].from, 6 * hour_us);
  std::uint64_t found = 0;
  for (const auto& sample : all) found += sample.heartbeats;
  EXPECT_EQ(found, 100u * 12);
  const auto day = read_loads(*records, {wall - 12 * hour_us, wall}, wall).nodes.at(0).samples;
  EXPECT_EQ(day[3].to - day[3].from, minute_us);
  EXPECT_EQ(day.size(), 6u);
  EXPECT_TRUE(read_loads(*records, {start - day_us, start}, wall).nodes.empty());
}

TEST_F(Series, TellsTheBoundOfTheLastMinutes) {
  EXPECT_EQ(read_bound(*records, start).bound, Bound::unknown);
  const auto minutes = [](std::uint32_t busy, Micros at) {
    return leases::minutes_of(NodeLoad{.cache_bytes = 30, .cache_limit = 100, .slots = 4, .busy_slots = busy}, {}, at);
  };
  for (int i = 0; i < 60; ++i) series->add(1, minutes(0, start + i * 10 * second_us), start, now);
  EXPECT_EQ(read_bound(*records, start + 10 * minute_us).bound, Bound::idle);
  for (int i = 0; i < 60; ++i) {
    series->add(1, minutes(4, start + 10 * minute_us + i * 10 * second_us), start, now);
    series->add(2, minutes(4, start + 10 * minute_us + i * 10 * second_us), start, now);
  }
  const auto bound = read_bound(*records, start + 20 * minute_us);
  EXPECT_EQ(bound.bound, Bound::cpu);
  EXPECT_DOUBLE_EQ(bound.slots_busy, 1);
  EXPECT_DOUBLE_EQ(bound.cache_used, 0.3);
  EXPECT_EQ(read_bound(*records, start + hour_us).bound, Bound::unknown) << "nothing is known of the last minutes";
}

}  // namespace
}  // namespace mole::coordinator::control
