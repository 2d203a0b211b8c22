// The scheduler with files on tapes.
#include "tests/coordinator/staging_fixture.hpp"

namespace mole::test {
namespace {

TEST_F(StagingTest, FetchesFilesBeforeTheirJobsAreLeased) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  const auto grants = lease("a", 2, 2);
  ASSERT_EQ(grants.size(), 2U);
  for (const auto& grant : grants) EXPECT_EQ(grant.kind, task::Kind::fetch);
  EXPECT_EQ(grants[0].medium, "A");
  EXPECT_EQ(grants[0].files.size(), 2U);
  EXPECT_EQ(grants[1].medium, "B");
  EXPECT_TRUE(lease("a", 2, 2).empty());

  scheduler.complete(fetched(grants[0], {0, 1}), now, random);
  const auto jobs = lease("a", 4, 2);
  ASSERT_EQ(jobs.size(), 2U);
  for (const auto& job : jobs) {
    EXPECT_EQ(job.kind, task::Kind::compute);
    EXPECT_LT(job.ref.number, 2);
  }
}

TEST_F(StagingTest, LeasesAJobAsSoonAsAHeartbeatNamesItsFiles) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  const auto grants = lease("a", 0, 1);
  ASSERT_EQ(grants.size(), 1U);
  TaskProgress progress{.task = grants[0].id, .phase = "run", .ready = {1}};
  scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {progress}}, now);
  const auto jobs = lease("a", 4, 0);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].ref.number, 1);
}

TEST_F(StagingTest, LeasesAJobToTheNodeThatHoldsItsFiles) {
  add_node("a", 100'000);
  add_node("b", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  const auto grants = lease("a", 0, 1);
  ASSERT_EQ(grants.size(), 1U);
  scheduler.complete(fetched(grants[0], {0, 1}), now, random);
  EXPECT_TRUE(lease("b", 4, 0).empty());
  EXPECT_EQ(lease("a", 4, 0).size(), 2U);
}

TEST_F(StagingTest, LeavesAJobToTheNodeThatHasItsFilesForAnotherRequest) {
  add_node("a", 100'000);
  add_node("b", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  const auto grants = lease("a", 0, 1);
  ASSERT_EQ(grants.size(), 1U);
  scheduler.complete(fetched(grants[0], {0, 1}), now, random);
  scheduler.set_plan(2, 0, plan_of(true, "addresses"));
  EXPECT_TRUE(lease("b", 4, 0).empty());
  EXPECT_EQ(lease("a", 8, 0).size(), 4U) << "two blocks of both requests";
}

TEST_F(StagingTest, RunsTheJobsOfANodeThatFetchesNoLonger) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  ASSERT_EQ(lease("a", 4, 1).size(), 1U);
  NodeInfo info;
  info.name = "a";
  info.incarnation = "later";
  scheduler.register_node(info, now);
  EXPECT_EQ(scheduler.lease({"a", "later", 8, {}, 0}, now)->size(), blocks);
}

TEST_F(StagingTest, CancelsAFetchThatNoRequestWants) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  const auto grants = lease("a", 0, 2);
  scheduler.drop(1);
  EXPECT_EQ(scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {}}, now).cancel.size(), grants.size());
  EXPECT_TRUE(lease("a", 4, 4).empty());
}

TEST_F(StagingTest, StagesNoFilesOfABlockThatExceedsEveryCache) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  scheduler.complete(fetched(lease("a", 0, 1).at(0), {0, 1}), now, random);
  NodeInfo smaller;
  smaller.name = smaller.incarnation = "a";
  smaller.cache_limit = 999;
  scheduler.register_node(smaller, now);
  const auto jobs = lease("a", 4, 2);
  ASSERT_EQ(jobs.size(), blocks);
  for (const auto& job : jobs) EXPECT_TRUE(scheduler.staged_files("a", job).empty()) << "it fetches its files itself";
}

TEST_F(StagingTest, EndsWithTheJobs) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  for (int round = 0; round < 6 && !scheduler.exhausted(1); ++round)
    for (const auto& grant : lease("a", 4, 2)) {
      if (grant.kind == task::Kind::fetch)
        scheduler.complete(fetched(grant, grant.medium == "A" ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{2, 3}),
                           now, random);
      else
        EXPECT_EQ(scheduler.complete(computed(grant), now, random).verdict, Verdict::accepted);
    }
  EXPECT_TRUE(scheduler.exhausted(1));
  EXPECT_TRUE(scheduler.media(1, now).empty());
}

