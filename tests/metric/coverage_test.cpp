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

RowCoverage of(const CoverageTable& table, TimeRange interval, std::vector<std::string> routers) {
  return table.of(interval, routers);
}

TEST(Coverage, IsTheReadableShareTimesTheReceivedShare) {
  CoverageTable table(hour_us);
  table.expect(file_at(noon, "a"));
  table.add(file_at(noon, "a"),
            evidence({{noon, noon + 30 * minute_us}}, {{noon, 90, 0}, {noon + minute_us, 0, 10}, {noon + 40 * minute_us, 5, 5}}),
            true);
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + 15 * minute_us}, {"a"}), (RowCoverage{0.9, 10, 0, 1, 1}));
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a"}), (RowCoverage{0.5 * (95.0 / 110.0), 15, 0, 1, 1}));
  EXPECT_EQ(of(table, {noon + 30 * minute_us, noon + 45 * minute_us}, {"a"}), (RowCoverage{0, 5, 0, 1, 1}));
}

TEST(Coverage, OfSeveralRoutersIsTheirMean) {
  CoverageTable table(hour_us);
  for (const char* router : {"a", "b"}) table.expect(file_at(noon, router));
  table.add(file_at(noon, "a"), evidence({{noon, noon + hour_us}}, {{noon, 10, 0}}), true);
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a", "b"}), (RowCoverage{0.5, 0, 0, 2, 1}));
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"b"}), (RowCoverage{0, 0, 0, 1, 0}));
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {}), (RowCoverage{}));
}

TEST(Coverage, ExpectsAFileInEverySlotOfTheArchive) {
  CoverageTable table(hour_us);
  table.expect(file_at(noon + 20 * minute_us, "a"));  // the slots of this router start at 20 minutes past the hour
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a"}).files_expected, 2u);
  EXPECT_EQ(of(table, {noon - 24 * hour_us, noon - 23 * hour_us}, {"a"}).files_expected, 2u);
  EXPECT_EQ(of(table, {noon + 20 * minute_us, noon + 80 * minute_us}, {"a"}).files_expected, 1u);
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"unknown"}).files_expected, 1u);
}

TEST(Coverage, CountsTheTimeOfOverlappingFilesOnce) {
  CoverageTable table(hour_us);
  for (int i = 0; i < 2; ++i) {
    table.expect(file_at(noon, "a"));
    table.add(file_at(noon, "a"), evidence({{noon, noon + 40 * minute_us}}), true);
  }
  table.finish();
  const auto e = of(table, {noon, noon + hour_us}, {"a"});
  EXPECT_DOUBLE_EQ(e.share, 40.0 / 60.0);
  EXPECT_EQ(e.files_expected, 2u);
}

TEST(Coverage, IsZeroForAnIntervalWithOnlyLostFlows) {
  CoverageTable table(hour_us);
  table.expect(file_at(noon, "a"));
  table.add(file_at(noon, "a"), evidence({{noon, noon + hour_us}}, {{noon, 0, 5}}), true);
  table.finish();
  EXPECT_EQ(of(table, {noon, noon + hour_us}, {"a"}).share, 0);
}

}  // namespace
}  // namespace mole::runtime
