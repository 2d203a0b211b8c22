// Routing tables as inputs: the blocks a new, changed or removed table affects, and which tables are rejected.
#include "coordinator/dag/routing_tables.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/coordinator/world.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace mole::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* by_as = R"(
pipeline: border
archives:
  flows:
    downloader: directory
    params: {root: ./archive}
    files: "{router}_{sequence}_{start:unix}.dat"
    covers: 1h
    block: {length: 6h}
modules:
  systems: {plugin: systems, input: {archive: flows, as: routes}, interval: 15m}
  traffic: {plugin: traffic, input: {archive: flows, as: routes}, interval: 15m}
resources:
  routes: {files: "ribs/rib.{date}.txt", valid: 1d}
)";

// Three days of files, and routing tables for the first two days.
class Routes : public ::testing::Test {
 protected:
  Routes() {
    const json flows = json::array({{{"role", "flows"}, {"kind", "flows"}, {"reads", {"src_as", "bytes"}}}});
    const json output =
        json::array({{{"name", "systems"}, {"type", "u64"}, {"nullable", false}, {"unit", "1"}, {"doc", "systems"}}});
    write_plugin(world.folder.path() / "plugins", metric("systems", "mergeable", flows, output), "systems");
    world.add_files("1", 0, 73);
    fs::create_directories(world.folder.path() / "ribs");
    table("rib.20070922.txt", "10.0.0.0/8 1\n");
    table("rib.2007-09-23.txt", "10.0.0.0/8 2\n");
  }

  void table(const std::string& name, const std::string& text) { std::ofstream(world.folder.path() / "ribs" / name) << text; }
  coordinator::Submission whole(const std::string& manifest = by_as) const {
    return world.submission(manifest, "2007-09-22", "2007-09-25");
  }

  // Returns the jobs a plan would compute, and the reason for the first.
  std::set<std::string> new_jobs(std::string* reason = nullptr) {
    const auto plan = world.client().plan(whole());
    EXPECT_TRUE(plan) << plan.error().message;
    std::set<std::string> jobs;
    for (const auto& job : (*plan)["new_jobs"]) jobs.insert(job["job"]);
    if (reason && !jobs.empty()) *reason = (*plan)["new_jobs"][0]["reason"];
    return jobs;
  }
  static std::set<std::string> systems_of(const std::string& day) {
    std::set<std::string> jobs;
    for (const char* hour : {"00", "06", "12", "18"}) jobs.insert("border/systems@" + day + "T" + hour + ":00:00Z");
    return jobs;
  }
  std::string rejection(const std::string& manifest) {
    const auto accepted = world.client().submit(world.submission(manifest, "2007-09-22", "2007-09-25"));
    return accepted ? "accepted" : accepted.error().message;
  }
  static std::string with(std::string text, const std::string& part, const std::string& other) {
    return text.replace(text.find(part), part.size(), other);
  }

  World world;
};

TEST_F(Routes, ATableAffectsExactlyTheBlocksItIsUsedIn) {
  ASSERT_EQ(world.run(whole())["state"], "COMPLETE");
  EXPECT_TRUE(new_jobs().empty());
  std::string reason;
  table("rib.20070924.txt", "10.0.0.0/8 3\n");  // its blocks were computed with the table of the day before
  EXPECT_EQ(new_jobs(&reason), systems_of("2007-09-24"));
  EXPECT_NE(reason.find("rib.20070924.txt"), std::string::npos) << reason;
  table("rib.20070926.txt", "10.0.0.0/8 9\n");  // later than all blocks
  table("rib.20070920.txt", "10.0.0.0/8 9\n");  // replaced by the next table before the first block
  EXPECT_EQ(new_jobs(), systems_of("2007-09-24"));
  ASSERT_EQ(world.run(whole())["state"], "COMPLETE");
  EXPECT_TRUE(new_jobs().empty());
  table("rib.20070922.txt", "10.0.0.0/8 4\n");
  EXPECT_EQ(new_jobs(&reason), systems_of("2007-09-22"));
  EXPECT_NE(reason.find("rib.20070922.txt"), std::string::npos) << reason;
  table("rib.20070922.txt", "10.0.0.0/8 1\n");
  EXPECT_TRUE(new_jobs().empty());
  fs::remove(world.folder.path() / "ribs/rib.2007-09-23.txt");
  EXPECT_EQ(new_jobs(), systems_of("2007-09-23"));
  ASSERT_EQ(world.run(whole())["state"], "COMPLETE");
  const auto explained = world.client().explain("border/systems@2007-09-23T06:00:00Z");
  ASSERT_TRUE(explained);
  EXPECT_NE(explained->dump().find("rib.2007-09-23.txt"), std::string::npos) << explained->dump(2);
}