TEST_F(StagingTest, FetchesNothingForJobsThatAFailureStops) {
  auto chained = plan_of();
  auto graph = std::make_shared<dag::Graph>(*chained.graph);
  graph->modules[0].since = 0;
  chained.graph = std::move(graph);
  chained.modules[0].flags.assign(blocks, Flag::requested | Flag::needs_state | Flag::needs_result);
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, std::move(chained));
  const auto grants = lease("a", 0, 1);
  ASSERT_EQ(grants.size(), 1U);
  scheduler.complete(fetched(grants[0], {0, 1}), now, random);
  const auto jobs = lease("a", 4, 0);
  ASSERT_EQ(jobs.size(), 1U) << "the others need its state";
  auto failed = computed(jobs[0]);
  failed.spec.archive.emplace().damage = DamagePolicy::strict;
  failed.report.steps[0].outcome = task::Outcome::failed;
  failed.report.steps[0].code = task::FailureCode::corrupt;
  scheduler.complete(failed, now, random);
  EXPECT_TRUE(scheduler.exhausted(1));
  EXPECT_TRUE(scheduler.media(1, now).empty());
  EXPECT_TRUE(lease("a", 4, 4).empty());
}

TEST_F(StagingTest, DoesNotConcernArchivesWithoutMediaAndNodesThatDoNotFetch) {
  add_node("a", 0);
  scheduler.set_plan(1, 0, plan_of());
  EXPECT_EQ(lease("a", 4, 2).size(), blocks) << "each task fetches its own files";
  leases::Scheduler other{{}, 1};
  NodeInfo info;
  info.name = info.incarnation = "a";
  info.cache_limit = 100'000;
  other.register_node(info, now);
  other.set_plan(1, 0, plan_of(false));
  EXPECT_EQ(other.lease({"a", "a", 4, {}, 4}, now)->size(), blocks);
}

TEST_F(StagingTest, WaitsForAnArchiveThatFailsAsAWhole) {
  add_node("a", 100'000);
  const auto library = leases::library_of(plan.graph->archives[0], 0);
  const auto ask = [&] {
    scheduler.set_drives(library, 2, now);
    return lease("a", 0, 2);
  };
  scheduler.set_plan(1, 0, plan_of());
  const auto grants = ask();
  ASSERT_EQ(grants.size(), 2U);
  for (const auto& grant : grants) {
    auto failed = fetched(grant, {});
    failed.report.code = task::FailureCode::transient;
    failed.report.message = "connection refused";
    scheduler.complete(failed, now, random);
  }
  EXPECT_TRUE(ask().empty());
  ASSERT_EQ(scheduler.media(1, now).size(), 2U);
  EXPECT_NE(scheduler.media(1, now)[0].reason.find("connection refused; attempt 2 in "), std::string::npos);
  now += 5 * second_us;
  const auto attempt = ask();
  ASSERT_EQ(attempt.size(), 1U) << "one batch tries it";
  EXPECT_EQ(attempt[0].files.size(), 2U) << "no file has failed";
  TaskProgress progress{.task = attempt[0].id, .phase = "run", .ready = {0}};
  scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {progress}}, now);
  EXPECT_EQ(ask().size(), 1U) << "the other drive is used again";
  EXPECT_TRUE(scheduler.media(1, now)[0].reason.empty());
}

