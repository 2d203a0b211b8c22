#include "tests/coordinator/world.hpp"

#include "coordinator/state_check.hpp"
#include "coordinator/store/keys.hpp"
#include "sdk/model/durable_file.hpp"

#include <filesystem>
#include <fstream>
#include <utility>

namespace mole::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void failed_step(coordinator::Completion& done, std::size_t step, task::FailureCode code) {
  done.report.steps[step] = {};
  done.report.steps[step].step = static_cast<std::uint32_t>(step);
  done.report.steps[step].outcome = task::Outcome::failed;
  done.report.steps[step].code = code;
  done.report.steps[step].message = "signal 11 in add";
  done.report.log_tail = "about to crash";
}

std::string state_of(World& world, const std::string& id) { return world.request(id)["state"]; }

TEST(ServiceFailure, LeasesTheCulpritAloneAndGivesItUpAfterThreeAttempts) {
  World world;
  world.add_files("1", 0, 3);
  const auto accepted = world.client().submit(world.submission(chain, "2007-09-22", "2007-09-22T02"));
  ASSERT_TRUE(accepted);
  const std::string id = (*accepted)["id"];
  world.work_once();
  auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.at(0).steps.size(), 3u);
  auto done = world.compute("a", specs[0]);
  failed_step(done, 1, task::FailureCode::crashed);
  done.report.steps[2] = {};
  done.report.steps[2].step = 2;
  done.report.steps[2].outcome = task::Outcome::blocked;
  EXPECT_EQ(world.complete(done), "accepted");  // the result of traffic
  EXPECT_TRUE(world.lease("a", 1).empty());     // mean is delayed, and variance depends on it
  for (int attempt = 2; attempt <= 3; ++attempt) {
    world.clock += 10 * second_us;
    specs = world.lease("a", 4);
    ASSERT_EQ(specs.size(), 1u);
    ASSERT_EQ(specs[0].steps.size(), 1u);
    EXPECT_EQ(specs[0].steps[0].module, "mean");
    EXPECT_EQ(specs[0].steps[0].inputs[0].rows.size(), 1u);
    done = world.compute("a", specs[0]);
    failed_step(done, 0, task::FailureCode::crashed);
    world.complete(done);
  }
  const auto request = world.request(id);
  EXPECT_EQ(request["state"], "FAILED");
  EXPECT_EQ(request["reason"], "1 job failed, 1 more blocked by failures");
  EXPECT_EQ(request["jobs"]["done"], 1);
  const auto& failure = request["failures"][0];
  EXPECT_EQ(failure["job"], "border/mean@2007-09-22T00:00:00Z");
  EXPECT_EQ(failure["code"], "crashed");
  EXPECT_EQ(failure["attempts"], 3);
  EXPECT_EQ(failure["log_tail"], "about to crash");
  // A new request retries the job.
  EXPECT_EQ(world.run(world.submission(chain, "2007-09-22", "2007-09-22T02"))["state"], "COMPLETE");
}

TEST(ServiceFailure, BisectsACrashWithoutACulprit) {
  World world;
  world.add_files("1", 0, 3);
  const auto accepted = world.client().submit(world.submission(chain, "2007-09-22", "2007-09-22T02"));
  world.work_once();
  for (int i = 0; i < 50 && state_of(world, (*accepted)["id"]) == "RUNNING"; ++i) {
    world.clock += 10 * second_us;
    for (const auto& spec : world.lease("a", 4)) {
      auto done = world.compute("a", spec);
      const bool crashes =
          std::any_of(spec.steps.begin(), spec.steps.end(), [](const task::Step& s) { return s.module == "mean"; });
      if (crashes) {
        done.report.code = task::FailureCode::crashed;
        for (auto& step : done.report.steps) {
          const auto number = step.step;
          step = {};
          step.step = number;
          step.outcome = task::Outcome::not_run;
        }
      }
      world.complete(done);
    }
  }
  const auto request = world.request((*accepted)["id"]);
  EXPECT_EQ(request["state"], "FAILED");
  ASSERT_EQ(request["failures"].size(), 1u) << request.dump(2);
  EXPECT_EQ(request["failures"][0]["module"], "mean");
  EXPECT_EQ(request["jobs"]["done"], 1);
}

