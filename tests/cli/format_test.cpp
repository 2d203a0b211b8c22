#include "cli/format/explain.hpp"
#include "cli/format/human.hpp"
#include "cli/format/plan.hpp"
#include "cli/format/status.hpp"
#include "cli/format/table.hpp"
#include "cli/format/why.hpp"

#include <gtest/gtest.h>

namespace mole::cli {
namespace {

using nlohmann::json;
const Style plain;

TEST(Human, WritesNumbersAsPeopleReadThem) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1.5 * (1 << 20)), "1.5 MiB");
  EXPECT_EQ(human_bytes(300.0 * (1 << 20)), "300 MiB");
  EXPECT_EQ(human_count(7), "7");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1'234'567), "1,234,567");
  EXPECT_EQ(human_seconds(0.84), "0.8 s");
  EXPECT_EQ(human_seconds(42), "42 s");
  EXPECT_EQ(human_seconds(190), "3m10s");
  EXPECT_EQ(human_seconds(7500), "2h05m");
  EXPECT_EQ(human_seconds(1'047'600), "12d03h");
}

TEST(Human, NeverRoundsAShareUpToWhole) {
  EXPECT_EQ(human_share(1), "100 %");
  EXPECT_EQ(human_share(0.999999), "99.99 %");
  EXPECT_EQ(human_share(0.5), "50.00 %");
  EXPECT_EQ(human_share(0.00001), "<0.01 %");
  EXPECT_EQ(human_share(0), "0 %");
}

