// Listings that report only the differences to a listing that the coordinator knows.
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

using namespace coordinator;

Digest digest_of_listing(const std::map<std::string, task::IndexEntry>& archive) {
  task::ListingDigest digest;
  for (const auto& [id, entry] : archive) digest.add(entry);
  return digest.value();
}

// A node that has kept a listing and reports the differences to it, as mole-worker does.
struct KeepingNode {
  std::string name;
  std::map<std::string, task::IndexEntry> kept = {};
  bool any = false;

  Completion report(World& world, const task::Spec& spec) {
    auto done = world.compute(name, spec);
    done.report.listing = digest_of_listing(world.archive);
    const auto before = digest_of_listing(kept);
    if (any && std::ranges::find(spec.listings, before) != spec.listings.end()) {
      done.report.listing_before = before;
      done.report.index.clear();
      for (const auto& [id, entry] : world.archive)
        if (!kept.contains(id) || kept[id] != entry) done.report.index.push_back(entry);
      for (const auto& [id, entry] : kept)
        if (!world.archive.contains(id)) done.report.removed.push_back(id);
    }
    kept = world.archive;
    any = true;
    return done;
  }
};

struct Refreshed : World {
  KeepingNode a{"a"}, b{"b"};

  Refreshed() { add_files("1", 0, 40); }
  // Requests a listing; returns the task that a node leases for it.
  task::Spec listing_task(const std::string& node) {
    const auto accepted =
        client().archive_task(submission(border, "2007-09-22", "2007-09-23"), "border/flows", RequestKind::index);
    EXPECT_TRUE(accepted) << accepted.error().message;
    const auto specs = lease(node, 1);
    EXPECT_EQ(specs.size(), 1u);
    return specs.at(0);
  }
  Completion refresh(KeepingNode& node) {
    const auto done = node.report(*this, listing_task(node.name));
    EXPECT_EQ(complete(done), "accepted");
    return done;
  }
  // Files and gaps, which must equal those of a coordinator that lists the archive for the first time.
  void expect_equal_to_a_fresh_one() {
    const auto seen = [](World& world) {
      auto files = *world.client().archive_files("border/flows");
      for (auto& file : files)
        for (const char* key : {"revision", "state", "digest"}) file.erase(key);
      auto gaps = *world.client().archive_gaps("border/flows");
      gaps.erase("listed");
      return files.dump(1) + gaps.dump(1);
    };
    Refreshed fresh;
    fresh.archive = archive;
    fresh.refresh(fresh.a);
    EXPECT_EQ(seen(*this), seen(fresh));
  }
};

TEST(ListingRefresh, ReportsOnlyDifferences) {
  Refreshed world;
  EXPECT_EQ(world.refresh(world.a).report.index.size(), 40u);
  world.add_files("1", 41, 1);
  world.remove_file("1", 3);
  world.archive.begin()->second.size = 7;
  const auto done = world.refresh(world.a);
  EXPECT_EQ(done.report.index.size(), 2u);
  EXPECT_EQ(done.report.removed.size(), 1u);
  world.expect_equal_to_a_fresh_one();
}

TEST(ListingRefresh, IsRightIfNodesAlternate) {
  Refreshed world;
  world.refresh(world.a);
  world.refresh(world.b);
  for (int round = 0; round < 6; ++round) {
    world.add_files("2", round, 1);
    if (round % 2) world.remove_file("1", round);
    auto& node = round % 3 == 0 ? world.b : world.a;
    EXPECT_LT(world.refresh(node).report.index.size(), 10u) << "the coordinator knows the listing that the node has kept";
    world.expect_equal_to_a_fresh_one();
  }
}

TEST(ListingRefresh, ContinuesAfterARestartOfTheCoordinator) {
  Refreshed world;
  world.refresh(world.a);
  world.reopen();
  world.join("a", "a2");
  world.add_files("1", 41, 1);
  EXPECT_EQ(world.refresh(world.a).report.index.size(), 1u);
  world.expect_equal_to_a_fresh_one();
}

