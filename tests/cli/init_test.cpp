#include "cli/init/naming.hpp"
#include "cli/init/reading.hpp"
#include "coordinator/manifest/time_zone.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace mole::cli {
namespace {

const Micros now = *parse_time("2008-01-01");

std::string best(const std::vector<std::string>& names) {
  const auto namings = namings_of(names, now);
  return namings.empty() ? "" : namings.front().files;
}

// Names with the time of day counted up from 2007-09-22T18:00:00Z; `format` has {0} for hour, {1} for minute.
std::vector<std::string> quarter_hours(const std::string& format) {
  std::vector<std::string> names;
  for (int n = 0; n < 16; ++n) names.push_back(fmt::format(fmt::runtime(format), 18 + n / 4, n % 4 * 15));
  return names;
}

TEST(Naming, RecognisesNamesOfFlowTools) {
  EXPECT_EQ(best(quarter_hours("ft-v05.2007-09-22.{0:02}{1:02}00+0200")), "ft-v05.{start:%Y-%m-%d.%H%M%S%z}");
  EXPECT_EQ(best(quarter_hours("2007/2007-09/2007-09-22/ft-v05.2007-09-22.{0:02}{1:02}00-0500")),
            "{start:%Y/%Y-%m/%Y-%m-%d}/ft-v05.{start:%Y-%m-%d.%H%M%S%z}");
}

TEST(Naming, RecognisesNamesOfNfcapd) {
  EXPECT_EQ(best(quarter_hours("nfcapd.20070922{0:02}{1:02}")), "nfcapd.{start:%Y%m%d%H%M}");
  EXPECT_EQ(best(quarter_hours("2007/09/22/nfcapd.20070922{0:02}{1:02}")), "{start:%Y/%m/%d}/nfcapd.{start:%Y%m%d%H%M}");
  EXPECT_EQ(best(quarter_hours("border1/2007/09/22/nfcapd.20070922{0:02}{1:02}")),
            "{router}/{start:%Y/%m/%d}/nfcapd.{start:%Y%m%d%H%M}");
}

TEST(Naming, RecognisesNamesOfTheThesis) {
  std::vector<std::string> names;
  for (int n = 0; n < 10; ++n)
    for (const int router : {19991, 19993})
      names.push_back(fmt::format("{}_{:06}_{}.dat.bz2", router, 101 + n, 1190480400 + n * 3600));
  EXPECT_EQ(best(names), "{router}_{sequence}_{start:unix}.dat.bz2");
  EXPECT_EQ(best({"19991_000123_1190480400.dat.bz2"}), "{router}_{sequence}_{start:unix}.dat.bz2");
}

TEST(Naming, RecognisesDatesInFolders) {
  std::vector<std::string> names;
  for (int hour = 0; hour < 48; ++hour) names.push_back(fmt::format("2007/09/{}/{:02}.dat.bz2", 22 + hour / 24, hour % 24));
  EXPECT_EQ(best(names), "{start:%Y/%m/%d/%H}.dat.bz2");
}

TEST(Naming, DoesNotTakeAConstantNumberForAnHour) {
  std::vector<std::string> names;
  for (int day = 1; day < 29; ++day) names.push_back(fmt::format("2007-09/ft-v05.2007-09-{:02}", day));
  EXPECT_EQ(best(names), "{start:%Y-%m}/ft-v05.{start:%Y-%m-%d}");
  // A version that looks like the month or the day of all files.
  names.clear();
  for (int hour = 0; hour < 24; ++hour) names.push_back(fmt::format("rtr3/2007/05/09/ft-v05.2007-05-09.{:02}0000+0000.gz", hour));
  EXPECT_EQ(best(names), "{router}/{start:%Y/%m/%d}/ft-v05.{start:%Y-%m-%d.%H%M%S%z}.gz");
  for (auto& name : names) name.replace(name.find("v05"), 3, "v09");
  EXPECT_EQ(best(names), "{router}/{start:%Y/%m/%d}/ft-v09.{start:%Y-%m-%d.%H%M%S%z}.gz");
}

TEST(Naming, RecognisesDaysOfTheYearAndShortYears) {
  std::vector<std::string> days, years;
  for (int day = 250; day < 290; ++day) days.push_back(fmt::format("flows-2007{}.v5", day));
  for (int day = 1; day < 29; ++day) years.push_back(fmt::format("fl0709{:02}.v5", day));
  EXPECT_EQ(best(days), "flows-{start:%Y%j}.v5");
  EXPECT_EQ(best(years), "fl{start:%y%m%d}.v5");
}

TEST(Naming, RecognisesRoutersWithDifferentKindsOfNames) {
  std::vector<std::string> names;
  for (const auto* router : {"zh", "ge-1", "10.0.0.1"})
    for (int hour = 0; hour < 24; ++hour) names.push_back(fmt::format("{}/flows.20070922{:02}", router, hour));
  EXPECT_EQ(best(names), "{router}/flows.{start:%Y%m%d%H}");
}

TEST(Naming, RecognisesRoutersInFileNames) {
  std::vector<std::string> names;
  for (const auto* router : {"zh1", "be1"})
    for (int hour = 0; hour < 24; ++hour) names.push_back(fmt::format("{0}/{0}-20070922{1:02}.raw", router, hour));
  EXPECT_EQ(best(names), "{router}/{router}-{start:%Y%m%d%H}.raw");
}

TEST(Naming, RecognisesAddressesOfRouters) {
  std::vector<std::string> names;
  for (int router = 1; router < 4; ++router)
    for (int hour = 0; hour < 24; ++hour) names.push_back(fmt::format("10.1.{}.254_2007-09-22_{:02}-00.flow", router, hour));
  EXPECT_EQ(best(names), "{router}_{start:%Y-%m-%d_%H-%M}.flow");
}

TEST(Naming, TakesNumbersThatDifferInEveryNameForRunningNumbers) {
  std::vector<std::string> names;
  for (int hour = 0; hour < 24; ++hour)
    names.push_back(fmt::format("dump_20070922_{:02}00_{}.dat", hour, (hour + 1) * 7919 % 9973));
  EXPECT_EQ(best(names), "dump_{start:%Y%m%d_%H%M}_{sequence}.dat");
}

TEST(Naming, DoesNotTakeEndingsForRouters) {
  std::vector<std::string> names;
  for (int hour = 0; hour < 24; ++hour)
    names.push_back(fmt::format("border-20070922{:02}.{}", hour, hour < 6 ? "pcap" : "pcapng"));
  EXPECT_EQ(best(names), "border-{start:%Y%m%d%H}.pcapng");
  for (auto& name : names) name = name.substr(0, name.find('.')) + (name.ends_with("pcap") ? ".v5.gz" : ".v5.xz");
  EXPECT_EQ(best(names), "border-{start:%Y%m%d%H}.v5.xz");
}

TEST(Naming, RecognisesDatesOfPartitionsAndSeconds) {
  std::vector<std::string> partitions, seconds;
  for (int hour = 0; hour < 24; ++hour) {
    partitions.push_back(fmt::format("year=2007/month=09/day=22/hour={:02}/flows.bz2", hour));
    seconds.push_back(fmt::format("2007/09/22/flows-2007-09-22T{:02}:00:00.bin", hour));
  }
  EXPECT_EQ(best(partitions), "year={start:%Y}/month={start:%m}/day={start:%d}/hour={start:%H}/flows.bz2");
  EXPECT_EQ(best(seconds), "{start:%Y/%m/%d}/flows-{start:%Y-%m-%dT%H:%M:%S}.bin");
}

TEST(Naming, RecognisesStartAndEnd) {
  std::vector<std::string> names;
  for (int n = 0; n < 12; ++n) names.push_back(fmt::format("r-{}-{}.v5", 1190484000 + n * 600, 1190484600 + n * 600));
  const auto namings = namings_of(names, now);
  ASSERT_FALSE(namings.empty());
  EXPECT_EQ(namings.front().files, "r-{start:unix}-{end:unix}.v5");
  EXPECT_TRUE(namings.front().has_both);
}

TEST(Naming, IgnoresFilesThatAreStillWritten) {
  auto names = quarter_hours("ft-v05.2007-09-22.{0:02}{1:02}00+0200");
  names.push_back("tmp-v05.2007-09-22.220000+0200");
  EXPECT_EQ(best(names), "ft-v05.{start:%Y-%m-%d.%H%M%S%z}");
}

TEST(Naming, CountsMatchesCollisionsAndDistances) {
  auto names = quarter_hours("nfcapd.20070922{0:02}{1:02}");
  names.push_back("copy/nfcapd.200709221800");
  names.push_back("README");
  const auto namings = namings_of(names, now);
  ASSERT_FALSE(namings.empty());
  const auto& naming = namings.front();
  EXPECT_EQ(naming.matched, 17u);
  EXPECT_EQ(naming.collisions, naming.files.starts_with("{router}") ? 0u : 1u);
  EXPECT_EQ(naming.spacing, 15 * minute_us);
  EXPECT_TRUE(naming.local);
}

TEST(Naming, RecognisesNothingInNamesWithoutTimes) {
  EXPECT_EQ(best({"monday.dat", "tuesday.dat"}), "");
  EXPECT_EQ(best({"flows.1", "flows.2", "flows.3"}), "");
  EXPECT_EQ(best({"20991231.dat"}), "");  // the future
}

// ---- readings

task::FileReport report(const std::string& id, const char* from, const char* to) {
  task::FileReport out;
  out.id = id;
  out.datagrams = 100;
  out.exported_first = *parse_time(from);
  out.exported_last = *parse_time(to);
  return out;
}

Naming naming(const char* files, bool local, Micros spacing = hour_us) {
  return {.files = files, .local = local, .spacing = spacing};
}

TEST(Reading, TellsStartFromEnd) {
  const auto names = naming("{router}_{start:unix}", false);
  const auto start = reading_of({names}, {report("7_1190484000", "2007-09-22T18:00:02", "2007-09-22T18:59:58")}, "");
  EXPECT_EQ(start.files, "{router}_{start:unix}");
  EXPECT_EQ(start.agree, 1u);
  const auto end = reading_of({names}, {report("7_1190484000", "2007-09-22T17:00:02", "2007-09-22T17:59:58")}, "");
  EXPECT_EQ(end.files, "{router}_{end:unix}");
  EXPECT_EQ(end.agree, 1u);
}

TEST(Reading, FindsTheZoneOfLocalTimes) {
  const auto names = naming("f.{start:%Y%m%d%H}", true);
  const auto zurich = reading_of({names},
                                 {report("f.2007102720", "2007-10-27T18:00:02", "2007-10-27T18:59:58"),
                                  report("f.2007102820", "2007-10-28T19:00:02", "2007-10-28T19:59:58")},
                                 "");
  EXPECT_EQ(zurich.zone, "Europe/Zurich");
  EXPECT_EQ(zurich.files, "f.{start:%Y%m%d%H}");
  EXPECT_EQ(zurich.agree, 2u);
  const auto new_york = reading_of({names}, {report("f.2007071508", "2007-07-15T12:00:02", "2007-07-15T12:59:58")}, "");
  EXPECT_EQ(new_york.zone, "America/New_York");
  const auto utc = reading_of({names}, {report("f.2007071508", "2007-07-15T08:00:02", "2007-07-15T08:59:58")}, "");
  EXPECT_EQ(utc.zone, "UTC");
}

TEST(Reading, ConsidersOnlyTheGivenZone) {
  const auto names = naming("f.{start:%Y%m%d%H}", true);
  const auto reading =
      reading_of({names}, {report("f.2007102720", "2007-10-27T18:00:02", "2007-10-27T18:59:58")}, "Europe/Paris");
  EXPECT_EQ(reading.zone, "Europe/Paris");
  EXPECT_EQ(reading.agree, 1u);
}

TEST(Reading, StatesADifferentReadingThatAgreesAsWell) {
  const auto names = naming("f.{start:%Y%m%d%H}", true);
  const auto reading = reading_of({names}, {report("f.2007121520", "2007-12-15T19:00:02", "2007-12-15T19:59:58")}, "");
  EXPECT_EQ(reading.zone, "Europe/Zurich");
  EXPECT_EQ(reading.other, "\"f.{end:%Y%m%d%H}\" in the zone UTC");
}

TEST(Reading, PrefersTheNamingThatAgreesWithTheContents) {
  const auto month_first = naming("f.{start:%m-%d-%Y}", true, day_us), day_first = naming("f.{start:%d-%m-%Y}", true, day_us);
  const auto reading =
      reading_of({month_first, day_first}, {report("f.03-04-2007", "2007-04-03T00:01:00", "2007-04-03T23:59:00")}, "");
  EXPECT_EQ(reading.files, "f.{start:%d-%m-%Y}");
}

TEST(Reading, TakesTheLengthFromContentsIfMostFilesAreMissing) {
  const auto content = report("f.2007071508", "2007-07-15T08:00:02", "2007-07-15T08:59:58");
  const auto sparse = reading_of({naming("f.{start:%Y%m%d%H}", true, 6 * hour_us)}, {content}, "");
  EXPECT_EQ(sparse.covers, hour_us);
  EXPECT_TRUE(sparse.covers_assumed);
  const auto dense = reading_of({naming("f.{start:%Y%m%d%H}", true, hour_us)}, {content}, "");
  EXPECT_EQ(dense.covers, hour_us);
  EXPECT_FALSE(dense.covers_assumed);
}

TEST(Reading, AgreesWithNothingIfClocksAreWrong) {
  const auto reading = reading_of({naming("{router}_{start:unix}", false)},
                                  {report("7_1190484000", "1970-01-01T00:00:02", "1970-01-01T00:59:58")}, "");
  EXPECT_EQ(reading.files, "{router}_{start:unix}");
  EXPECT_EQ(reading.agree, 0u);
  EXPECT_EQ(reading.read, 1u);
}

TEST(Reading, RoundsLengthsUpToUsualOnes) {
  EXPECT_EQ(usual_length(58 * second_us), minute_us);
  EXPECT_EQ(usual_length(61 * second_us), minute_us);  // written a second late
  EXPECT_EQ(usual_length(299 * second_us), 5 * minute_us);
  EXPECT_EQ(usual_length(59 * minute_us), hour_us);
  EXPECT_EQ(usual_length(23 * hour_us), day_us);
}

}  // namespace
}  // namespace mole::cli