TEST_F(StagingTest, LeavesFilesToTheirTasksIfTheArchiveFailsForLong) {
  add_node("a", 100'000);
  const auto library = leases::library_of(plan.graph->archives[0], 0);
  scheduler.set_plan(1, 0, plan_of());
  std::size_t attempts = 0;
  for (int hour = 0; hour < 48 && lease("a", 4, 0).empty(); ++hour, now += hour_us) {
    scheduler.register_node({.name = "a", .incarnation = "a", .cache_limit = 100'000}, now);
    scheduler.set_drives(library, 2, now);
    for (const auto& grant : lease("a", 0, 2)) {
      auto failed = fetched(grant, grant.medium == "A" ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{2, 3});
      failed.report.fetched.clear();
      failed.report.code = task::FailureCode::transient;
      scheduler.complete(failed, now, random);
      ++attempts;
    }
  }
  EXPECT_GE(attempts, 20U);
  EXPECT_LE(attempts, 24U);
}

TEST_F(StagingTest, LeavesAFileThatIsNeverStagedToItsTasks) {
  add_node("a", 100'000);
  const auto library = leases::library_of(plan.graph->archives[0], 0);
  scheduler.set_plan(1, 0, plan_of());
  auto first = fetched(lease("a", 0, 1).at(0), {0, 1});
  first.report.fetched[1].outcome = task::FetchOutcome::failed;
  first.report.fetched[1].code = task::FailureCode::transient;
  scheduler.complete(first, now, random);
  scheduler.complete(fetched(lease("a", 0, 1).at(0), {2, 3}), now, random);
  ASSERT_EQ(lease("a", 4, 0).size(), 3U) << "the jobs of the others run";
  for (int attempt = 2; attempt <= 3; ++attempt) {
    EXPECT_TRUE(lease("a", 4, 0).empty());
    now += minute_us;
    scheduler.register_node({.name = "a", .incarnation = "a", .cache_limit = 100'000}, now);
    scheduler.set_drives(library, 2, now);
    const auto again = lease("a", 0, 2);
    ASSERT_EQ(again.size(), 1U) << "attempt " << attempt;
    auto failed = fetched(again[0], {1});
    failed.report.fetched.clear();
    failed.report.code = task::FailureCode::transient;
    scheduler.complete(failed, now, random);
    scheduler.set_drives(library, 2, now);
    EXPECT_TRUE(scheduler.media(1, now).empty() || scheduler.media(1, now)[0].reason.empty()) << "the archive is not at fault";
  }
  EXPECT_EQ(lease("a", 4, 0).size(), 1U) << "its task fetches it itself, and reports why it cannot";
}

TEST_F(StagingTest, ACrashCountsAgainstOneFile) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  auto crashed = fetched(lease("a", 0, 1)[0], {0, 1});
  crashed.report.fetched.clear();
  crashed.report.code = task::FailureCode::crashed;
  scheduler.complete(crashed, now, random);
  const auto next = lease("a", 0, 1);
  ASSERT_EQ(next.size(), 1U);
  ASSERT_EQ(next[0].medium, "A");
  ASSERT_EQ(next[0].files.size(), 1U);
  EXPECT_EQ(scheduler.medium_file(next[0].files[0])->description->id, "file1") << "the first one is tried again later";
}

TEST_F(StagingTest, StagesFilesAgainThatATaskDidNotFind) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  for (int round = 0; round < 3; ++round) {
    const auto fetch = lease("a", 0, 1);
    ASSERT_EQ(fetch.size(), 1U);
    ASSERT_EQ(fetch[0].medium, "A");
    for (const auto& key : fetch[0].files) EXPECT_EQ(scheduler.needs_whole(key), round > 0 && key == fetch[0].files[0]);
    scheduler.complete(fetched(fetch[0], round == 0 ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{0}), now, random);
    const auto jobs = lease("a", 1, 0);
    ASSERT_EQ(jobs.size(), 1U);
    ASSERT_EQ(jobs[0].ref.number, 0);
    EXPECT_EQ(scheduler.staged_files("a", jobs[0]).size(), 1U);
    auto lost = computed(jobs[0]);
    lost.spec.archive.emplace().name = "flows";
    lost.spec.files.push_back(plan.indexes[0]->files()[0].file);
    lost.report.steps[0] = {};
    lost.report.steps[0].outcome = task::Outcome::not_run;
    lost.report.code = task::FailureCode::transient;
    lost.report.unstaged = {"file0"};
    scheduler.complete(lost, now, random);
    EXPECT_FALSE(scheduler.failure(jobs[0].steps[0].job)) << "the job has not failed";
    for (const auto& other : lease("a", 0, 0)) ADD_FAILURE() << other.id;
  }
  const auto last = lease("a", 1, 0);
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].ref.number, 0);
  EXPECT_TRUE(scheduler.staged_files("a", last[0]).empty()) << "the task fetches its file itself";
}

TEST_F(StagingTest, FetchesAgainWhatAKilledTaskDidNotReport) {
  add_node("a", 100'000);
  const auto library = leases::library_of(plan.graph->archives[0], 0);
  scheduler.set_plan(1, 0, plan_of());
  for (int attempt = 0; attempt < 5; ++attempt) {
    scheduler.set_drives(library, 2, now);
    const auto grants = lease("a", 4, 1);
    ASSERT_EQ(grants.size(), 1U) << attempt;
    ASSERT_EQ(grants[0].kind, task::Kind::fetch) << "no job may run without its files";
    auto killed = fetched(grants[0], grants[0].medium == "A" ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{2, 3});
    killed.report.fetched.clear();
    killed.report.code = task::FailureCode::exhausted;
    scheduler.complete(killed, now, random);
    now += hour_us;
    scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {}}, now);
  }
}

TEST_F(StagingTest, CountsNoFailureThatIsReportedWithoutALease) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  leases::Grant other;
  other.id = "1-77";
  auto report = fetched(other, {0, 1});
  report.report.fetched.clear();
  report.report.code = task::FailureCode::denied;
  scheduler.complete(report, now, random);
  EXPECT_TRUE(lease("a", 4, 0).empty()) << "its files are not there";
  EXPECT_EQ(lease("a", 0, 2).size(), 2U);
}