TEST(ListingRefresh, ListsEverythingForANodeWithoutAListing) {
  Refreshed world;
  world.refresh(world.a);
  world.a.any = false;
  world.add_files("1", 41, 1);
  EXPECT_EQ(world.refresh(world.a).report.index.size(), 41u);
  world.expect_equal_to_a_fresh_one();
}

TEST(ListingRefresh, FindsAFileThatATaskMissedAndThatIsListedStill) {
  Refreshed world;
  world.refresh(world.a);
  const auto [id, entry] = *world.archive.begin();
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22T00:00", "2007-09-22T04:00")));
  world.archive.erase(id);  // while the task reads it
  for (auto specs = world.lease("a", 4); !specs.empty(); specs = world.lease("a", 4))
    for (const auto& spec : specs) world.complete(world.compute("a", spec));
  world.archive[id] = entry;
  const auto done = world.refresh(world.a);
  EXPECT_FALSE(done.report.listing_before.empty());
  EXPECT_EQ(done.report.index.size(), 0u) << "the node sees no change";
  world.expect_equal_to_a_fresh_one();
}

TEST(ListingRefresh, AppliesTheLaterOfTwoListingsThatBeganTogether) {
  Refreshed world;
  world.refresh(world.a);
  world.refresh(world.b);
  auto early = world.listing_task("a");
  auto archive = world.archive;
  world.add_files("1", 41, 1);
  const auto late = world.b.report(world, world.listing_task("b"));
  EXPECT_EQ(world.complete(late), "accepted");
  world.expect_equal_to_a_fresh_one();
  std::swap(world.archive, archive);  // the first node saw the archive before the new file
  world.complete(world.a.report(world, early));
  std::swap(world.archive, archive);
  world.refresh(world.a);
  world.expect_equal_to_a_fresh_one();
}

// Reports that are wrong are refused, and the task is repeated with a whole listing.
void expect_refused(const std::function<void(task::Report&)>& damage) {
  Refreshed world;
  world.refresh(world.a);
  world.add_files("1", 41, 1);
  const auto before = world.client().archive_files("border/flows")->dump();
  auto done = world.a.report(world, world.listing_task("a"));
  ASSERT_FALSE(done.report.listing_before.empty());
  damage(done.report);
  world.complete(done);
  EXPECT_EQ(world.client().archive_files("border/flows")->dump(), before);
  world.clock += hour_us;
  world.a.any = false;
  const auto again = world.lease("a", 1);
  ASSERT_EQ(again.size(), 1u) << "the task is repeated";
  world.complete(world.a.report(world, again[0]));
  world.expect_equal_to_a_fresh_one();
}

TEST(ListingRefresh, RefusesAnUnknownListing) {
  expect_refused([](task::Report& report) { report.listing_before = digest_of(std::string_view("another")); });
}
TEST(ListingRefresh, RefusesAWrongDigest) {
  expect_refused([](task::Report& report) { report.listing = report.listing_before; });
}
TEST(ListingRefresh, RefusesAMissingDigest) {
  expect_refused([](task::Report& report) { report.listing = {}; });
}
TEST(ListingRefresh, RefusesLostEntries) {
  expect_refused([](task::Report& report) { report.index.clear(); });
}
TEST(ListingRefresh, RefusesARepeatedFile) {
  expect_refused([](task::Report& report) { report.index.push_back(report.index.front()); });
}
TEST(ListingRefresh, RefusesAFileThatIsListedAndRemoved) {
  expect_refused([](task::Report& report) { report.removed.push_back(report.index.front().id); });
}
TEST(ListingRefresh, RefusesAnUnusableId) {
  expect_refused([](task::Report& report) { report.index.front().id = std::string("a\0b", 3); });
}
TEST(ListingRefresh, RefusesTooManyDifferences) {
  expect_refused([](task::Report& report) {
    for (int i = 0; i < 6000; ++i) report.removed.push_back("x" + std::to_string(i));
  });
}

}  // namespace
}  // namespace mole::test
