#include "coordinator/manifest/file_names.hpp"
#include "sdk/model/durable_file.hpp"

#include <gtest/gtest.h>

#include <regex>

namespace mole::test {
namespace {

using namespace coordinator::manifest;

// The router, number and time of a name; "-" if it is not an archive file.
std::string read(const NameRules& rules, std::string_view id) {
  const auto names = FileNames::make(rules);
  if (!names) return names.error().message;
  const auto parts = names->read(id);
  switch (parts.kind) {
    case NameKind::temporary:
      return "temporary";
    case NameKind::unmatched:
      return "-";
    case NameKind::impossible:
      return "impossible";
    case NameKind::archive_file:
      break;
  }
  auto text = parts.router + " " + std::to_string(parts.sequence) + " " + format_time(parts.covers.from);
  if (parts.covers.to - parts.covers.from != rules.covers) text += "/" + format_duration(parts.covers.to - parts.covers.from);
  return text + (parts.later ? " or " + format_time(parts.later->from) : "");
}

std::string problem_of(const std::string& pattern) {
  const auto parsed = FilePattern::parse(pattern);
  return parsed ? "" : parsed.error().message;
}

TEST(FileNames, ReadUnixSeconds) {
  const NameRules rules{"{router}_{sequence}_{start:unix}.dat.bz2"};
  EXPECT_EQ(read(rules, "some/where/19991_00040895_1190487600.dat.bz2"), "19991 40895 2007-09-22T19:00:00Z");
  EXPECT_EQ(read(rules, "a_b_19991_00040895_1190487600.dat.bz2"), "a_b_19991 40895 2007-09-22T19:00:00Z");
  for (const auto* other :
       {"19991_00040895_1190487600.dat", "x", "_1_2.dat.bz2", "1_x_2.dat.bz2", "1_2_99999999999999999999.dat.bz2"})
    EXPECT_EQ(read(rules, other), "-") << other;
  EXPECT_EQ(read({"nf.{end:unix}"}, "nf.7200"), " 0 1970-01-01T01:00:00Z");
  EXPECT_EQ(read({"nf.{start:unix}-{end:unix}"}, "nf.3600-5400"), " 0 1970-01-01T01:00:00Z/30m");
  EXPECT_EQ(read({"nf.{start:unix}-{end:unix}"}, "nf.3600-3600"), "impossible");
}

// Each row of the table: pattern, example, router and time.
TEST(FileNames, ReadTheNamesInTheGuide) {
  const auto guide = read_file(MOLE_SOURCE_DIR "/docs/guide/own_archive.md", 1 << 20);
  ASSERT_TRUE(guide);
  const std::regex row(R"(\| ([^|]*) \| `([^`|]*)` \| `([^`|]*)` \| (?:`([^`|]*)`|none), `([^`|]*)` \|)");
  int rows = 0;
  for (std::sregex_iterator at(guide->begin(), guide->end(), row), end; at != end; ++at, ++rows) {
    const auto& m = *at;
    const bool local = m.str(1).starts_with("nfcapd") && m.str(2).find("%z") == std::string::npos;
    const auto names = FileNames::make({m.str(2), 15 * minute_us, local ? "Europe/Zurich" : "UTC"});
    ASSERT_TRUE(names) << m.str(2) << ": " << names.error().message;
    const auto parts = names->read(m.str(3));
    EXPECT_EQ(parts.kind, NameKind::archive_file) << m.str(3);
    EXPECT_EQ(parts.router, m.str(4)) << m.str(3);
    EXPECT_EQ(format_time(parts.covers.from), m.str(5)) << m.str(3);
  }
  EXPECT_EQ(rows, 9);
}

TEST(FileNames, ReadTheNamesOfCommonCollectors) {
  const NameRules flow_tools{"{start:%Y/%Y-%m/%Y-%m-%d}/ft-v05.{start:%Y-%m-%d.%H%M%S%z}", 15 * minute_us};
  EXPECT_EQ(read(flow_tools, "2007/2007-09/2007-09-22/ft-v05.2007-09-22.201500+0200"), " 0 2007-09-22T18:15:00Z");
  EXPECT_EQ(read(flow_tools, "2007/2007-09/2007-09-22/ft-v05.2007-09-22.201500-0430"), " 0 2007-09-23T00:45:00Z");
  EXPECT_EQ(read(flow_tools, "2007/2007-09/2007-09-23/ft-v05.2007-09-22.201500+0200"), "-");
  EXPECT_EQ(read(flow_tools, "2007/2007-09/2007-09-22/tmp-v05.2007-09-22.201500+0200"), "-");
  const NameRules nfcapd{"{router}/{start:%Y/%m/%d}/nfcapd.{start:%Y%m%d%H%M}", 5 * minute_us, "Europe/Zurich"};
  EXPECT_EQ(read(nfcapd, "border1/2007/09/22/nfcapd.200709222015"), "border1 0 2007-09-22T18:15:00Z");
  EXPECT_EQ(read(nfcapd, "flows/border1/2007/12/31/nfcapd.200712312359"), "border1 0 2007-12-31T22:59:00Z");
  EXPECT_EQ(read(nfcapd, "2007/09/22/nfcapd.200709222015"), "-");
  EXPECT_EQ(read(nfcapd, "border1/2007/09/22/nfcapd.current.1234"), "-");
  const NameRules silk{"{router}/{start:%Y/%m/%d}/{router}_{start:%Y%m%d.%H}"};
  EXPECT_EQ(read(silk, "in-S0/2007/09/22/in-S0_20070922.20"), "in-S0 0 2007-09-22T20:00:00Z");
  EXPECT_EQ(read(silk, "in-S0/2007/09/22/in-S1_20070922.20"), "-");
  const NameRules yaf{"{router}-{start:%Y%m%d%H%M%S}-{sequence}.yaf", 5 * minute_us};
  EXPECT_EQ(read(yaf, "sensor-a-20070922201500-00017.yaf"), "sensor-a 17 2007-09-22T20:15:00Z");
  EXPECT_EQ(read({"{router}_{sequence}_{start:unix}.dat.bz2"}, "19991_000042_1190487600.dat.bz2"),
            "19991 42 2007-09-22T19:00:00Z");
}

TEST(FileNames, ReadPiecesSideBySide) {
  EXPECT_EQ(read({"r{router}.{start:%y%m%d%H}"}, "r7.07092220"), "7 0 2007-09-22T20:00:00Z");
  EXPECT_EQ(read({"{start:%y%m%d%H}"}, "99092220"), " 0 1999-09-22T20:00:00Z");
  EXPECT_EQ(read({"{start:%Y%j.%H:%M}"}, "2007265.20:00"), " 0 2007-09-22T20:00:00Z");
  EXPECT_EQ(read({"{start:%Y%m%d}{router}"}, "20070922zh"), "zh 0 2007-09-22T00:00:00Z");
  EXPECT_EQ(read({"{start:%s}.{start:%j}"}, "1190487600.265"), " 0 2007-09-22T19:00:00Z");
  EXPECT_EQ(read({"{start:%Y%m%d%H%M%z}.100%"}, "200709222000Z.100%"), " 0 2007-09-22T20:00:00Z");
  EXPECT_EQ(read({"{start:%Y%m%dT%H%M%z}"}, "20070922T2000+05:45"), " 0 2007-09-22T14:15:00Z");
}

TEST(FileNames, NeedTheSameValueEverywhere) {
  EXPECT_EQ(read({"{start:%Y/%m}/{start:%Y%m%d%H}"}, "2007/09/2007092220"), " 0 2007-09-22T20:00:00Z");
  EXPECT_EQ(read({"{start:%Y/%m}/{start:%Y%m%d%H}"}, "2007/10/2007092220"), "-");
  EXPECT_EQ(read({"{start:%Y/%m/%d}/{start:unix}", hour_us, "Asia/Tokyo"}, "2007/09/23/1190487600"), " 0 2007-09-22T19:00:00Z");
  EXPECT_EQ(read({"{start:%Y/%m/%d}/{start:unix}", hour_us, "Asia/Tokyo"}, "2007/09/22/1190487600"), "impossible");
  EXPECT_EQ(read({"{start:%Y%m%d}.{start:%j}"}, "20070922.266"), "impossible");
  EXPECT_EQ(read({"{router}/{router}.{start:unix}"}, "a/a.0"), "a 0 1970-01-01T00:00:00Z");
  EXPECT_EQ(read({"{router}/{router}.{start:unix}"}, "a/b.0"), "-");
  EXPECT_EQ(read({"{sequence}/{sequence}.{start:unix}"}, "7/07.0"), " 7 1970-01-01T00:00:00Z");
}

TEST(FileNames, MatchAsManyComponentsAsThePatternHas) {
  const NameRules rules{"{router}/nf.{start:unix}"};
  EXPECT_EQ(read(rules, "zh/nf.0"), "zh 0 1970-01-01T00:00:00Z");
  EXPECT_EQ(read(rules, "a/b/zh/nf.0"), "zh 0 1970-01-01T00:00:00Z");
  EXPECT_EQ(read(rules, "nf.0"), "-");
  EXPECT_EQ(read(rules, "/nf.0"), "-");
  EXPECT_EQ(read({"nf.{start:unix}"}, "a/nf.0"), " 0 1970-01-01T00:00:00Z");
}

TEST(FileNames, ReadLocalTimes) {
  const NameRules zurich{"{start:%Y%m%d%H%M}", hour_us, "Europe/Zurich"};
  EXPECT_EQ(read(zurich, "200707010000"), " 0 2007-06-30T22:00:00Z");
  EXPECT_EQ(read(zurich, "200701010000"), " 0 2006-12-31T23:00:00Z");
  EXPECT_EQ(read(zurich, "200703250230"), "impossible");  // clocks were set from 2 to 3 o'clock
  EXPECT_EQ(read(zurich, "200710280230"), " 0 2007-10-28T00:30:00Z or 2007-10-28T01:30:00Z");
  EXPECT_EQ(read(zurich, "200710280300"), " 0 2007-10-28T02:00:00Z");
  EXPECT_EQ(read(zurich, "200702300000"), "impossible");
  EXPECT_EQ(read({"{start:%Y%m%d%H%M%z}", hour_us, "Europe/Zurich"}, "200710280230+0100"), " 0 2007-10-28T01:30:00Z");
  EXPECT_EQ(read({"{start:%Y%m%d%H%M}", hour_us, "America/New_York"}, "200711040130"),
            " 0 2007-11-04T05:30:00Z or 2007-11-04T06:30:00Z");
  EXPECT_EQ(read({"{start:%Y%m%d%H%M}", hour_us, "Australia/Lord_Howe"}, "200804060145"),
            " 0 2008-04-05T14:45:00Z or 2008-04-05T15:15:00Z");
  // The other end of the file shows which of the two is meant.
  EXPECT_EQ(read({"{start:%H%M}-{end:%Y%m%d%H%M}"}, "x"),
            "the start in the pattern has no complete date; it needs %Y or %y, and %m and %d, or %j");
  EXPECT_EQ(read({"{start:%Y%m%d%H%M}-{end:%Y%m%d%H%M}", hour_us, "Europe/Zurich"}, "200710280200-200710280300"),
            " 0 2007-10-28T01:00:00Z");
  EXPECT_EQ(read({"{start:%Y%m%d%H%M}-{end:%Y%m%d%H%M}", hour_us, "Europe/Zurich"}, "200710280100-200710280200"),
            " 0 2007-10-27T23:00:00Z");
}

TEST(FileNames, FollowTheLocalDayForFilesOfWholeDays) {
  const NameRules days{"{start:%Y%m%d}", day_us, "Europe/Zurich"};
  EXPECT_EQ(read(days, "20070922"), " 0 2007-09-21T22:00:00Z");
  EXPECT_EQ(read(days, "20070325"), " 0 2007-03-24T23:00:00Z/23h");
  EXPECT_EQ(read(days, "20071028"), " 0 2007-10-27T22:00:00Z/1d1h");
}

TEST(FileNames, MapNamesToRouters) {
  const NameRules rules{"{router}.{start:unix}", hour_us, "UTC", {{"rtr-zh-1", "zurich"}, {"10.0.0.1", "zurich"}}};
  EXPECT_EQ(read(rules, "rtr-zh-1.0"), "zurich 0 1970-01-01T00:00:00Z");
  EXPECT_EQ(read(rules, "10.0.0.1.0"), "zurich 0 1970-01-01T00:00:00Z");
  EXPECT_EQ(read(rules, "bern.0"), "bern 0 1970-01-01T00:00:00Z");
}

TEST(FileNames, PassOverTemporaryFiles) {
  const NameRules rules{"{router}.{start:unix}"};
  for (const auto* id : {"._a.0", ".a.0", ".snapshot/a.0", "x/.git/a.0", "a.0~", "a.0.part", "a.0.partial", "a.0.tmp",
                         "a.0.filepart", "a.0.crdownload", ".a.0.swp", "a.swp", "#a.0#", "", "2007/"})
    EXPECT_EQ(read(rules, id), "temporary") << id;
  for (const auto* id : {"a.part.0", "#a.0", "a~b.0"}) EXPECT_NE(read(rules, id), "temporary") << id;
}

TEST(FilePattern, RefusesWhatCannotBeRead) {
  EXPECT_EQ(
      problem_of("{router}_{sequence}"),
      "the pattern has no time; put {start:unix}, {end:unix} or a time such as {start:%Y%m%d%H%M} where file names contain it");
  EXPECT_NE(problem_of("{rooter}_{start:unix}").find("unknown placeholder {rooter}"), std::string::npos);
  EXPECT_NE(problem_of("{start:%Y%m%d %I%p}").find("%I is not supported"), std::string::npos);
  EXPECT_NE(problem_of("{start:%Y%m%d%}").find("%  is not supported"), std::string::npos);
  EXPECT_NE(problem_of("{start:}").find("a time needs a format"), std::string::npos);
  EXPECT_NE(problem_of("{router}{start:unix}").find("need text between them"), std::string::npos);
  EXPECT_NE(problem_of("{sequence}{start:%Y%m%d}").find("need text between them"), std::string::npos);
  EXPECT_NE(problem_of("{start:%Y%m}").find("no complete date"), std::string::npos);
  EXPECT_NE(problem_of("{start:%Y%m%d%M}").find("%M without %H"), std::string::npos);
  EXPECT_NE(problem_of("/a/{start:unix}").find("remove empty folders"), std::string::npos);
  EXPECT_NE(problem_of("{router").find("unbalanced"), std::string::npos);
  EXPECT_EQ(read({"{start:unix}", hour_us, "Europe/Zurish"}, ""),
            "there is no time zone \"Europe/Zurish\"; use a name of the tz database, such as Europe/Zurich, and install the "
            "package tzdata");
  for (const auto* zone : {"", "/etc/localtime", "../zoneinfo/UTC", "file:/etc/localtime", "libc:localtime"})
    EXPECT_FALSE(TimeZone::load(zone)) << zone;
}

}  // namespace
}  // namespace mole::test