TEST(Human, ShowsControlBytes) { EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a"); }

TEST(Table, AlignsByWhatIsSeen) {
  Table table({{"name"}, {"size", Align::right}});
  table.row({"é\033[31mx\033[0m", "1"});
  table.row({"abc"});
  EXPECT_EQ(table.text(plain),
            "name  size\n"
            "é\033[31mx\033[0m       1\n"
            "abc\n");
}

TEST(Plan, ShowsModulesFilesAndReasons) {
  const json plan = {
      {"jobs", {{"reused", 4}, {"new", 2}, {"waiting", 0}}},
      {"modules",
       {{{"module", "border/mean"}, {"blocks", 6}, {"reused", 4}, {"new", 2}, {"waiting", 0}, {"states_kept_bytes", 2048}}}},
      {"files", {{"count", 14}, {"bytes", 3 << 20}, {"border_share", 0.0714}}},
      {"gaps", json::array()},
      {"estimate_seconds", 12},
      {"new_jobs", {{{"job", "border/mean@2007-09-22T06:00:00Z"}, {"reason", "params changed"}}}}};
  EXPECT_EQ(plan_text(plan, plain),
            "module       blocks  reused  new  waiting  states kept\n"
            "border/mean       6       4    2        0      2.0 KiB\n"
            "\n"
            "jobs      2 new, 4 reused, 0 waiting\n"
            "files     14 files, 3.0 MiB; 7.14 % of it for two blocks\n"
            "estimate  12 s\n"
            "\n"
            "new job                           because\n"
            "border/mean@2007-09-22T06:00:00Z  params changed\n");
}

TEST(Plan, SaysThatNothingIsToDo) {
  const json plan = {{"jobs", {{"reused", 1}, {"new", 0}, {"waiting", 0}}}, {"modules", json::array()}};
  EXPECT_EQ(plan_text(plan, plain),
            "module  blocks  reused  new  waiting  states kept\n\nnothing to do: 1 job is there already\n");
}

TEST(Gaps, NameRangesOfDamagedFiles) {
  const json gaps = {{"missing", json::array()},
                     {"damaged",
                      {{{"id", "a.bz2"},
                        {"state", "damaged"},
                        {"lost_compressed", {{{"from", 10}, {"to", 20}, {"reason", "block checksum"}}}},
                        {"lost_content", {{{"from", 5}, {"to", 9}}}}}}}};
  EXPECT_EQ(gaps_text(gaps, plain),
            "damaged: file  state    lost\n"
            "a.bz2          damaged  compressed bytes [10, 20) block checksum; content bytes [5, 9)\n");
  EXPECT_EQ(gaps_text({{"missing", json::array()}, {"damaged", json::array()}}, plain),
            "no file is missing, none is known to be damaged\n");
}

TEST(Strip, HasTheSameWidthForAnyRange) {
  const json strip = {{{"from", "2007-01-01"}, {"to", "2007-01-03"}, {"state", "done"}},
                      {{"from", "2007-01-03"}, {"to", "2007-01-04"}, {"state", "running"}},
                      {{"from", "2007-01-04"}, {"to", "2007-01-05"}, {"state", "waiting"}}};
  EXPECT_EQ(strip_text(strip, 8, plain), "████▒▒··");
  EXPECT_EQ(strip_text(json::array(), 4, plain), "    ");
}

TEST(Strip, ShowsTheWorstOfWhatACellCovers) {
  const json strip = {{{"from", "2000-01-01"}, {"to", "2007-01-01"}, {"state", "done"}},
                      {{"from", "2007-01-01"}, {"to", "2007-01-02"}, {"state", "failed"}},
                      {{"from", "2007-01-02"}, {"to", "2010-01-01"}, {"state", "done"}}};
  EXPECT_EQ(strip_text(strip, 10, plain), "██████xx██");  // the day lies across a border of cells
}

TEST(Strip, ColoursRunsNotCells) {
  Style style;
  style.color = true;
  EXPECT_EQ(strip_text({{{"from", "2007-01-01"}, {"to", "2007-01-02"}, {"state", "done"}}}, 3, style), "\033[32m███\033[0m");
}

TEST(Explain, ShowsWhatChanged) {
  const json explained = {{"job", "p/mean@2007-09-22T06:00:00Z"},
                          {"state", "new"},
                          {"reason", "params differ"},
                          {"fingerprint", "ab"},
                          {"state_key", "cd"},
                          {"result_key", "ef"},
                          {"stored_result_key", "00"},
                          {"changed", {{{"part", "params.ddof"}, {"was", 0}, {"is", 1}}}}};
  EXPECT_EQ(explain_text(explained, plain),
            "job           p/mean@2007-09-22T06:00:00Z\n"
            "state         new\n"
            "reason        params differ\n"
            "fingerprint   ab\n"
            "state key     cd\n"
            "result key    ef\n"
            "stored key    00\n"
            "\n"
            "changed      was  is\n"
            "params.ddof  0    1\n");
}

TEST(Explain, SaysHowTheFlowsWereComeBy) {
  EXPECT_EQ(flows_from_text({{"archive", 1}}), "decoded from 1 file");
  EXPECT_EQ(flows_from_text({{"columns", 12}}), "of 12 files read from the columns the node kept of an earlier decode");
  EXPECT_EQ(flows_from_text({{"archive", 2}, {"columns", 1}}),
            "of 1 file read from the columns the node kept of an earlier decode, of 2 decoded");
  EXPECT_EQ(flows_from_text(nullptr), "");
  EXPECT_NE(
      explain_text({{"job", "p/m@T"}, {"flows_from", {{"archive", 3}}}}, plain).find("flows         decoded from 3 files\n"),
      std::string::npos);
}

json upstream_traffic() {
  const json files = {{{"id", "f.bz2"},
                       {"size", 100},
                       {"digest", "d1"},
                       {"state", "damaged"},
                       {"flows", 12},
                       {"from", "2007-09-22T10:00:00Z"},
                       {"to", "2007-09-22T11:00:00Z"},
                       {"lost_compressed", {{{"from", 40}, {"to", 60}}}}},
                      {{"missing", true}, {"router", "19993"}, {"from", "2007-09-22T11:00:00Z"}, {"to", "2007-09-22T12:00:00Z"}},
                      {{"id", "later.bz2"}, {"size", 100}, {"from", "2007-09-22T13:00:00Z"}, {"to", "2007-09-22T14:00:00Z"}}};
  return {{"module", "p/traffic"},
          {"column", "bytes"},
          {"interval", {{"from", "2007-09-22T10:15:00Z"}, {"to", "2007-09-22T10:30:00Z"}}},
          {"lineage",
           {{"result",
             {{"archive",
               {{"name", "store"},
                {"damage", "partial"},
                {"decoder", {{"name", "netflow5"}, {"version", "1.0.0"}, {"digest", "de"}}}}},
              {"files", files}}}}}};
}

TEST(Why, FollowsANumberToItsFiles) {
  const json why = {{"module", "p/variance"},
                    {"column", "bytes_variance"},
                    {"interval", {{"from", "A"}, {"to", "B"}}},
                    {"block", "C"},
                    {"rows_blob", "abcd"},
                    {"lineage",
                     {{"at", "D"},
                      {"result",
                       {{"plugin", {{"name", "variance"}, {"version", "1.0.0"}, {"digest", "beef"}, {"params", {{"ddof", 1}}}}},
                        {"node", "n1"},
                        {"task", "1-2"},
                        {"window", "6h"},
                        {"states", {{{"job", "variance@X"}}}}}}}},
                    {"upstream", {upstream_traffic(), upstream_traffic()}}};
  EXPECT_EQ(why_text(why, json::array({{{"bytes_variance", 12.5}}}), plain),
            "p/variance.bytes_variance  A .. B\n"
            "bytes_variance\n"
            "          12.5\n"
            "plugin    variance 1.0.0, digest beef, params {\"ddof\":1}\n"
            "block     C\n"
            "rows      abcd\n"
            "computed  D by n1, task 1-2\n"
            "window    6h, with the states of variance@X\n"
            "\n"
            "computed from\n"
            "  p/traffic.bytes  2007-09-22T10:15:00Z .. 2007-09-22T10:30:00Z\n"
            "  archive   store, damage: partial\n"
            "  decoder   netflow5 1.0.0, digest de\n"
            "  file                                   bytes  digest  state    flows  lost\n"
            "  f.bz2                               [0, 100)  d1      damaged     12  compressed [40, 60)\n"
            "  router 19993, 2007-09-22T11:00:00Z                    missing\n"
            "  1 other file of the block was exported at another time (--json names it)\n"
            "  p/traffic.bytes  2007-09-22T10:15:00Z .. 2007-09-22T10:30:00Z  (traced above)\n");
}

TEST(Documents, OfAnotherShapeAreEmptyNotFatal) {
  for (const json& odd : {json(nullptr), json(3), json("x"), json::array({1, "a", nullptr}),
                          json{{"modules", 5}, {"jobs", "x"}, {"lineage", 7}, {"upstream", 1}}}) {
    plan_text(odd, plain);
    gaps_text(odd, plain);
    status_text(odd, false, plain);
    explain_text(odd, plain);
    why_text(odd, odd, plain);
  }
}

}  // namespace
}  // namespace mole::cli