TEST_F(StagingTest, FetchesNothingAgainAfterARestart) {
  scheduler.set_plan(1, 0, plan_of());
  NodeInfo info;
  info.name = info.incarnation = "a";
  info.cache_limit = 100'000;
  const auto cache_name = task::cache_name_of(tasks::archive_of(plan.graph->archives[0]));
  for (const auto& indexed : plan.indexes[0]->files()) info.cached.push_back(kept_file_name(indexed.file, cache_name));
  scheduler.register_node(info, now);
  EXPECT_EQ(lease("a", 8, 2).size(), blocks) << "the jobs, and no fetch task";
}

TEST_F(StagingTest, CancelsABatchIfTheHourAllowsFewerDrives) {
  add_node("a", 100'000);
  const auto library = leases::library_of(plan.graph->archives[0], 0);
  scheduler.set_plan(1, 0, plan_of());
  ASSERT_EQ(lease("a", 0, 2).size(), 2U);
  scheduler.set_drives(library, 1, now);
  EXPECT_EQ(scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {}}, now).cancel, std::vector{held[1]});
  scheduler.set_drives(library, 0, now);
  EXPECT_EQ(scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {}}, now).cancel, std::vector{held[0]});
  EXPECT_NE(scheduler.media(1, now)[0].reason.find("no drive at this time"), std::string::npos);
}

TEST_F(StagingTest, LeavesTheBlocksOfADrainingNodeToOthers) {
  add_node("a", 100'000);
  scheduler.set_plan(1, 0, plan_of());
  for (const auto& grant : lease("a", 0, 2)) scheduler.release("a", "a", {grant.id}, now);
  held.clear();
  scheduler.heartbeat({.node = "a", .incarnation = "a", .tasks = {}, .draining = true}, now);
  add_node("b", 100'000);
  EXPECT_EQ(lease("b", 0, 2).size(), 2U);
}

TEST_F(StagingTest, UsesNoFurtherDriveAfterARestart) {
  add_node("a", 100'000);
  const auto library = leases::library_of(plan.graph->archives[0], 0);
  scheduler.set_drives(library, 1, now);
  scheduler.set_plan(1, 0, plan_of());
  leases::Grant stored;
  stored.id = "0-7";
  stored.kind = task::Kind::fetch;
  stored.library = library;
  stored.medium = "A";
  EXPECT_TRUE(scheduler.adopt(stored, "a", "a", now));
  held.push_back("0-7");
  EXPECT_TRUE(lease("a", 4, 4).empty());
  scheduler.complete(fetched(stored, {0, 1}), now, random);
  const auto grants = lease("a", 4, 4);
  EXPECT_EQ(grants.size(), 3U) << "two jobs, and the other tape";
}

}  // namespace
}  // namespace mole::test
