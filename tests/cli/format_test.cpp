#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <gtest/gtest.h>

namespace mole::cli {
namespace {

using coordinator::JobState;
using nlohmann::json;
const Style plain;

Micros at(const char* text) { return *parse_time(text); }
Digest digest(const char* hex) { return *Digest::from_hex(hex); }

TEST(Human, FormatsNumbers) {
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

TEST(Human, NeverRoundsAShareUpToOneHundredPercent) {
  EXPECT_EQ(human_share(1), "100 %");
  EXPECT_EQ(human_share(0.999999), "99.99 %");
  EXPECT_EQ(human_share(0.5), "50.00 %");
  EXPECT_EQ(human_share(0.00001), "<0.01 %");
  EXPECT_EQ(human_share(0), "0 %");
}

TEST(Human, ShowsControlBytes) { EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a"); }

TEST(Table, AlignsByVisibleCharacters) {
  Table table({"name", right("size")});
  table.row({"é\033[31mx\033[0m", "1"});
  table.row({"abc"});
  EXPECT_EQ(table.text(plain),
            "name  size\n"
            "é\033[31mx\033[0m       1\n"
            "abc\n");
}

TEST(Plan, ShowsModulesFilesAndReasons) {
  coordinator::PlanReport plan;
  plan.jobs = {4, 2, 0};
  plan.modules = {{"border/mean", 6, 4, 2, 0, 2048}};
  plan.files = {14, 3 << 20, 10, 2 << 20, 4, 3};
  plan.overhead = {0.0714, 0.01, 4 * hour_us, 8 * hour_us, 1 << 20, 90};
  plan.estimate_seconds = 12;
  plan.new_jobs = {{"border/mean@2007-09-22T06:00:00Z", "params changed"}};
  EXPECT_EQ(
      plan_text(plan, plain),
      "module       blocks  reused  new  waiting  states kept\n"
      "border/mean       6       4    2        0      2.0 KiB\n"
      "\n"
      "jobs      2 new, 4 reused, 0 waiting\n"
      "files     14 files, 3.0 MiB\n"
      "decode    10 files, 2.0 MiB\n"
      "cached    4 files are read from the columns that a node kept\n"
      "not read  3 files, because what is computed from them is stored\n"
      "overhead  7.14 % of the bytes are read again at the borders of blocks of 4h; blocks of 8h would read about 5 % again; "
      "1.00 % only for blocks before the range\n"
      "crash     loses at most 1m30s of work: one block of 1.0 MiB\n"
      "estimate  12 s\n"
      "\n"
      "new job                           reason\n"
      "border/mean@2007-09-22T06:00:00Z  params changed\n");
}

TEST(Plan, ReportsThatThereIsNothingToDo) {
  coordinator::PlanReport plan;
  plan.jobs.reused = 1;
  EXPECT_EQ(plan_text(plan, plain),
            "module  blocks  reused  new  waiting  states kept\n\nnothing to do: 1 job is already computed\n");
  plan.listings = {{"border/flows", *parse_time("2007-09-25T10:00"), 26}};
  plan.notes = {"the archive flows has no file of router 9"};
  EXPECT_NE(plan_text(plan, plain)
                .find("listing   border/flows: 26 files, listed 2007-09-25T10:00:00Z\nnote      the archive flows has no file of "
                      "router 9\n"),
            std::string::npos)
      << plan_text(plan, plain);
}

TEST(Gaps, ListRangesOfDamagedFiles) {
  coordinator::ArchiveGaps gaps;
  gaps.damaged = {{"a.bz2", coordinator::FileState::damaged, {{10, 20, "block checksum"}}, {{5, 9, ""}}}};
  EXPECT_EQ(gaps_text(gaps, plain),
            "damaged: file  state    lost\n"
            "a.bz2          damaged  compressed bytes [10, 20) block checksum; content bytes [5, 9)\n");
  EXPECT_EQ(gaps_text({}, plain), "no missing files, no known damage\n");
  coordinator::ArchiveGaps listed;
  listed.listed = *parse_time("2007-09-25T10:00");
  EXPECT_EQ(gaps_text(listed, plain), "no missing files, no known damage\nas listed 2007-09-25T10:00:00Z\n");
}

TEST(Gaps, NameConflictsAndCountPathsThatAreNotUsed) {
  coordinator::ArchiveGaps gaps;
  gaps.conflicts = {{"1", 0, 1, {"a", "b"}, true, "two files"}, {"1", 2, 3, {"c", "d"}, false, "the same\ncontent"}};
  gaps.passed_over = {{"hidden", 2, {".a", ".b"}}, {"a link to nothing", 7, {"x", "y"}}, {"no reason", 1, {}}};
  EXPECT_EQ(gaps_text(gaps, plain),
            "no missing files, no known damage\n"
            "\n"
            "refused   two files\n"
            "note      the same\\x0acontent\n"
            "2 paths are not used: hidden: .a, .b\n"
            "7 paths are not used: a link to nothing: x, y, ...\n"
            "1 path is not used: no reason, ...\n");
}

TEST(Plan, ShowsForWhichFilesJobsWait) {
  coordinator::PlanReport plan;
  plan.jobs = {5, 0, 1};
  plan.waits = {"1 job waits for files: the archive \"a\" ends at noon"};
  EXPECT_NE(plan_text(plan, plain).find("\njobs      0 new, 5 reused, 1 waiting\nwaits     1 job waits for files: "),
            std::string::npos);
  plan.jobs = {5, 1, 1};
  EXPECT_NE(plan_text(plan, plain).find("\njobs      1 new, 5 reused, 1 waiting\nwaits     1 job waits for files: "),
            std::string::npos);
}

TEST(Plan, ShowsNotes) {
  coordinator::PlanReport plan;
  plan.jobs.reused = 1;
  plan.notes = {"the archive a: 1 file is ignored"};
  EXPECT_TRUE(
      plan_text(plan, plain).ends_with("nothing to do: 1 job is already computed\nnote      the archive a: 1 file is ignored\n"));
}

TEST(Strip, HasTheSameWidthForAnyRange) {
  const std::vector<coordinator::StripPiece> strip{{at("2007-01-01"), at("2007-01-03"), JobState::done},
                                                   {at("2007-01-03"), at("2007-01-04"), JobState::running},
                                                   {at("2007-01-04"), at("2007-01-05"), JobState::waiting}};
  EXPECT_EQ(strip_text(strip, {at("2007-01-01"), at("2007-01-05")}, 8, plain), "████▒▒··");
  EXPECT_EQ(strip_text({}, {}, 4, plain), "    ");
}

TEST(Strip, LeavesTheRestOfALongerSpanEmpty) {
  const std::vector<coordinator::StripPiece> strip{{at("2007-01-02"), at("2007-01-03"), JobState::done}};
  EXPECT_EQ(strip_text(strip, {at("2007-01-01"), at("2007-01-05")}, 8, plain), "  ██    ");
  EXPECT_EQ(strip_text(strip, {at("2007-01-03"), at("2007-01-05")}, 4, plain), "    ");
}

TEST(Status, DrawsTheTimelinesOfAllModulesOnOneAxis) {
  coordinator::ClusterStatus status;
  const auto module = [&](const char* name, const char* from, const char* to) {
    status.modules.push_back({name, JobState::done, {}, {{at(from), at(to), JobState::done}}});
  };
  module("border/long", "2007-01-01", "2007-01-05");
  module("border/late", "2007-01-03", "2007-01-05");
  module("core/other", "2007-01-01", "2007-01-03");
  const auto map = status_text(status, true, plain);
  const auto half = strip_width / 2;
  const auto cells = [](std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out += "█";
    return out;
  };
  EXPECT_NE(map.find("border/long  " + cells(2 * half) + "  2007-01-01T00:00:00Z .. 2007-01-05T00:00:00Z\n"), std::string::npos);
  EXPECT_NE(map.find("border/late  " + std::string(half, ' ') + cells(half) + "  2007-01-03"), std::string::npos) << map;
  EXPECT_NE(map.find("core/other   " + cells(half) + std::string(half, ' ') + "  2007-01-01"), std::string::npos) << map;
}

TEST(Strip, ShowsTheWorstStateInEachCell) {
  const std::vector<coordinator::StripPiece> strip{{at("2000-01-01"), at("2007-01-01"), JobState::done},
                                                   {at("2007-01-01"), at("2007-01-02"), JobState::failed},
                                                   {at("2007-01-02"), at("2010-01-01"), JobState::done}};
  EXPECT_EQ(strip_text(strip, {at("2000-01-01"), at("2010-01-01")}, 10, plain), "██████xx██");  // the day overlaps two cells
}

TEST(Strip, WritesOneColourSequencePerRunOfCells) {
  Style style;
  style.color = true;
  const TimeRange day{at("2007-01-01"), at("2007-01-02")};
  EXPECT_EQ(strip_text({{day.from, day.to, JobState::done}}, day, 3, style), "\033[32m███\033[0m");
}

TEST(Status, ShowsModulesNodesTasksAndRequests) {
  coordinator::ClusterStatus status;
  status.nodes = {{"n1", "", 2, 4, 1, 0, coordinator::NodeState::online, "", {SandboxPart::limits, SandboxPart::seccomp}}};
  status.modules = {{"p/traffic", JobState::done, {}, {{at("2007-01-01"), at("2007-01-02"), JobState::done}}}};
  status.tasks = {{"1-7", "n1\x1b", "run", 3 << 20, 8 << 20, 1200}};
  const auto text = status_text(status, false, plain);
  EXPECT_NE(text.find("p/traffic  ████"), std::string::npos) << text;
  EXPECT_NE(text.find("node  state   slots  threads  leases  sandbox\n"
                      "n1    online      2        4       1  limits seccomp\n"
                      "\n"
                      "task  node    phase     read       of  flows\n"
                      "1-7   n1\\x1b  run    3.0 MiB  8.0 MiB  1,200\n"
                      "\n"
                      "no requests"),
            std::string::npos)
      << text;
  EXPECT_EQ(status_text(status, true, plain).find("task"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\nbound     unknown: too few heartbeats\n")) << text;
}

TEST(Status, NamesTheBound) {
  coordinator::ClusterStatus status;
  status.bound = {coordinator::Bound::tape, 0.125, 0.5, 60};
  EXPECT_TRUE(
      status_text(status, false, plain)
          .ends_with("bound     tape: blocks wait for files that drives have not read yet; in the last minutes 12.50 % of the "
                     "slots were busy, and the caches 50.00 % full\n"))
      << status_text(status, false, plain);
}

TEST(Explain, ShowsWhatChanged) {
  coordinator::JobExplanation explained;
  explained.job = "p/mean@2007-09-22T06:00:00Z";
  explained.state = JobState::ready;
  explained.reason = "params differ";
  explained.fingerprint = digest("000000000000000000000000000000ab");
  explained.state_key = digest("000000000000000000000000000000cd");
  explained.result_key = digest("000000000000000000000000000000ef");
  explained.stored_result_key = digest("00000000000000000000000000000001");
  explained.changed = {{"params.ddof", "0", "1"}};
  EXPECT_EQ(explain_text(explained, plain),
            "job           p/mean@2007-09-22T06:00:00Z\n"
            "state         ready\n"
            "reason        params differ\n"
            "fingerprint   000000000000000000000000000000ab\n"
            "state key     000000000000000000000000000000cd\n"
            "result key    000000000000000000000000000000ef\n"
            "stored key    00000000000000000000000000000001\n"
            "\n"
            "changed      was  is\n"
            "params.ddof  0    1\n");
}

TEST(Explain, NamesTheFailureTheRequestsAndTheRemedy) {
  coordinator::JobExplanation explained;
  explained.job = "p/variance@2007-09-22T06:00:00Z";
  explained.state = JobState::blocked;
  explained.reason = "blocked, because p/mean@2007-09-22T06:00:00Z failed: crashed: signal 11";
  explained.requests = {"r2", "r3"};
  explained.failures = {
      {"p/mean@2007-09-22T06:00:00Z", "mean 1.0.0", "mean", at("2007-09-22T06:00"), "crashed", "signal\x1b 11", 3, ""}};
  explained.remedy = "remove the cause";
  explained.command = "mole run p.yaml";
  EXPECT_EQ(explain_text(explained, plain, " --state s"),
            "job           p/variance@2007-09-22T06:00:00Z\n"
            "state         blocked\n"
            "reason        blocked, because p/mean@2007-09-22T06:00:00Z failed: crashed: signal 11\n"
            "needed by     r2, r3\n"
            "failed        p/mean@2007-09-22T06:00:00Z, plugin mean 1.0.0, block 2007-09-22T06:00:00Z: crashed after 3 attempts\n"
            "              signal\\x1b 11\n"
            "remedy        remove the cause\n"
            "              mole run p.yaml --state s\n");
}

TEST(Requests, AreListedWithTimePriorityAndWhatTheyAre) {
  coordinator::RequestStatus run;
  run.id = "r2";
  run.pipeline = "p";
  run.module = "mean";
  run.asked_from = at("2007-09-22T01:00");
  run.asked_to = at("2007-09-23");
  run.submitted = at("2007-10-01T12:00") + 1234;
  run.priority = 7;
  run.jobs = {1200, 8};
  auto what_if = run;
  what_if.id = "r3";
  what_if.overrides = {"modules.mean.window=1d"};
  what_if.partial = true;
  coordinator::RequestStatus verify;
  verify.id = "r4";
  verify.kind = coordinator::RequestKind::verify;
  verify.archive = "p/flows";
  verify.files.total = 12;
  auto listing = verify;
  listing.internal = true;
  const auto wanted = wanted_requests({listing, run, what_if, verify});
  ASSERT_EQ(wanted.size(), 3u);
  EXPECT_EQ(requests_text(wanted, plain),
            "request  submitted             for                                                     from                  to     "
            "               priority  state         jobs  coverage\n"
            "r2       2007-10-01T12:00:00Z  run of p/mean                                           2007-09-22T01:00:00Z  "
            "2007-09-23T00:00:00Z         7  ACCEPTED   8/1,200\n"
            "r3       2007-10-01T12:00:00Z  what if modules.mean.window=1d, run of p/mean, partial  2007-09-22T01:00:00Z  "
            "2007-09-23T00:00:00Z         7  ACCEPTED   8/1,200\n"
            "r4                             archive verify of p/flows                                                            "
            "                      0  ACCEPTED  12 files\n");
}

TEST(Explain, ShowsTheSourceOfTheFlows) {
  EXPECT_EQ(flows_from_text({1, 0}), "decoded from 1 file");
  EXPECT_EQ(flows_from_text({0, 12}), "read from cached columns of 12 files");
  EXPECT_EQ(flows_from_text({2, 1}), "read from cached columns of 1 file, decoded from 2 files");
  EXPECT_EQ(flows_from_text({}), "");
  coordinator::JobExplanation explained;
  explained.flows_from = coordinator::FlowSources{3, 0};
  EXPECT_NE(explain_text(explained, plain).find("flows         decoded from 3 files\n"), std::string::npos);
}

coordinator::BlockLineage upstream_traffic() {
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
  return {"p/traffic",
          "bytes",
          {at("2007-09-22T10:15:00Z"), at("2007-09-22T10:30:00Z")},
          at("2007-09-22T06:00:00Z"),
          {},
          {{"result",
            {{"archive",
              {{"name", "store"},
               {"damage", "partial"},
               {"decoder", {{"name", "netflow5"}, {"version", "1.0.0"}, {"digest", "de"}}}}},
             {"files", files}}}}};
}

TEST(Why, TracesAValueToItsFiles) {
  coordinator::Lineage why;
  why.module = "p/variance";
  why.column = "bytes_variance";
  why.interval = {at("2007-09-22T10:15:00Z"), at("2007-09-22T10:30:00Z")};
  why.block = at("2007-09-22T06:00:00Z");
  why.rows_blob = digest("000000000000000000000000000000ab");
  why.lineage = {{"at", "D"},
                 {"result",
                  {{"plugin", {{"name", "variance"}, {"version", "1.0.0"}, {"digest", "beef"}, {"params", {{"ddof", 1}}}}},
                   {"node", "n1"},
                   {"task", "1-2"},
                   {"sandbox", {"limits", "landlock"}},
                   {"window", "6h"},
                   {"states", {{{"job", "variance@X"}}}}}}};
  why.upstream = {upstream_traffic(), upstream_traffic()};
  EXPECT_EQ(why_text(why, json::array({{{"bytes_variance", 12.5}}}), plain),
            "p/variance.bytes_variance  2007-09-22T10:15:00Z .. 2007-09-22T10:30:00Z\n"
            "bytes_variance\n"
            "       12.5000\n"
            "plugin    variance 1.0.0, digest beef, params {\"ddof\":1}\n"
            "block     2007-09-22T06:00:00Z\n"
            "rows      000000000000000000000000000000ab\n"
            "computed  D by n1, task 1-2\n"
            "sandbox   limits, landlock\n"
            "window    6h, with the states of variance@X\n"
            "\n"
            "computed from\n"
            "  p/traffic.bytes  2007-09-22T10:15:00Z .. 2007-09-22T10:30:00Z\n"
            "  block     2007-09-22T06:00:00Z\n"
            "  archive   store, damage policy partial\n"
            "  decoder   netflow5 1.0.0, digest de\n"
            "  file                                   bytes  digest  state    flows  lost\n"
            "  f.bz2                               [0, 100)  d1      damaged     12  compressed [40, 60)\n"
            "  router 19993, 2007-09-22T11:00:00Z                    missing\n"
            "  1 other file of the block covers other times (--json lists it)\n"
            "  p/traffic.bytes  2007-09-22T10:15:00Z .. 2007-09-22T10:30:00Z  (traced above)\n");
}

TEST(Why, ListsTheFilesOfTheChosenRoutersAndTheirColumns) {
  coordinator::Lineage why;
  why.module = "p/traffic";
  why.column = "bytes";
  why.interval = {at("2007-09-22T10:15:00Z"), at("2007-09-22T10:30:00Z")};
  const auto file = [](const char* id, const char* router) {
    return json{{"id", id},
                {"router", router},
                {"from", "2007-09-22T10:00:00Z"},
                {"to", "2007-09-22T11:00:00Z"},
                {"size", 100},
                {"digest", "d1"},
                {"state", "sound"},
                {"flows", 12}};
  };
  auto files = json::array({file("a.bz2", "a"), file("b.bz2", "b"), file("c.bz2", "c")});
  files[0]["columns_absent"] = {"dnsName"};
  why.lineage = {{"result",
                  {{"files", files},
                   {"worker", {{"columns_absent", {{{"column", "dnsName"}, {"decoder", "ipfix"}, {"files", 1}}}}}},
                   {"archive", {{"name", "store"}, {"damage", "partial"}}}}}};
  const auto all = why_text(why, json::array(), plain);
  EXPECT_NE(all.find("absent    dnsName: 1 file read by ipfix does not have it; its flows count as missing\n"), std::string::npos)
      << all;
  EXPECT_NE(all.find("sound, no dnsName"), std::string::npos) << all;
  EXPECT_NE(all.find("c.bz2"), std::string::npos);
  EXPECT_EQ(all.find("other routers"), std::string::npos);
  const auto chosen = why_text(why, json::array(), plain, {"a", "b"});
  EXPECT_NE(chosen.find("b.bz2"), std::string::npos);
  EXPECT_EQ(chosen.find("c.bz2"), std::string::npos);
  EXPECT_NE(chosen.find("1 file of other routers (--json lists all)\n"), std::string::npos) << chosen;
}

TEST(Documents, AreRejectedOrShownAsEmptyIfMalformed) {
  for (const json& malformed : {json(nullptr), json(3), json("x"), json::array({1, "a", nullptr}),
                                json{{"modules", 5}, {"jobs", "x"}, {"lineage", 7}, {"upstream", 1}}}) {
    EXPECT_FALSE(read_document<coordinator::PlanReport>(malformed));
    EXPECT_FALSE(read_document<coordinator::ArchiveGaps>(malformed));
    EXPECT_FALSE(read_document<coordinator::ClusterStatus>(malformed));
    EXPECT_FALSE(read_document<coordinator::JobExplanation>(malformed));
    EXPECT_FALSE(read_document<coordinator::Lineage>(malformed));
    coordinator::Lineage why;
    why.lineage = malformed;
    why_text(why, malformed, plain);
    for (const auto* part : {"plugin", "archive", "files", "routes", "states", "flows_from", "sandbox", "window", "worker"}) {
      why.lineage = {{"result", {{part, malformed}}}};
      why_text(why, malformed, plain);
    }
  }
}

}  // namespace
}  // namespace mole::cli
