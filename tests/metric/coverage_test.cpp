#include "runtime/metric/coverage.hpp"

#include <gtest/gtest.h>

namespace mole::runtime {
namespace {

constexpr Micros noon = Micros{1178712000} * second_us;
task::File file_at(Micros from, const std::string& router) { return {"f", 1, 1, router, 0, {from, from + hour_us}, true, ""}; }

Evidence evidence(std::vector<TimeRange> readable, std::vector<std::array<std::int64_t, 3>> datagrams = {}) {
  Evidence e;
  for (const auto& [at, received, lost] : datagrams)
    e.add(at, static_cast<std::uint64_t>(received), static_cast<std::uint64_t>(lost));
  e.set_readable(std::move(readable));
  e.finish();
  return e;
}

RowCoverage of(const CoverageTable& table, TimeRange interval, std::vector<std::string> routers, Load load = Load::start) {
  return table.of(interval, routers, load);
}

task::Archive archive_with(std::vector<DelayPoint> start, std::vector<DelayPoint> end = {{0, 1}}) {
  task::Archive archive;
  archive.export_delay = {std::move(start), std::move(end)};
  return archive;
}

TEST(Coverage, IsTheReadableShareTimesTheReceivedShare) {
  CoverageTable table(archive_with({{0, 1}}));
  table.expect(file_at(noon, "a"));
  table.add(file_at(noon, "a"),
            evidence({{noon, noon + 30 * minute_us}}, {{noon, 90, 0}, {noon + minute_us, 0, 10}, {noon + 40 * minute_us, 5, 5}}),
            true);
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + 15 * minute_us}, {"a"}), (RowCoverage{0.9, 10, 0, 1, 1}));
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a"}), (RowCoverage{0.5 * (95.0 / 110.0), 15, 0, 1, 1}));
  EXPECT_EQ(of(table, {noon + 30 * minute_us, noon + 45 * minute_us}, {"a"}), (RowCoverage{0, 5, 0, 1, 1}));
}

TEST(Coverage, MisdatedFlowsAreMissingButNotLost) {
  CoverageTable table(archive_with({{0, 1}}));
  table.expect(file_at(noon, "a"));
  Evidence e;
  for (Micros t = noon; t < noon + hour_us; t += minute_us) {
    e.add(t, 30, t < noon + 15 * minute_us ? 10 : 0);
    if (t < noon + 30 * minute_us) e.add_misdated(t, 20);
  }
  e.set_readable({{noon, noon + hour_us}});
  e.finish();
  table.add(file_at(noon, "a"), e, true);
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + 15 * minute_us}, {"a"}), (RowCoverage{0.5, 150, 0, 1, 1}));
  EXPECT_EQ(of(table, {noon + 15 * minute_us, noon + 30 * minute_us}, {"a"}), (RowCoverage{0.6, 0, 0, 1, 1}));
  EXPECT_EQ(of(table, {noon + 30 * minute_us, noon + 45 * minute_us}, {"a"}), (RowCoverage{1, 0, 0, 1, 1}));
}

TEST(Coverage, FlowsOfUnusableFilesAreMissing) {
  CoverageTable table(archive_with({{0, 1}}));
  auto first = file_at(noon, "a"), second = file_at(noon + hour_us, "a"), beside = file_at(noon + hour_us, "a");
  first.id = "first", second.id = "second", beside.id = "beside";
  for (const auto& file : {first, second, beside}) table.expect(file);
  const Micros later = noon + hour_us;
  table.add(first, evidence({{noon, later}}, {{noon, 40, 0}, {noon + 30 * minute_us, 40, 0}}), true);
  table.add(second, evidence({{later, later + hour_us}}, {{later, 30, 0}, {later + 30 * minute_us, 40, 0}}), true);
  table.add(beside, evidence({{later, later + hour_us}}, {{later, 10, 0}}), true);
  table.finish();
  const std::vector<std::string> router{"a"};
  const auto share = [&](Micros from, Micros length, const FileIds& unusable) {
    return table.of({from, from + length}, router, Load::start, unusable).share;
  };
  const Micros half = 30 * minute_us;
  EXPECT_EQ(share(later, half, {}), 1);
  EXPECT_EQ(share(noon, hour_us, {"second"}), 1);
  EXPECT_EQ(share(later, half, {"second"}), 0.25);                          // 10 of 40 flows
  EXPECT_EQ(share(later + half, half, {"second"}), 0);                      // all of them
  EXPECT_EQ(share(later + 45 * minute_us, 15 * minute_us, {"second"}), 1);  // it has no flows there
  EXPECT_EQ(share(later, half, {"second", "beside"}), 0);
  EXPECT_EQ(table.of({later, later + half}, router, Load::start, {"second"}).files_present, 2u);
}