TEST(ServiceFailure, RecomputesAStateThatNoNodeHolds) {
  World world;
  world.add_files("1", 0, 5);
  const auto accepted = world.client().submit(world.submission(chain, "2007-09-22", "2007-09-22T04"));
  world.work_once();
  world.work_once();  // the first block
  auto specs = world.lease("b", 1);
  ASSERT_EQ(specs.size(), 1u);
  ASSERT_FALSE(specs[0].steps[1].states.empty());
  auto done = world.compute("b", specs[0]);
  done.report.steps.clear();
  done.report.code = task::FailureCode::missing;
  done.report.message = "no node holds a state";
  done.report.missing_blobs = {specs[0].steps[1].states[0].blob};
  world.complete(done);
  specs = world.lease("b", 1);
  ASSERT_EQ(specs.size(), 1u);
  EXPECT_EQ(specs[0].block.from, *parse_time("2007-09-22"));
  EXPECT_EQ(specs[0].steps[0].module, "mean");
  EXPECT_FALSE(specs[0].steps[0].make_result);
  world.complete(world.compute("b", specs[0]));
  world.work("b");
  EXPECT_EQ(state_of(world, (*accepted)["id"]), "COMPLETE");
}

TEST(ServiceFailure, TreatsChangedBytesAsANewRevision) {
  World world;
  world.add_files("1", 0, 5);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  world.run(submission);
  const auto before = world.catalogue();
  // The file of 02:00, which both blocks read, changes. A run with a different filter reads it again and detects the change.
  world.content[World::file_name("1", 2)] = "changed bytes";
  auto changed = submission;
  changed.overrides = {"modules.traffic.filter=proto tcp"};
  EXPECT_EQ(world.run(changed)["state"], "COMPLETE");
  const auto plan = world.client().plan(submission);
  EXPECT_EQ((*plan)["jobs"]["new"], 2);
  EXPECT_NE((*plan)["new_jobs"][0]["reason"].get<std::string>().find("revision 1 -> 1000 bytes, revision 2"), std::string::npos)
      << *plan;
  EXPECT_EQ(world.run(submission)["state"], "COMPLETE");
  EXPECT_NE(world.catalogue(), before);
}

TEST(ServiceFailure, TreatsAFileThatCannotBeFetchedAsAGap) {
  World world;
  world.add_files("1", 0, 5);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04"));
  world.work_once();
  world.remove_file("1", 0);  // after it was listed
  world.work();
  EXPECT_EQ(state_of(world, (*accepted)["id"]), "COMPLETE");
  const auto files = world.client().archive_files("border/flows");
  EXPECT_EQ(files->size(), 4u);
}

TEST(ServiceFailure, FailsARequestOnAnEmptyArchive) {
  World world;
  const auto done = world.run(world.submission(border, "2007-09-22", "2007-09-22T04"));
  EXPECT_EQ(done["state"], "FAILED");
  EXPECT_EQ(done["reason"],
            "the archive \"flows\" has no file that matches \"{router}_{sequence}_{start:unix}.dat\"; check its \"params\", "
            "\"files\" and \"where\"");
}

TEST(ServiceFailure, FailsARequestWhoseArchiveCannotBeListed) {
  World world;
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04"));
  const auto specs = world.lease("a", 1);
  auto done = world.compute("a", specs.at(0));
  done.report.code = task::FailureCode::missing;
  done.report.message = "cannot read /nowhere: No such file or directory; check root";
  world.complete(done);
  EXPECT_EQ(world.request((*accepted)["id"])["reason"], "cannot read /nowhere: No such file or directory; check root");
}

