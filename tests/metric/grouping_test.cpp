#include "runtime/metric/flow_grouping.hpp"

#include <gtest/gtest.h>

namespace mole::runtime {
namespace {

constexpr Micros noon = Micros{1178712000} * second_us;  // the start of an hour
constexpr Micros quarter = 15 * minute_us;

GroupingPlan plan(std::vector<std::string> by, TimeRange range = {noon, noon + 4 * hour_us}) {
  GroupingPlan p;
  p.by = *dimensions_named(by);
  p.range = range;
  p.interval = quarter;
  p.lateness = hour_us;
  return p;
}
FlowGrouping grouping(GroupingPlan p) {
  const auto grid = *IntervalGrid::over(p.range, p.interval);
  return FlowGrouping(std::move(p), grid);
}
task::File file_at(Micros from, const std::string& router = "r1") {
  return {"f", 1, 1, router, 0, {from, from + hour_us}, true, ""};
}

struct Batch {
  std::vector<Micros> start;
  std::vector<std::uint16_t> port;
  std::vector<std::uint8_t> protocol;
  std::vector<std::uint32_t> address;
  FlowBatch view() const {
    FlowBatch v;
    v.rows = static_cast<std::uint32_t>(start.size());
    v.columns[MOLE_COLUMN_START] = start.data();
    v.columns[MOLE_COLUMN_DST_PORT] = port.data();
    v.columns[MOLE_COLUMN_PROTOCOL] = protocol.data();
    v.columns[MOLE_COLUMN_SRC_ADDR] = address.data();
    return v;
  }
};

TEST(FlowGrouping, AssignsABatchWithinOneIntervalToOneSlot) {
  auto r = grouping(plan({"router"}));
  ASSERT_TRUE(r.start_file(file_at(noon)));
  const Batch batch{{noon + 1, noon + quarter - 1}, {}, {}, {}};
  const auto assignment = *r.assign(batch.view());
  EXPECT_FALSE(assignment.empty);
  EXPECT_EQ(assignment.slot_of_row, nullptr);
  EXPECT_EQ(r.slots()[assignment.slot].interval, 0u);
  EXPECT_EQ(r.group_of(assignment.slot), Group{"r1"});
}

TEST(FlowGrouping, IntervalsAreHalfOpen) {
  auto r = grouping(plan({}));
  r.start_file(file_at(noon));
  const Batch batch{{noon, noon + quarter - 1, noon + quarter}, {}, {}, {}};
  const auto assignment = *r.assign(batch.view());
  ASSERT_NE(assignment.slot_of_row, nullptr);
  EXPECT_EQ(assignment.slot_of_row[0], assignment.slot_of_row[1]);
  EXPECT_NE(assignment.slot_of_row[1], assignment.slot_of_row[2]);
}

TEST(FlowGrouping, GroupsByEveryKindOfDimension) {
  auto r = grouping(plan({"router", "protocol_class", "dst_port", "src_addr"}));
  r.start_file(file_at(noon, "r2"));
  const Batch batch{{noon, noon, noon}, {80, 80, 443}, {6, 6, 58}, {0x0a000001, 0x0a000001, 0xffffffff}};
  const auto assignment = *r.assign(batch.view());
  EXPECT_EQ(assignment.slot_of_row[0], assignment.slot_of_row[1]);
  EXPECT_EQ(r.group_of(assignment.slot_of_row[0]), (Group{"r2", "tcp", "80", "10.0.0.1"}));
  EXPECT_EQ(r.group_of(assignment.slot_of_row[2]), (Group{"r2", "icmp", "443", "255.255.255.255"}));
}

// Home is 10.0.0.0/8. The flows have both addresses inside, one, or none. With an open dimension, groups are found by hash,
// otherwise by code.
TEST(FlowGrouping, FindsDirectionsRelativeToHome) {
  for (const bool hashed : {false, true}) {
    auto p = plan(hashed ? std::vector<std::string>{"direction", "dst_port"}
                         : std::vector<std::string>{"direction", "protocol_class"});
    p.home = {*parse_filter("src net 10.0.0.0/8"), *parse_filter("dst net 10.0.0.0/8")};
    auto r = grouping(p);
    r.start_file(file_at(noon));
    const Batch batch{{noon, noon, noon, noon}, {80, 80, 80, 80}, {6, 6, 6, 6}, {0x0a000001, 0x0a000001, 0xc0000201, 0xc0000201}};
    const std::vector<std::uint32_t> destination{0x0a000002, 0xc0000202, 0x0a000002, 0xc0000202};
    auto view = batch.view();
    view.columns[MOLE_COLUMN_DST_ADDR] = destination.data();
    const auto assignment = *r.assign(view);
    const std::string other = hashed ? "80" : "tcp";
    EXPECT_EQ(r.group_of(assignment.slot_of_row[0]), (Group{"internal", other}));
    EXPECT_EQ(r.group_of(assignment.slot_of_row[1]), (Group{"out", other}));
    EXPECT_EQ(r.group_of(assignment.slot_of_row[2]), (Group{"in", other}));
    EXPECT_EQ(r.group_of(assignment.slot_of_row[3]), (Group{"transit", other}));
  }
}

TEST(GroupingPlan, DependsOnHomeOnlyIfGroupedByDirection) {
  auto inside = plan({"direction"}), elsewhere = inside, without = plan({});
  inside.home = {*parse_filter("src as 1"), *parse_filter("dst as 1")};
  elsewhere.home = {*parse_filter("src as 2"), *parse_filter("dst as 2")};
  without.home = inside.home;
  EXPECT_FALSE(inside == elsewhere);
  EXPECT_TRUE(without == plan({}));
  EXPECT_EQ(without.columns(), plan({}).columns());
  const auto read = inside.columns();
  for (const int column : {MOLE_COLUMN_SRC_AS, MOLE_COLUMN_DST_AS})
    EXPECT_NE(std::find(read.begin(), read.end(), column), read.end());
}

TEST(FlowGrouping, ReadsOnlyFilesOfItsRouters) {
  auto p = plan({});
  p.routers = {"r1"};
  auto r = grouping(p);
  EXPECT_TRUE(r.start_file(file_at(noon, "r1")));
  EXPECT_FALSE(r.start_file(file_at(noon, "r2")));
}

// The file starts at 15:00 and the allowed lateness is one hour: the interval that ended at 14:15 is the first that accepts its
// flows.
TEST(FlowGrouping, CountsLateFlowsInTheIntervalInWhichTheirFileBegins) {
  auto r = grouping(plan({"router"}));
  r.start_file(file_at(noon + 3 * hour_us));
  const Micros boundary = noon + 2 * hour_us;  // the interval that starts here ended at 14:15
  const Batch batch{{boundary - 1, boundary, noon + 3 * hour_us, noon + 4 * hour_us + 1}, {}, {}, {}};
  const auto assignment = *r.assign(batch.view());
  EXPECT_EQ(assignment.slot_of_row[0], MOLE_NO_STATE);
  EXPECT_NE(assignment.slot_of_row[1], MOLE_NO_STATE);
  EXPECT_NE(assignment.slot_of_row[2], MOLE_NO_STATE);
  EXPECT_EQ(assignment.slot_of_row[3], MOLE_NO_STATE) << "after the end of its file's time range";
  std::uint64_t late = 0;
  for (const auto& slot : r.slots()) {
    if (slot.late) {
      EXPECT_EQ(slot.interval, 12u) << "15:00";
    }
    late += slot.late;
  }
  EXPECT_EQ(late, 2u);
}

// For any block length, every flow is counted once, either in an interval or as late.
TEST(FlowGrouping, CountsEveryFlowInExactlyOneBlock) {
  Batch batch;
  for (Micros t = noon - 6 * hour_us; t < noon + 10 * hour_us; t += 7 * minute_us) batch.start.push_back(t);
  for (const Micros length : {quarter, hour_us, 4 * hour_us, 16 * hour_us}) {
    std::vector<int> counted(batch.start.size());
    std::uint64_t late = 0;
    for (Micros from = noon - 8 * hour_us; from < noon + 12 * hour_us; from += length) {
      auto r = grouping(plan({}, {from, from + length}));
      const auto file = file_at(noon);
      if (!file.covers.overlaps({from, from + length + hour_us})) continue;  // the file is not an input of this block
      r.start_file(file);
      const auto assignment = *r.assign(batch.view());
      for (std::size_t i = 0; i < batch.start.size(); ++i)
        if (!assignment.empty && (!assignment.slot_of_row || assignment.slot_of_row[i] != MOLE_NO_STATE)) ++counted[i];
      for (const auto& slot : r.slots()) late += slot.late;
    }
    std::uint64_t on_time = 0;
    for (std::size_t i = 0; i < counted.size(); ++i) {
      EXPECT_LE(counted[i], 1);
      on_time += static_cast<std::uint64_t>(counted[i]);
      EXPECT_EQ(counted[i], batch.start[i] >= noon - hour_us && batch.start[i] < noon + hour_us) << format_time(batch.start[i]);
    }
    EXPECT_EQ(on_time + late, batch.start.size()) << format_duration(length);
  }
}

TEST(FlowGrouping, FiltersLateFlowsToo) {
  auto p = plan({});
  p.filter = *parse_filter("dst port 80");
  auto r = grouping(p);
  r.start_file(file_at(noon));
  const Batch batch{{noon, noon, noon - 9 * hour_us, noon - 9 * hour_us}, {80, 81, 80, 81}, {}, {}};
  const auto assignment = *r.assign(batch.view());
  EXPECT_NE(assignment.slot_of_row[0], MOLE_NO_STATE);
  EXPECT_EQ(assignment.slot_of_row[1], MOLE_NO_STATE);
  EXPECT_EQ(r.slots()[0].late, 1u);
}

TEST(FlowGrouping, DistinguishesManyGroups) {
  auto r = grouping(plan({"src_addr"}));
  r.start_file(file_at(noon));
  for (int round = 0; round < 2; ++round)
    for (std::uint32_t base = 0; base < 200000; base += 50000) {
      Batch batch;
      for (std::uint32_t i = 0; i < 50000; ++i) {
        batch.start.push_back(noon);
        batch.address.push_back(base + i);
      }
      ASSERT_TRUE(r.assign(batch.view()));
    }
  EXPECT_EQ(r.slots().size(), 200000u);
  EXPECT_EQ(r.group_of(150000), Group{"0.2.73.240"});
}

TEST(FlowGrouping, AcceptsExtremeTimes) {
  auto r = grouping(plan({}));
  r.start_file(file_at(noon));
  const Batch batch{{INT64_MIN, INT64_MAX, 0, noon}, {}, {}, {}};
  const auto assignment = *r.assign(batch.view());
  EXPECT_EQ(assignment.slot_of_row[0], MOLE_NO_STATE);
  EXPECT_NE(assignment.slot_of_row[3], MOLE_NO_STATE);
}

TEST(IntervalGrid, RejectsIntervalsThatDoNotDivideTheBlock) {
  EXPECT_FALSE(IntervalGrid::over({noon, noon + hour_us}, 7 * minute_us));
  EXPECT_FALSE(IntervalGrid::over({noon + 1, noon + 1 + hour_us}, quarter));
  EXPECT_FALSE(IntervalGrid::over({noon, noon}, quarter));
  EXPECT_FALSE(IntervalGrid::over({noon, noon + hour_us}, 0));
  EXPECT_EQ(IntervalGrid::over({noon, noon + hour_us}, quarter)->size(), 4u);
}

}  // namespace
}  // namespace mole::runtime