TEST(Coverage, OfSeveralRoutersIsTheirMean) {
  CoverageTable table(archive_with({{0, 1}}));
  for (const char* router : {"a", "b"}) table.expect(file_at(noon, router));
  table.add(file_at(noon, "a"), evidence({{noon, noon + hour_us}}, {{noon, 10, 0}}), true);
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a", "b"}), (RowCoverage{0.5, 0, 0, 2, 1}));
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"b"}), (RowCoverage{0, 0, 0, 1, 0}));
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {}), (RowCoverage{}));
}

TEST(Coverage, CountsSlotsWithoutFiles) {
  CoverageTable table(archive_with({{0, 1}}));
  table.expect(file_at(noon + 20 * minute_us, "a"));  // the slots of this router begin at twenty past
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a"}).files_expected, 2u);
  EXPECT_EQ(of(table, {noon - 24 * hour_us, noon - 23 * hour_us}, {"a"}).files_expected, 2u);
  EXPECT_EQ(of(table, {noon + 20 * minute_us, noon + 80 * minute_us}, {"a"}).files_expected, 1u);
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"unknown"}).files_expected, 1u);
}

TEST(Coverage, CountsTimeReadTwiceOnce) {
  CoverageTable table(archive_with({{0, 1}}));
  for (int i = 0; i < 2; ++i) {
    table.expect(file_at(noon, "a"));
    table.add(file_at(noon, "a"), evidence({{noon, noon + 40 * minute_us}}), true);
  }
  table.finish();
  const auto e = of(table, {noon, noon + hour_us}, {"a"});
  EXPECT_DOUBLE_EQ(e.share, 40.0 / 60.0);
  EXPECT_EQ(e.files_expected, 2u);
}

TEST(Coverage, AnIntervalWithOnlyLostFlowsIsZero) {
  CoverageTable table(archive_with({{0, 1}}));
  table.expect(file_at(noon, "a"));
  table.add(file_at(noon, "a"), evidence({{noon, noon + hour_us}}, {{noon, 0, 5}}), true);
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a"}).share, 0);
}

// Half of the flows are exported at once, the others evenly within half an hour. The hour after the interval is missing.
TEST(Coverage, FlowsExportedInAMissingFileAreMissing) {
  const std::vector<DelayPoint> delays = {{0, 0.5}, {30 * minute_us, 1}};
  CoverageTable table(archive_with(delays));
  table.expect(file_at(noon, "a"));
  table.add(file_at(noon, "a"), evidence({{noon, noon + hour_us}}), true);
  table.finish();
  const auto share = [&](int from, int to, Load load = Load::start) {
    return of(table, {noon + from * minute_us, noon + to * minute_us}, {"a"}, load).share;
  };
  EXPECT_EQ(share(0, 15), 1);
  EXPECT_EQ(share(15, 30), 1) << "exactly, because a reader compares with 1";
  EXPECT_NEAR(share(30, 45), 1 - 0.5 * 0.25,
              1e-12);  // delays of more than 15 to 30 minutes are missing: of the rest on average a quarter
  EXPECT_NEAR(share(45, 60), 1 - 0.5 * 0.75, 1e-12);
  EXPECT_NEAR(share(30, 60), 1 - 0.5 * 0.5, 1e-12);
  EXPECT_EQ(share(45, 60, Load::end), 1);
  // Flows that began before the first file and were exported in it.
  EXPECT_NEAR(share(-15, 0), 0.5 * 0.75, 1e-12);
  EXPECT_NEAR(share(-30, -15), 0.5 * 0.25, 1e-12);
  EXPECT_EQ(share(-45, -30), 0);
  EXPECT_EQ(share(60, 75), 0);
}

// Flows last at most 40 minutes, evenly. The hour before the file is missing.
TEST(Coverage, OfLessThanOneHundredthIsZero) {
  CoverageTable table(archive_with({{0, 0}, {40 * minute_us, 1}}));
  for (const char* router : {"a", "b"}) table.expect(file_at(noon, router));
  table.add(file_at(noon, "a"), evidence({{noon, noon + hour_us}}), true);
  table.finish();
  const auto share = [&](int from, int to, std::vector<std::string> routers = {"a"}) {
    return of(table, {noon + from * minute_us, noon + to * minute_us}, std::move(routers)).share;
  };
  EXPECT_EQ(share(-45, -39), 0) << "0.002: the last minute on average half of a fortieth";
  EXPECT_EQ(share(-50, -38), 0) << "0.0042";
  EXPECT_NEAR(share(-39, -38), 0.0375, 1e-12);
  EXPECT_NEAR(share(-40, -39), 0.0125, 1e-12);
  EXPECT_EQ(share(-40, -39, {"a", "b"}), 0) << "0.00625 of both";
  EXPECT_EQ(share(0, 15), 1);
}