TEST_F(Routes, TasksNameTheTablesOfTheirBlockAndNodesCanFetchThem) {
  fs::remove(world.folder.path() / "ribs/rib.20070922.txt");
  ASSERT_TRUE(world.client().submit(whole(with(by_as, "{length: 6h}", "{length: 1d, origin: 06:00}"))));
  fs::remove_all(world.folder.path() / "ribs");  // an accepted request does not need them
  ASSERT_TRUE(world.work_once());
  world.reopen();
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  for (const auto& step : specs[0].steps) {
    if (step.module == "traffic") {
      EXPECT_TRUE(step.routes.empty());
      continue;
    }
    ASSERT_EQ(step.routes.size(), 1u);
    EXPECT_TRUE(step.routes[0].blob.empty());
    EXPECT_EQ(step.routes[0].used.to, specs[0].block.to);
  }
  world.complete(world.compute("a", specs[0]));
  const auto next = world.lease("a", 1);
  ASSERT_EQ(next.size(), 1u);
  const auto systems =
      std::find_if(next[0].steps.begin(), next[0].steps.end(), [](const auto& s) { return s.module == "systems"; });
  ASSERT_EQ(systems->routes.size(), 2u);
  EXPECT_TRUE(systems->routes[0].blob.empty());
  EXPECT_EQ(systems->routes[1].used, (TimeRange{*parse_time("2007-09-23"), *parse_time("2007-09-23T06")}));
  EXPECT_EQ(systems->routes[1].name, "rib.2007-09-23.txt");
  EXPECT_EQ(systems->routes[1].format, "prefixes");
  const auto blob = world.service().get_blob(systems->routes[1].blob, 0, 100);
  ASSERT_TRUE(blob);
  EXPECT_EQ(*blob, "10.0.0.0/8 2\n");
}

TEST_F(Routes, AModuleThatReadsNoAsNumberDependsOnNoTable) {
  ASSERT_EQ(world.run(whole())["state"], "COMPLETE");
  const auto without_tables = with(with(by_as, "traffic: {plugin: traffic, input: {archive: flows, as: routes}",
                                        "traffic: {plugin: traffic, input: {archive: flows}"),
                                   "  systems: {plugin: systems, input: {archive: flows, as: routes}, interval: 15m}\n", "");
  const auto plan = world.client().plan(whole(without_tables));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ((*plan)["jobs"]["new"], 0);
  const auto filtered = with(by_as, "traffic: {plugin: traffic, input: {archive: flows, as: routes}",
                             "traffic: {plugin: traffic, filter: src as 1, input: {archive: flows, as: routes}");
  ASSERT_EQ(world.run(whole(filtered))["state"], "COMPLETE");
  table("rib.20070922.txt", "10.0.0.0/8 7\n");
  const auto after = world.client().plan(whole(filtered));
  ASSERT_TRUE(after);
  EXPECT_EQ((*after)["jobs"]["new"], 8);
}

TEST_F(Routes, ErrorsAreReportedAtSubmit) {
  const auto expect_rejection = [&](const std::string& manifest, const std::string& text) {
    const auto message = rejection(manifest);
    EXPECT_NE(message.find(text), std::string::npos) << message;
  };
  expect_rejection(with(by_as, "as: routes", "as: route"), "did you mean \"routes\"");
  expect_rejection(with(by_as, "rib.{date}.txt", "{date}.rib"), "matches \"{date}.rib\"");
  expect_rejection(with(by_as, "ribs/", "robs/"), "cannot be listed");
  expect_rejection(with(by_as, "valid: 1d", "format: mmdb"), "it is not a MaxMind DB");
  expect_rejection(with(by_as, "valid: 1d", "format: bgp"), "unknown format");
  expect_rejection(with(by_as, "valid: 1d", "valid: 0s"), "\"valid\"");
  expect_rejection(with(by_as, "rib.{date}.txt", "rib.{day}.txt"), "one placeholder");
  expect_rejection(with(by_as, "rib.{date}.txt", "{date}.{date}"), "one placeholder");
  expect_rejection(with(by_as, "routes: {files", "record: {files"), "record");
  table("rib.20070923.txt", "10.0.0.0/8 2\n");
  expect_rejection(by_as, "have the same date");
  fs::remove(world.folder.path() / "ribs/rib.20070923.txt");
  table("rib.20070922.txt", "10.0.0.0/8 1\n10.0.0.1/8 1\n");
  expect_rejection(by_as, "rib.20070922.txt: line 2: ");
  table("rib.20070922.txt", "");
  expect_rejection(by_as, "rib.20070922.txt: it contains no prefixes");
  fs::remove(world.folder.path() / "ribs/rib.20070922.txt");
  fs::create_directory(world.folder.path() / "ribs/rib.20070922.txt");
  expect_rejection(by_as, "is not a regular file");
  fs::remove(world.folder.path() / "ribs/rib.20070922.txt");
  table("rib.20071001.txt", "invalid");  // after the requested range
  expect_rejection(by_as, "accepted");
}

