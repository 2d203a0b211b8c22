// Archives of one name at different places: they never share an index, blocks or tables.
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

using nlohmann::json;

// The manifest `border` with files at another root.
std::string rooted(const std::string& root) { return replaced(border, "{root: ./archive}", "{root: " + root + "}"); }

struct Places : ::testing::Test {
  World world;
  const std::string from = "2007-09-22", to = "2007-09-22T04";

  Places() { world.add_files("1", 0, 5); }
  coordinator::Submission work(const std::string& manifest) const { return world.submission(manifest, from, to); }
  std::string path(const std::string& name) const { return (world.folder.path() / name).string(); }
};

TEST_F(Places, ASecondRootUnderTheSameNameIsRefusedWithBothPlaces) {
  EXPECT_EQ(world.run(work(rooted("./mine")))["state"], "COMPLETE");
  const auto before = world.catalogue();
  const auto other = work(rooted("./theirs"));
  const auto refused = world.client().submit(other);
  const auto unplanned = world.client().plan(other);
  const auto unlisted = world.client().archive_task(other, "border/flows", coordinator::RequestKind::index);
  for (const auto* result : {&refused, &unplanned, &unlisted}) {
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().code, Code::invalid);
    for (const auto& part :
         {path("mine"), path("theirs"), std::string("moved_from: {params: {\"root\":\"" + path("mine") + "\"}}")})
      EXPECT_NE(result->error().message.find(part), std::string::npos) << result->error().message;
  }
  EXPECT_EQ(world.catalogue(), before);
  // Under another pipeline name it is another archive.
  EXPECT_EQ(world.run(work(replaced(rooted("./theirs"), "pipeline: border", "pipeline: theirs")))["state"], "COMPLETE");
  EXPECT_EQ(world.catalogue().size(), 2 * before.size());
}

TEST_F(Places, OnePathWrittenInThreeWaysIsOnePlace) {
  world.run(work(rooted("./mine")));
  for (const auto& root : {path("mine"), path("mine") + "/", std::string("x/../mine/.")}) {
    const auto plan = world.client().plan(work(rooted(root)));
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ((*plan)["jobs"]["new"], 0) << root;
  }
}

TEST_F(Places, ARootWithoutResultsMayBeCorrected) {
  ASSERT_TRUE(world.client().submit(work(rooted("./wrong"))));
  ASSERT_TRUE(world.client().cancel("r1"));
  EXPECT_EQ(world.run(work(rooted("./right")))["state"], "COMPLETE");
}

TEST_F(Places, AMovedArchiveKeepsItsResultsIfTheManifestSaysSo) {
  world.run(work(rooted("./old")));
  const auto before = world.catalogue();
  const auto moved = replaced(rooted("./new"), "covers: 1h", "covers: 1h\n    moved_from: {params: {root: ./old}}");
  auto plan = world.client().plan(work(moved));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ((*plan)["jobs"]["new"], 0);
  EXPECT_EQ(world.run(work(moved))["state"], "COMPLETE");
  EXPECT_EQ(world.catalogue(), before);
  // A file that is not the same at the new place is computed again, and nothing else.
  world.archive.at(World::file_name("1", 0)).version = "2";
  world.clock += hour_us;
  EXPECT_EQ(world.run(work(moved))["state"], "COMPLETE");
  const auto after = world.catalogue();
  EXPECT_NE(after.at("border/traffic@2007-09-22T00:00:00Z"), before.at("border/traffic@2007-09-22T00:00:00Z"));
  EXPECT_EQ(after.at("border/traffic@2007-09-22T02:00:00Z"), before.at("border/traffic@2007-09-22T02:00:00Z"));
  // Moved again, it still names its first place. Without it, the move is refused.
  EXPECT_TRUE(world.client().plan(work(replaced(moved, "./new", "./newer"))));
  EXPECT_FALSE(world.client().plan(work(rooted("./new"))));
}

TEST_F(Places, OneIndexIsReadFromOnePlaceAtATime) {
  const auto moved = replaced(rooted("./new"), "covers: 1h", "covers: 1h\n    moved_from: {params: {root: ./old}}");
  ASSERT_TRUE(world.client().submit(work(rooted("./old"))));
  const auto refused = world.client().submit(work(moved));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::transient);
  EXPECT_FALSE(world.client().submit(work(rooted("./third"))));
}

TEST_F(Places, AWhatIfMayReadAnotherPlace) {
  world.run(work(rooted("./mine")));
  const auto before = world.catalogue();
  const auto files = world.client().archive_files("border/flows");
  world.archive.clear();
  world.add_files("2", 0, 3);
  auto what_if = work(rooted("./mine"));
  what_if.overrides = {"archives.flows.params.root=./theirs"};
  EXPECT_EQ(world.run(what_if)["state"], "WAITING");
  EXPECT_EQ(world.catalogue(), before);
  EXPECT_EQ(*world.client().archive_files("border/flows"), *files) << "its listing is another one";
  EXPECT_EQ((*world.client().results("border/traffic", {}, "last"))["blocks"].size(), 1u);
}

TEST_F(Places, AChangedPatternHasItsOwnIndexAndIsNotRefused) {
  world.run(work(border));
  const auto before = world.catalogue();
  const auto ends = replaced(border, "{start:unix}", "{end:unix}");
  EXPECT_FALSE(world.client().plan(work(ends))) << "this archive has not been listed yet";
  auto request = work(ends);
  request.range.to = *parse_time("2007-09-22T02");
  EXPECT_EQ(world.run(request)["state"], "COMPLETE");
  EXPECT_NE(world.catalogue(), before);
  EXPECT_EQ((*world.client().archive_files("border/flows"))[0]["from"], "2007-09-21T23:00:00Z");
}

TEST_F(Places, PlansAndGapsSayWhenTheArchiveWasListed) {
  world.run(work(border));
  const auto plan = world.client().plan(work(border));
  ASSERT_TRUE(plan);
  const auto listed = format_time(Micros{1505779200} * second_us);  // the clock of the World
  EXPECT_EQ((*plan)["listings"], json::array({{{"archive", "border/flows"}, {"listed", listed}, {"files", 5}}}));
  EXPECT_EQ((*world.client().archive_gaps("border/flows"))["listed"], listed);
}

}  // namespace
}  // namespace mole::test