TEST(ServiceFailure, ReadsAListingFromABlob) {
  World world;
  world.add_files("1", 0, 100'000);
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04")));
  auto done = world.compute("a", world.lease("a", 1).at(0));
  const auto text = task::index_text(done.report.index);
  done.report.index.clear();
  done.report.index_blob = digest_of(std::string_view(text));
  auto early = world.service().complete({done});
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Code::transient);
  const std::string rows = "rows of another task";
  auto wrong = done;
  wrong.report.index_blob = digest_of(std::string_view(rows));
  ASSERT_TRUE(world.service().put_blob(wrong.report.index_blob, 0, rows, rows.size()));
  EXPECT_FALSE(world.service().complete({wrong}));
  EXPECT_TRUE(world.service().get_blob(wrong.report.index_blob, 0, 100)) << "not a listing, so not removed";
  for (std::uint64_t at = 0; at < text.size();) {
    const auto held =
        world.service().put_blob(done.report.index_blob, at, std::string_view(text).substr(at, 1 << 20), text.size());
    ASSERT_TRUE(held) << held.error().message;
    at = *held;
  }
  EXPECT_EQ(world.complete(done), "accepted");
  EXPECT_FALSE(world.service().get_blob(done.report.index_blob, 0, 100)) << "removed after it was read";
  EXPECT_EQ(world.lease("a", 1).at(0).kind, task::Kind::compute);
}

TEST(ServiceFailure, KeepsWaitingWhenTheArchiveCannotBeListedAgain) {
  World world;
  world.add_files("1", 0, 4);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04"));
  world.work();
  world.clock += hour_us;
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  auto done = world.compute("a", specs[0]);
  done.report.code = task::FailureCode::missing;
  done.report.message = "the archive is not mounted";
  world.complete(done);
  EXPECT_EQ(state_of(world, (*accepted)["id"]), "WAITING");
  world.add_files("1", 4, 1);
  world.clock += hour_us;
  world.work();
  EXPECT_EQ(state_of(world, (*accepted)["id"]), "COMPLETE");
}

TEST(ServiceFailure, RejectsAChangedBinaryUnderAReleasedVersion) {
  World world;
  world.add_files("1", 0, 5);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  world.run(submission);
  const json flows = json::array({{{"role", "flows"}, {"kind", "flows"}, {"reads", {"bytes"}}}});
  const json bytes = json::array({{{"name", "bytes"}, {"type", "u64"}, {"nullable", false}, {"unit", "B"}, {"doc", "x"}}});
  write_plugin(world.folder.path() / "plugins", metric("traffic", "mergeable", flows, bytes), "a different build");
  const auto refused = world.client().submit(submission);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported);
  EXPECT_NE(refused.error().message.find("give it a new version"), std::string::npos);
}

TEST(ServiceFailure, RebuildsTheTablesAtStart) {
  World world;
  world.add_files("1", 0, 5);
  world.run(world.submission(border, "2007-09-22", "2007-09-22T04"));
  const auto day = world.folder.path() / "state/tables/border/traffic/block_date=2007-09-22";
  fs::remove(day / "20070922T000000Z.parquet");
  fs::copy(day / "20070922T020000Z.parquet", day / "20070922T040000Z.parquet");
  world.reopen();
  EXPECT_TRUE(fs::exists(day / "20070922T000000Z.parquet"));
  EXPECT_FALSE(fs::exists(day / "20070922T040000Z.parquet"));
}

TEST(ServiceFailure, RefusesASecondCoordinatorOnTheSameState) {
  World world;
  const auto second = coordinator::Service::open(world.config());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::unsupported);
  EXPECT_NE(second.error().message.find("another coordinator (process " + std::to_string(::getpid()) + ")"), std::string::npos)
      << second.error().message;
}

TEST(ServiceFailure, ReportsACorruptStoreWithARemedy) {
  World world;
  world.add_files("1", 0, 5);
  world.run(world.submission(border, "2007-09-22", "2007-09-22T04"));
  world.close();
  for (const auto& entry : fs::directory_iterator(world.folder.path() / "state/db")) {
    if (!entry.path().filename().string().starts_with("MANIFEST")) continue;
    ASSERT_TRUE(durable_write(entry.path(), "garbage"));
  }
  const auto opened = coordinator::Service::open(world.config());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
  EXPECT_NE(opened.error().message.find("mole state check --repair"), std::string::npos);
}

TEST(ServiceFailure, RejectsReportsThatDoNotMatchTheirTask) {
  World world;
  world.add_files("1", 0, 5);
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04")));
  world.work_once();
  const auto specs = world.lease("a", 1);
  auto done = world.compute("a", specs.at(0));
  done.report.steps[0].step = 7;
  EXPECT_FALSE(world.service().complete({done}));
  done = world.compute("a", specs[0]);
  done.report.steps[0].coverage = 2;
  EXPECT_FALSE(world.service().complete({done}));
  done = world.compute("a", specs[0]);
  done.report.steps[0].rows_blob = digest_of(std::string_view("never sent"));
  const auto early = world.service().complete({done});
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Code::transient);
}