TEST_F(Routes, UnusableLinesAreCountedInThePlanAndInTasks) {
  std::string lines;
  for (int i = 0; i < 200; ++i) lines += "10." + std::to_string(i) + ".0.0/16 1\n";
  table("rib.20070922.txt", lines + "10.0.0.1/8 1\n");
  ASSERT_TRUE(world.client().submit(whole()));
  ASSERT_TRUE(world.work_once());            // the listing
  for (int again = 0; again < 2; ++again) {  // the second time from the store
    const auto plan = world.client().plan(whole());
    ASSERT_TRUE(plan) << plan.error().message;
    const auto warnings = (*plan)["table_warnings"].dump();
    EXPECT_NE(warnings.find("resource routes: 1 line of rib.20070922.txt cannot be used: line 201: "), std::string::npos)
        << warnings;
  }
  world.reopen();
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  std::size_t tables = 0;
  for (const auto& step : specs[0].steps)
    for (const auto& used : step.routes) {
      EXPECT_EQ(used.unusable_lines, used.name == "rib.20070922.txt" ? 1u : 0u) << used.name;
      ++tables;
    }
  EXPECT_GT(tables, 0u);
}

TEST_F(Routes, ARequestKeepsItsTablesAndBlocksRequestsWithDifferentOnes) {
  const auto first = world.client().submit(whole());
  ASSERT_TRUE(first);
  table("rib.20070922.txt", "10.0.0.0/8 5\n");
  const auto second = world.client().submit(whole());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::transient);
  EXPECT_NE(second.error().message.find("r1"), std::string::npos);
  table("rib.20070922.txt", "10.0.0.0/8 1\n");
  table("rib.20071022.txt", "10.0.0.0/8 1\n");  // differs, but not where the ranges overlap
  EXPECT_TRUE(world.client().submit(whole()));
  world.work();
  EXPECT_EQ(world.request("r1")["state"], "COMPLETE");
}

TEST(RoutesOver, CoversTheRangeWithoutGaps) {
  coordinator::dag::Resource resource{{"routes", "rib.{date}.txt", day_us, "prefixes"}, {}};
  const auto digest = [](const char* text) { return digest_of(std::string_view(text)); };
  resource.tables = {{day_us, digest("a"), "a", {}}, {2 * day_us, digest("b"), "b", {}}, {5 * day_us, digest("c"), "c", {}}};
  const auto pieces = coordinator::dag::routes_over(resource, {0, 6 * day_us});
  ASSERT_EQ(pieces.size(), 4u);
  const Micros ends[] = {day_us, 2 * day_us, 5 * day_us, 6 * day_us};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(pieces[i].used.from, i == 0 ? 0 : ends[i - 1]);
    EXPECT_EQ(pieces[i].used.to, ends[i]);
    EXPECT_EQ(pieces[i].stale, i == 2);
  }
  EXPECT_TRUE(pieces[0].blob.empty());
  EXPECT_EQ(pieces[3].name, "c");
  EXPECT_EQ(coordinator::dag::table_warnings(resource, {0, 6 * day_us}),
            (std::vector<std::string>{
                "resource routes has no table for 1970-01-01T00:00:00Z .. 1970-01-02T00:00:00Z: AS numbers are 0",
                "resource routes has no table for 1970-01-04T00:00:00Z .. 1970-01-06T00:00:00Z: the older table b is used"}));
  EXPECT_TRUE(coordinator::dag::table_warnings(resource, {day_us, 3 * day_us}).empty());
  EXPECT_EQ(coordinator::dag::routes_over(resource, {2 * day_us, 3 * day_us}).size(), 1u);
  EXPECT_FALSE(coordinator::dag::routes_over(resource, {2 * day_us, 3 * day_us})[0].stale);
  resource.tables[1].unusable = {5, {"line 2: x", "line 3: y", "line 9: z"}};
  EXPECT_EQ(coordinator::dag::table_warnings(resource, {2 * day_us, 3 * day_us}),
            (std::vector<std::string>{"resource routes: 5 lines of b cannot be used: line 2: x; line 3: y; line 9: z; ..."}));
  EXPECT_EQ(coordinator::dag::routes_over(resource, {2 * day_us, 3 * day_us})[0].unusable_lines, 5u);
  resource.tables = {{INT64_MIN, digest("always"), "always", {}}};
  const auto always = coordinator::dag::routes_over(resource, {-day_us, day_us});
  ASSERT_EQ(always.size(), 1u);
  EXPECT_EQ(always[0].used, (TimeRange{-day_us, day_us}));
  EXPECT_FALSE(always[0].stale);
  EXPECT_TRUE(coordinator::dag::table_warnings(resource, {-day_us, day_us}).empty());
}

}  // namespace
}  // namespace mole::test