TEST(Coverage, WithLessThanOneHundredthReceivedIsZero) {
  CoverageTable table(archive_with({{0, 1}}));
  table.expect(file_at(noon, "a"));
  table.add(file_at(noon, "a"), evidence({{noon, noon + hour_us}}, {{noon, 1, 999}, {noon + 30 * minute_us, 2, 98}}), true);
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + 15 * minute_us}, {"a"}), (RowCoverage{0, 999, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(of(table, {noon + 30 * minute_us, noon + 45 * minute_us}, {"a"}).share, 0.02);
}

// Half of the flows are exported within the lateness of one hour. They alone count.
TEST(Coverage, IgnoresFlowsLaterThanTheLateness) {
  CoverageTable table(archive_with({{0, 0}, {2 * hour_us, 1}}));
  for (int i = 0; i < 2; ++i) {
    table.expect(file_at(noon + i * hour_us, "a"));
    table.add(file_at(noon + i * hour_us, "a"), evidence({{noon + i * hour_us, noon + (i + 1) * hour_us}}), true);
  }
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a"}).share, 1);
  EXPECT_NEAR(of(table, {noon + hour_us, noon + 2 * hour_us}, {"a"}).share, 0.5, 1e-12);
}

TEST(Coverage, LossCountsForTheIntervalsOfTheLostFlows) {
  CoverageTable table(archive_with({{0, 0}, {30 * minute_us, 1}}));
  table.expect(file_at(noon, "a"));
  // 10 flows a minute; those exported in the minute at 30 were lost. Half of them began before 15, half after.
  std::vector<std::array<std::int64_t, 3>> datagrams;
  for (int i = 0; i < 60; ++i) datagrams.push_back({noon + i * minute_us, i == 30 ? 0 : 10, i == 30 ? 10 : 0});
  table.add(file_at(noon, "a"), evidence({{noon, noon + hour_us}}, datagrams), true);
  table.finish();
  const auto first = of(table, {noon, noon + 15 * minute_us}, {"a"}),
             second = of(table, {noon + 15 * minute_us, noon + 30 * minute_us}, {"a"});
  EXPECT_NEAR(first.share, 1 - 0.5 / 15, 0.003);
  EXPECT_NEAR(second.share, 1 - 0.5 / 15, 0.003);
  EXPECT_EQ(first.flows_lost, 0u);
  EXPECT_EQ(of(table, {noon + 30 * minute_us, noon + 45 * minute_us}, {"a"}).flows_lost, 10u);
  EXPECT_EQ(of(table, {noon + 45 * minute_us, noon + hour_us}, {"a"}).share < 1, true) << "its exports reach past the file";
}

// Against a sum over many flows.
TEST(DelayCurve, IsTheShareOfFlowsSpreadEvenly) {
  const std::vector<DelayPoint> points = {{0, 0.1}, {10 * second_us, 0.5}, {5 * minute_us, 0.9}, {31 * minute_us, 1}};
  const DelayCurve curve(points, hour_us);
  const TimeRange interval{noon, noon + 15 * minute_us};
  for (const TimeRange exported : {TimeRange{noon, noon + minute_us}, TimeRange{noon + 10 * minute_us, noon + 20 * minute_us},
                                   TimeRange{noon - hour_us, noon}, TimeRange{noon + 14 * minute_us, noon + 2 * hour_us}}) {
    double sum = 0;
    constexpr int n = 20'000;
    for (int i = 0; i < n; ++i) {
      const Micros start = interval.from + (interval.to - interval.from) * (2 * i + 1) / (2 * n);
      sum += curve.share(exported.to - start) - curve.share(exported.from - start);
    }
    EXPECT_NEAR(curve.share_exported(interval, exported), sum / n, 1e-4);
  }
  EXPECT_EQ(curve.share(-1), 0);
  EXPECT_EQ(curve.share(0), 0.1);
  EXPECT_EQ(curve.share(10 * second_us), 0.5);
  EXPECT_EQ(curve.share(hour_us), 1);
}

TEST(DelayCurve, LeavesOutLongerDelays) {
  const std::vector<DelayPoint> points = {{0, 0.1}, {minute_us, 0.5}, {11 * minute_us, 1}};
  const DelayCurve curve(points, 6 * minute_us);
  EXPECT_EQ(curve.longest(), 6 * minute_us);
  EXPECT_DOUBLE_EQ(curve.share(0), 0.1 / 0.75);
  EXPECT_DOUBLE_EQ(curve.share(minute_us), 0.5 / 0.75);
  EXPECT_EQ(curve.share(6 * minute_us), 1);
  const std::vector<DelayPoint> later = {{0, 0}, {minute_us, 1}};
  EXPECT_EQ(DelayCurve(later, 0).share(0), 1) << "without any flow in time";
}

}  // namespace
}  // namespace mole::runtime