TEST(ServiceFailure, RejectsALineageWithTheWrongSchemaBeforeAnythingChanges) {
  for (const json& hostile : {json(7), json::array({1}), json{{"module", 1}}, json{{"files", {{{"covers", {"x", nullptr}}}}}},
                              json{{"files", 3}}, json{{"upstream", {1}}}, json{{"states", {{{"block", {"a", "b"}}}}}},
                              json{{"plugin", 1}, {"archive", "x"}, {"interval", "1"}}}) {
    World world;
    world.add_files("1", 0, 5);
    ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04")));
    world.work_once();
    auto done = world.compute("a", world.lease("a", 1).at(0));
    const auto from = done.spec.block.from;
    const auto lineage = std::exchange(done.report.steps[0].lineage, hostile);
    const auto refused = world.service().complete({done});
    ASSERT_FALSE(refused) << hostile;
    EXPECT_EQ(refused.error().code, Code::invalid);
    EXPECT_EQ((*world.client().status())["leases"], 1) << "the task is still leased";
    EXPECT_TRUE(world.catalogue().empty());
    done.report.steps[0].lineage = lineage;
    EXPECT_EQ(world.complete(done), "accepted");
    EXPECT_TRUE(world.client().why("border/traffic", "bytes", from)) << hostile;
    EXPECT_TRUE(world.client().explain("border/traffic@" + format_time(from))) << hostile;
    world.work();
    EXPECT_TRUE(world.client().status());
  }
}

TEST(ServiceFailure, KeepsTheFirstOfTwoDifferentResultsAndLogsIt) {
  World world;
  world.add_files("1", 0, 5);
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04")));
  world.work_once();
  const auto specs = world.lease("a", 1);
  auto first = world.compute("a", specs.at(0));
  EXPECT_EQ(world.complete(first), "accepted");
  const auto kept = world.catalogue();
  auto second = first;
  second.report.steps[0].rows_blob = digest_of(std::string_view("other"));
  ASSERT_TRUE(world.service().put_blob(second.report.steps[0].rows_blob, 0, "other", 5));
  EXPECT_EQ(world.complete(second), "duplicate");
  EXPECT_EQ(world.catalogue(), kept);
  const auto events = world.client().dump("events", "", 10);
  EXPECT_EQ((*events)["rows"][0]["event"], "NONDETERMINISM");
}

TEST(ServiceFailure, RemovesTheTemporaryFilesOfAKilledCoordinator) {
  World world;
  const auto state = world.folder.path() / "state", pid = state / ".tmp.1.1.coordinator.pid", tables = state / "switching";
  world.close();
  fs::create_directories(tables / "tables" / "border");
  std::ofstream(pid) << "1";
  world.open();
  world.close();
  EXPECT_FALSE(fs::exists(pid));
  EXPECT_FALSE(fs::exists(tables));
}

TEST(ServiceFailure, ARequestWhosePipelineIsLostIsLostAndCanBeSubmittedAgain) {
  World world;
  world.add_files("1", 0, 3);
  auto submission = world.submission(border, "2007-09-22", "2007-09-22T02");
  submission.client_id = "mine";
  ASSERT_TRUE(world.client().submit(submission));
  const auto state = world.folder.path() / "state";
  world.close();
  {
    using namespace coordinator::store;
    const auto store = Store::open(state / "db", {});
    ASSERT_TRUE(store) << store.error().message;
    const auto pipeline = (*store)->last_key(Table::revisions);
    ASSERT_FALSE(pipeline.empty());
    Batch batch;
    batch.erase(Table::revisions, pipeline);
    (*store)->commit(batch);
  }
  const auto repaired = coordinator::check_state(state, true);
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_EQ(repaired->lost_requests, std::vector<std::string>{"r1"});
  world.open();
  const auto again = world.client().submit(submission);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)["id"], "r2");
  EXPECT_EQ((*again)["created"], true);
}

}  // namespace
}  // namespace mole::test
