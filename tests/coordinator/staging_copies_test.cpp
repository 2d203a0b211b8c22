// The scheduler with nodes that copy files of tapes from other nodes.
#include "tests/coordinator/staging_fixture.hpp"

namespace mole::test {
namespace {

TEST_F(StagingTest, LeasesAJobToANodeThatCopiesItsFiles) {
  add_serving_node("a");
  add_copying_node("b");
  const auto own = stage_first_tape();
  const auto jobs = lease("b", 4, 0);
  ASSERT_EQ(jobs.size(), 1U) << "the files of the others are on tape";
  EXPECT_EQ(jobs[0].ref.number, 1 - own.ref.number);
  const auto files = scheduler.peer_files("b", jobs[0]);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files.begin()->second, "unix:/a");
  EXPECT_TRUE(scheduler.staged_files("b", jobs[0]).empty());
  EXPECT_TRUE(scheduler.peer_files("a", own).empty());
  EXPECT_EQ(lease("a", 0, 2).size(), 1U) << "the other tape is fetched as before";
  auto done = computed(jobs[0]);
  done.node = done.incarnation = "b";
  EXPECT_EQ(scheduler.complete(done, now, random).verdict, Verdict::accepted);
  const auto cache_name = task::cache_name_of(tasks::archive_of(plan.graph->archives[0]));
  EXPECT_EQ(scheduler.take_released("a", cache_name).size(), 1U) << "node a has not read it";
}

TEST_F(StagingTest, LeavesBlocksToANodeThatHoldsThemAndIsIdle) {
  add_serving_node("a");
  add_copying_node("b");
  scheduler.set_plan(1, 0, plan_of());
  scheduler.complete(fetched(lease("a", 0, 1).at(0), {0, 1}), now, random);
  EXPECT_TRUE(lease("b", 4, 0).empty());
  EXPECT_EQ(lease("a", 1, 0).size(), 1U);
  EXPECT_EQ(lease("b", 4, 0).size(), 1U);
}

TEST_F(StagingTest, CopiesOnlyFromNodesThatServeAndLive) {
  for (const std::string other : {"no address", "small cache", "draining", "silent"}) {
    scheduler = leases::Scheduler({}, 1);
    held.clear();
    if (other == "no address")
      add_node("a", 100'000);
    else
      add_serving_node("a");
    add_copying_node("b", other == "small cache" ? 999 : 100'000);
    stage_first_tape();
    if (other == "draining") scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {}, .draining = true}, now);
    if (other == "silent") now += 61 * second_us;
    EXPECT_TRUE(lease("b", 4, 0).empty()) << other;
  }
}

TEST_F(StagingTest, AFileThatIsNotServedIsLeftToTheNodeThatHoldsIt) {
  add_serving_node("a");
  add_copying_node("b");
  const auto own = stage_first_tape();
  const auto jobs = lease("b", 4, 0);
  ASSERT_EQ(jobs.size(), 1U);
  scheduler.complete(ended(jobs[0], task::FailureCode::transient, true), now, random);
  EXPECT_FALSE(scheduler.failure(jobs[0].steps[0].job)) << "the job has not failed";
  EXPECT_TRUE(lease("b", 4, 0).empty()) << "no endless loop";
  const auto again = lease("a", 1, 0);
  ASSERT_EQ(again.size(), 1U) << "node a may have its columns";
  EXPECT_EQ(again[0].ref, jobs[0].ref);

  auto lost = ended(again[0], task::FailureCode::transient, true);  // it has neither: the file is staged again, and served
  lost.node = lost.incarnation = "a";
  lost.spec.peers.clear();
  scheduler.complete(lost, now, random);
  EXPECT_TRUE(lease("b", 4, 0).empty());
  std::vector<leases::Grant> fetches = lease("a", 0, 2);
  const auto fetch = std::ranges::find(fetches, "A", &leases::Grant::medium);
  ASSERT_NE(fetch, fetches.end());
  ASSERT_EQ(fetch->files.size(), 1U);
  scheduler.complete(fetched(*fetch, {static_cast<std::size_t>(jobs[0].ref.number)}), now, random);
  EXPECT_EQ(lease("b", 4, 0).size(), 1U);
  EXPECT_EQ(own.ref.number + jobs[0].ref.number, 1);
}

TEST_F(StagingTest, ABlockWhoseFilesCannotBeCopiedGoesToANodeThatReachesTheArchive) {
  for (const auto code : {task::FailureCode::transient, task::FailureCode::denied, task::FailureCode::invalid}) {
    scheduler = leases::Scheduler({}, 1);
    held.clear();
    add_serving_node("a");
    add_copying_node("b");
    stage_first_tape();
    const auto jobs = lease("b", 4, 0);
    ASSERT_EQ(jobs.size(), 1U);
    scheduler.complete(ended(jobs[0], code, false), now, random);
    ASSERT_TRUE(scheduler.failure(jobs[0].steps[0].job));
    EXPECT_FALSE(scheduler.failure(jobs[0].steps[0].job)->given_up);
    now += minute_us;
    scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {}}, now);
    EXPECT_TRUE(lease("b", 4, 0).empty());
    const auto again = lease("a", 1, 0);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].ref, jobs[0].ref);
    EXPECT_TRUE(scheduler.staged_files("a", again[0]).empty()) << "its task may fetch the file itself";
  }
}

TEST_F(StagingTest, WaitsIfNoNodeReachesTheArchive) {
  add_copying_node("b");
  scheduler.set_plan(1, 0, plan_of());
  EXPECT_TRUE(lease("b", 4, 0).empty());
  EXPECT_NE(scheduler.media(1, now)[0].reason.find("no node reaches the archive"), std::string::npos);
  add_node("a", 100'000);
  EXPECT_TRUE(scheduler.media(1, now)[0].reason.empty());
  EXPECT_EQ(lease("a", 4, 2).size(), 2U) << "nothing is forgotten";
}

TEST_F(StagingTest, ANodeWithoutAccessReadsOtherArchivesItself) {
  add_copying_node("b");
  scheduler.set_plan(1, 0, plan_of(false));
  EXPECT_EQ(lease("b", 4, 0).size(), blocks);
}

TEST_F(StagingTest, ListsArchivesOnNodesThatReachThem) {
  add_copying_node("b");
  scheduler.add_archive_task(1, 0, {7, task::Kind::index, "p/flows", {}});
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto listing = lease("b", 1, 0);
    ASSERT_EQ(listing.size(), 1U) << "there is no other node";
    Completion denied;
    denied.node = denied.incarnation = "b";
    denied.spec.id = denied.report.task = listing[0].id;
    denied.spec.kind = task::Kind::index;
    denied.report.code = task::FailureCode::denied;
    EXPECT_FALSE(scheduler.complete(denied, now, random).archive_task) << "another node may be allowed to";
    now += minute_us;
  }
  add_node("a", 100'000);
  EXPECT_TRUE(lease("b", 1, 0).empty());
  EXPECT_EQ(lease("a", 1, 0).size(), 1U);
}

}  // namespace
}  // namespace mole::test
