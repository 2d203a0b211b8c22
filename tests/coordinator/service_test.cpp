#include "tests/coordinator/world.hpp"

#include "coordinator/requests/lineage.hpp"
#include "sdk/model/durable_file.hpp"

#include <filesystem>
#include <thread>

namespace mole::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string state_of(World& world, const std::string& id) { return world.request(id)["state"]; }

TEST(Service, RunsOneModuleToCompletion) {
  World world;
  world.add_files("1", 0, 9);
  const auto done = world.run(world.submission(border, "2007-09-22", "2007-09-22T08"));
  EXPECT_EQ(done["state"], "COMPLETE") << done.dump(2);
  EXPECT_EQ(done["jobs"]["total"], 4);
  EXPECT_EQ(done["jobs"]["done"], 4);
  EXPECT_EQ(done["coverage"], 1.0);
  EXPECT_EQ(world.catalogue().size(), 4u);
  EXPECT_TRUE(fs::exists(world.folder.path() / "state/tables/border/traffic/block_date=2007-09-22/20070922T060000Z.parquet"));
  const auto folder = world.folder.path() / "state/requests/r1";
  EXPECT_EQ(json::parse(*read_file(folder / "request.json"))["job_list"].size(), 4u);
  EXPECT_TRUE(fs::exists(folder / "traffic/block_date=2007-09-22/20070922T000000Z.parquet"));
  const auto request = world.client().request("r1");
  ASSERT_TRUE(request);
  const auto& files = (*request)["files"];
  EXPECT_EQ(files["decoded"], 4) << "the first file of each block";
  EXPECT_EQ(files["from_columns"], 4 * 2) << "a block reads three files, one of them because of lateness";
}

// A client polls while the last completions are processed. When it sees that the request has ended, every table must exist.
TEST(Service, ARequestEndsAfterItsTablesAreWritten) {
  World world;
  world.add_files("1", 0, 401);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-10-08T16"));
  ASSERT_TRUE(accepted);
  ASSERT_TRUE(world.work_once());  // the listing
  std::vector<coordinator::Completion> last;
  std::vector<std::string> held;
  for (auto specs = world.lease("a", 200); !specs.empty(); specs = world.lease("a", 200, held))
    for (const auto& spec : specs) {
      last.push_back(world.compute("a", spec));
      held.push_back(spec.id);
    }
  ASSERT_EQ(last.size(), 200u);
  EXPECT_EQ(world.client().status()->at("modules").at(0).at("state"), "running");
  std::size_t tables = 0;
  std::thread client([&] {
    while (state_of(world, (*accepted)["id"]) != "COMPLETE") {
    }
    for (const auto& entry : fs::recursive_directory_iterator(world.folder.path() / "state/tables"))
      tables += entry.is_regular_file();
  });
  EXPECT_TRUE(world.service().complete(last));
  client.join();
  EXPECT_EQ(tables, 200u);
  EXPECT_EQ(world.client().status()->at("modules").at(0).at("state"), "done");
}

TEST(Service, FusesAllModulesOfABlockIntoOneTask) {
  World world;
  world.add_files("1", 0, 9);
  ASSERT_TRUE(world.client().submit(world.submission(chain, "2007-09-22", "2007-09-22T08")));
  for (auto& [id, entry] : world.archive) entry.version = "v of " + id;
  ASSERT_TRUE(world.work_once());  // the listing
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  ASSERT_EQ(specs[0].steps.size(), 3u);
  EXPECT_EQ(specs[0].files.at(0).version, "v of " + specs[0].files[0].id);
  EXPECT_EQ(specs[0].kind, task::Kind::compute);
  EXPECT_EQ(specs[0].steps[0].module, "traffic");
  EXPECT_TRUE(specs[0].steps[1].make_state);
  EXPECT_TRUE(specs[0].steps[1].make_result);
  EXPECT_EQ(specs[0].steps[1].inputs[0].step, 0u);
  EXPECT_EQ(specs[0].steps[2].inputs[1].role, "centre");
  EXPECT_EQ(specs[0].steps[2].inputs[1].step, 1u);
  EXPECT_EQ(specs[0].files.size(), 3u);  // two hours, and one hour of lateness
  EXPECT_TRUE(specs[0].steps[1].states.empty());
  world.complete(world.compute("a", specs[0]));
  const auto next = world.lease("a", 1);
  ASSERT_EQ(next.size(), 1u);
  ASSERT_EQ(next[0].steps[1].states.size(), 1u);
  EXPECT_EQ(next[0].steps[1].states[0].nodes, (std::vector<std::string>{"unix:/a"}));
  EXPECT_NE(next[0].steps[1].states[0].blob, Digest{});
}

TEST(Service, PlansNothingAfterARunAndOnlyWhatAParameterAffects) {
  World world;
  world.add_files("1", 0, 13);
  auto submission = world.submission(chain, "2007-09-22", "2007-09-22T12");
  EXPECT_EQ(world.run(submission)["state"], "COMPLETE");
  auto plan = world.client().plan(submission);
  ASSERT_TRUE(plan);
  EXPECT_EQ((*plan)["jobs"]["new"], 0);
  EXPECT_EQ((*plan)["jobs"]["reused"], 18);
  EXPECT_EQ((*plan)["files"]["count"], 0);
  submission.overrides = {"modules.mean.params.minimum_coverage=0.5"};
  plan = world.client().plan(submission);
  ASSERT_TRUE(plan);
  EXPECT_EQ((*plan)["modules"][0]["new"], 0);
  EXPECT_EQ((*plan)["modules"][1]["new"], 6);
  EXPECT_EQ((*plan)["modules"][2]["new"], 6);
  EXPECT_NE((*plan)["new_jobs"][0]["reason"].get<std::string>().find("params.minimum_coverage 0.0 -> 0.5"), std::string::npos)
      << (*plan)["new_jobs"][0];
  EXPECT_EQ(world.run(submission)["state"], "COMPLETE");
  const auto explained = world.client().explain("border/mean@2007-09-22T04:00:00Z", "last");
  ASSERT_TRUE(explained);
  EXPECT_EQ((*explained)["changed"][0]["part"], "params.minimum_coverage");
  EXPECT_EQ((*explained)["state"], "done");
  submission.overrides.clear();
  EXPECT_EQ((*world.client().plan(submission))["jobs"]["new"], 0);  // the earlier results are still stored
  const auto results = world.client().results("border/mean", {});
  ASSERT_TRUE(results);
  for (const auto& column : (*results)["columns"])
    EXPECT_EQ(column.value("counted_over", ""), column["name"] == "bytes_mean" ? "15m" : "") << column;
}

TEST(Service, RejectsAnArchiveTaskOfAnUnknownKind) {
  World world;
  for (const int kind : {0, 4, 7, 255}) {
    const auto task = world.client().archive_task(world.submission(border, "2007-09-22", "2007-09-22T08"), "flows",
                                                  static_cast<coordinator::RequestKind>(kind));
    ASSERT_FALSE(task) << kind;
    EXPECT_EQ(task.error().code, Code::invalid);
  }
}

TEST(Service, PlansAndExplainsAnAddedFile) {
  World world;
  world.add_files("1", 0, 13);
  world.remove_file("1", 5);
  const auto submission = world.submission(chain, "2007-09-22", "2007-09-22T12");
  world.run(submission);
  const auto before = world.catalogue();
  world.add_files("1", 5, 1);
  world.clock += hour_us;
  auto index = world.client().archive_task(submission, "border/flows", coordinator::RequestKind::index);
  ASSERT_TRUE(index);
  world.work();
  EXPECT_EQ(state_of(world, (*index)["id"]), "COMPLETE");
  const auto plan = world.client().plan(submission);
  ASSERT_TRUE(plan);
  std::set<std::string> jobs;
  for (const auto& job : (*plan)["new_jobs"]) jobs.insert(job["job"]);
  // The file of 05:00 is read by [04:00, 06:00) only: lateness reaches one hour past a block. Windows reach 5 h 45 min back.
  EXPECT_EQ(jobs, (std::set<std::string>{"border/traffic@2007-09-22T04:00:00Z", "border/mean@2007-09-22T04:00:00Z",
                                         "border/mean@2007-09-22T06:00:00Z", "border/mean@2007-09-22T08:00:00Z",
                                         "border/mean@2007-09-22T10:00:00Z", "border/variance@2007-09-22T04:00:00Z",
                                         "border/variance@2007-09-22T06:00:00Z", "border/variance@2007-09-22T08:00:00Z",
                                         "border/variance@2007-09-22T10:00:00Z"}));
  const auto explained = world.client().explain("border/traffic@2007-09-22T04:00:00Z");
  ASSERT_TRUE(explained);
  EXPECT_EQ((*explained)["state"], "unrequested");
  EXPECT_EQ((*explained)["reason"], "file " + World::file_name("1", 5) + " absent -> 1000 bytes, revision 1");
  world.run(submission);
  EXPECT_EQ((*world.client().plan(submission))["jobs"]["new"], 0);
  const auto after = world.catalogue();
  EXPECT_EQ(before.size(), after.size());
  for (const auto& [job, rows] : after) EXPECT_EQ(rows != before.at(job), jobs.contains(job)) << job;
  EXPECT_NE((*world.client().explain("border/traffic@2007-09-22T04:00:00Z"))["reason"].get<std::string>().find(
                World::file_name("1", 5)),
            std::string::npos);
}

TEST(Service, ExplainsAGivenUpJobAfterItsRequestHasEnded) {
  World world;
  world.add_files("1", 0, 3);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T02"));
  world.work_once();
  for (int attempt = 0; attempt < 3; ++attempt) {
    for (const auto& spec : world.lease("a", 1)) {
      auto done = world.compute("a", spec);
      done.report.steps[0] = {};
      done.report.steps[0].outcome = task::Outcome::failed;
      done.report.steps[0].code = task::FailureCode::crashed;
      done.report.steps[0].message = "signal 11 in add";
      world.complete(done);
    }
    world.clock += 10 * second_us;
  }
  ASSERT_EQ(state_of(world, (*accepted)["id"]), "FAILED");
  const auto explained = world.client().explain("border/traffic@2007-09-22T00:00:00Z");
  ASSERT_TRUE(explained);
  EXPECT_EQ((*explained)["state"], "failed");
  EXPECT_EQ((*explained)["reason"], "crashed: signal 11 in add");
}

TEST(Service, RefusesTooManyOpenRequests) {
  World world;
  auto submission = world.submission(border, "2007-09-22", "2007-09-22T02");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(world.client().submit(submission)) << i;
  const auto refused = world.client().submit(submission);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_NE(refused.error().message.find("1000 requests are open"), std::string::npos);
  ASSERT_TRUE(world.client().cancel("r7"));
  EXPECT_TRUE(world.client().submit(submission));
}

TEST(Service, ResumesAfterARestartAndLosesNothing) {
  World world;
  world.add_files("1", 0, 13);
  const auto accepted = world.client().submit(world.submission(chain, "2007-09-22", "2007-09-22T12"));
  ASSERT_TRUE(accepted);
  const std::string id = (*accepted)["id"];
  world.reopen();
  EXPECT_EQ(state_of(world, id), "ACCEPTED");
  for (int i = 0; i < 3; ++i) world.work_once();
  const auto held = world.lease("a", 1);
  ASSERT_EQ(held.size(), 1u);
  const auto late = world.compute("a", held[0]);
  world.reopen();
  EXPECT_EQ(state_of(world, id), "RUNNING");
  EXPECT_EQ(world.complete(late), "accepted");  // from an earlier epoch; accepted by its keys
  EXPECT_EQ(world.complete(late), "duplicate");
  world.work();
  EXPECT_EQ(state_of(world, id), "COMPLETE");
  EXPECT_EQ(world.complete(late), "duplicate");  // the request has ended, but its results are kept
  EXPECT_EQ(world.catalogue().size(), 18u);
}

TEST(Service, KeepsLeasesAcrossARestart) {
  World world;
  world.add_files("1", 0, 3);
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T02")));
  world.work_once();
  const auto held = world.lease("a", 1);
  ASSERT_EQ(held.size(), 1u);
  world.reopen();
  EXPECT_TRUE(world.lease("b", 1).empty());  // a still holds it
  EXPECT_TRUE(world.lease("a", 1, {held[0].id}).empty());
  const auto again = world.lease("a", 1);  // a lost the reply, so the same task is sent again
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].id, held[0].id);
  world.join("a", "another incarnation");  // a was restarted, so its lease ends immediately
  EXPECT_EQ(world.lease("b", 1).size(), 1u);
}

TEST(Service, LeasesATaskAgainWhenItsNodeIsSilent) {
  World world;
  world.add_files("1", 0, 3);
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T02")));
  world.work_once();
  ASSERT_EQ(world.lease("a", 1).size(), 1u);
  for (int i = 0; i < 6; ++i) {
    world.clock += 9 * second_us;
    EXPECT_TRUE(world.lease("b", 1).empty()) << i;
  }
  world.clock += 9 * second_us;
  EXPECT_EQ(world.lease("b", 1).size(), 1u);
  // After the coordinator itself was blocked, every lease is extended by its full length.
  world.clock += hour_us;
  EXPECT_TRUE(world.lease("c", 1).empty());
}

TEST(Service, AnswersARepeatedSubmissionWithTheSameRequest) {
  World world;
  world.add_files("1", 0, 9);
  auto submission = world.submission(border, "2007-09-22", "2007-09-22T08");
  submission.client_id = "c1";
  const auto first = world.client().submit(submission);
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)["created"], true);
  world.reopen();
  const auto second = world.client().submit(submission);
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)["created"], false);
  EXPECT_EQ((*second)["id"], (*first)["id"]);
  submission.priority = 3;
  const auto other = world.client().submit(submission);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::invalid);
}

TEST(Service, EndsPartialIfCoverageIsBelowOne) {
  World world;
  world.add_files("1", 0, 5);
  world.coverage = 0.75;
  const auto done = world.run(world.submission(border, "2007-09-22", "2007-09-22T04"));
  EXPECT_EQ(done["state"], "PARTIAL");
  EXPECT_EQ(done["coverage"], 0.75);
  EXPECT_FALSE(done.contains("coverage_without_windows"));  // there are no modules with a window
}

TEST(Service, ReportsCoverageWithAndWithoutWindowsSeparately) {
  World world;
  world.add_files("1", 0, 13);
  auto submission = world.submission(chain, "2007-09-22", "2007-09-22T12");
  submission.module = "traffic";
  EXPECT_EQ(world.run(submission)["state"], "COMPLETE");
  world.coverage = 0.25;
  submission.module.clear();
  const auto done = world.run(submission);
  EXPECT_EQ(done["state"], "PARTIAL");
  EXPECT_GT(done["coverage"], 0.5) << "a window is judged by what it can reach after the first file";
  EXPECT_LT(done["coverage"], 1.0);
  EXPECT_EQ(done["coverage_without_windows"], 1.0);
  EXPECT_EQ(done["coverage_with_windows"], 0.25);
  world.reopen();
  EXPECT_EQ(world.request(done["id"])["coverage_with_windows"], 0.25);
}

TEST(Service, WaitsForFilesAndContinuesWhenTheyAreListed) {
  World world;
  world.add_files("1", 0, 4);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  const auto accepted = world.client().submit(submission);
  world.work();
  auto request = world.request((*accepted)["id"]);
  EXPECT_EQ(request["state"], "WAITING");
  EXPECT_EQ(request["jobs"]["waiting"], 1);
  EXPECT_EQ(request["waits"].size(), 1u);
  world.add_files("1", 4, 1);
  world.reopen();
  EXPECT_EQ(state_of(world, (*accepted)["id"]), "WAITING");
  world.clock += hour_us;  // the archive is listed again automatically
  world.work();
  EXPECT_EQ(state_of(world, (*accepted)["id"]), "COMPLETE");
}

TEST(Service, CancelsARequestAndItsTasks) {
  World world;
  world.add_files("1", 0, 9);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T08"));
  world.work_once();
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  ASSERT_TRUE(world.client().cancel((*accepted)["id"]));
  EXPECT_EQ(state_of(world, (*accepted)["id"]), "CANCELLED");
  const auto reply = world.service().heartbeat({"a", world.incarnation["a"], {{specs[0].id, "run", 0, 0, 0}}, false});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->cancel, (std::vector<std::string>{specs[0].id}));
  EXPECT_EQ(world.complete(world.compute("a", specs[0])), "stale");
  EXPECT_TRUE(world.lease("a", 1).empty());
}

TEST(Service, VerifiesEveryFileOnceAndResumes) {
  World world;
  world.add_files("1", 0, 9);
  const auto task = world.client().archive_task(world.submission(border, "2007-09-22", "2007-09-22T08"), "flows",
                                                coordinator::RequestKind::verify);
  ASSERT_TRUE(task);
  for (int i = 0; i < 3; ++i) world.work_once();
  world.reopen();
  std::size_t files = 0;
  while (true) {
    const auto specs = world.lease("a", 1);
    if (specs.empty()) break;
    files += specs[0].files.size();
    EXPECT_EQ(specs[0].kind, task::Kind::verify);
    world.complete(world.compute("a", specs[0]));
  }
  EXPECT_EQ(files, 4u);  // the other four were read before the restart
  EXPECT_EQ(state_of(world, (*task)["id"]), "COMPLETE");
}

TEST(Service, EndsAVerificationPartialIfDamageWasFoundBeforeARestart) {
  World world;
  world.add_files("1", 0, 9);
  const auto task = world.client().archive_task(world.submission(border, "2007-09-22", "2007-09-22T08"), "flows",
                                                coordinator::RequestKind::verify);
  ASSERT_TRUE(task);
  world.work_once();  // the listing
  auto done = world.compute("a", world.lease("a", 1).at(0));
  done.report.files[0].state = task::FileState::damaged;
  world.complete(done);
  world.reopen();
  world.work();
  EXPECT_EQ(state_of(world, (*task)["id"]), "PARTIAL");
}

TEST(Service, ReportsGapsAndDamage) {
  World world;
  world.add_files("1", 0, 5);
  world.remove_file("1", 2);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  ASSERT_TRUE(world.client().submit(submission));
  world.work_once();
  for (const auto& spec : world.lease("a", 4)) {
    auto done = world.compute("a", spec);
    for (auto& file : done.report.files)
      if (file.id == World::file_name("1", 1)) {
        file.state = task::FileState::damaged;
        file.lost_compressed = {{10, 20, "crc"}};
      }
    world.complete(done);
  }
  const auto gaps = world.client().archive_gaps("border/flows");
  ASSERT_TRUE(gaps);
  EXPECT_EQ((*gaps)["missing"].dump(),
            R"([{"from":"2007-09-22T02:00:00Z","router":"1","sequence":102,"to":"2007-09-22T03:00:00Z"}])");
  EXPECT_EQ((*gaps)["damaged"][0]["id"], World::file_name("1", 1));
  EXPECT_EQ((*gaps)["damaged"][0]["lost_compressed"][0]["from"], 10);
}

TEST(Service, RefusesJobsThatReadTwoDifferentFilesOfOneRouterAndTime) {
  World world;
  world.add_files("1", 0, 12);
  const auto copy = "copy/" + World::file_name("1", 8);
  world.archive[copy] = {copy, 2000, "1", "", 0};
  const auto failed = world.run(world.submission(border, "2007-09-22T08", "2007-09-22T10"));
  EXPECT_EQ(failed["state"], "FAILED");
  for (const auto& part : {copy, World::file_name("1", 8) + " (1000 B)", std::string("set \"duplicates\"")})
    EXPECT_NE(failed["reason"].get<std::string>().find(part), std::string::npos) << failed["reason"];
  EXPECT_EQ(world.run(world.submission(border, "2007-09-22", "2007-09-22T04"))["state"], "COMPLETE");
  const auto gaps = world.client().archive_gaps("border/flows");
  EXPECT_EQ((*gaps)["conflicts"].size(), 1u);
  EXPECT_EQ((*gaps)["conflicts"][0]["refused"], true);
}

TEST(Service, NotesFilesOfTheSameContent) {
  World world;
  world.add_files("1", 0, 6);
  const auto copy = "copy/" + World::file_name("1", 1);
  world.archive[copy] = world.archive[World::file_name("1", 1)];
  world.archive[copy].id = copy;
  world.content[copy] = world.content[World::file_name("1", 1)] = "the same";
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  ASSERT_TRUE(world.client().submit(submission));
  world.work_once();
  const auto plan = world.client().plan(submission);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_NE((*plan)["notes"].dump().find("of the same size"), std::string::npos) << (*plan)["notes"];
  for (const auto& spec : world.lease("a", 4)) {
    auto done = world.compute("a", spec);
    for (auto& file : done.report.files)
      if (file.id == copy) file.state = task::FileState::duplicate;
    world.complete(done);
  }
  const auto gaps = world.client().archive_gaps("border/flows");
  EXPECT_EQ((*gaps)["damaged"].size(), 0u);
  EXPECT_NE((*gaps)["conflicts"].dump().find("with the same content; it is counted once"), std::string::npos) << *gaps;
}

TEST(Service, IgnoresFilesOfTheFutureAndShowsThem) {
  World world;
  world.add_files("1", 0, 5);
  const auto future = World::file_name("1", 24 * 5000);
  world.archive[future] = {future, 1000, "1", "", 0};
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  EXPECT_EQ(world.run(submission)["state"], "COMPLETE");
  const auto missing = (*world.client().archive_gaps("border/flows"))["missing"];
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_EQ(missing[0]["cause"], "future");
  const auto files = *world.client().archive_files("border/flows");
  EXPECT_EQ(files.size(), 6u);
  EXPECT_EQ(files.back()["state"], "future");
  EXPECT_NE((*world.client().plan(submission))["notes"].dump().find(future), std::string::npos);
}

TEST(Service, ShowsWhatADownloaderPassesOver) {
  World world;
  world.add_files("1", 0, 5);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T04");
  ASSERT_TRUE(world.client().submit(submission));
  auto done = world.compute("a", world.lease("a", 1).at(0));
  done.report.passed_over = {{"an unreadable folder", 1, {"lost+found"}}};
  world.complete(done);
  world.work();
  EXPECT_NE((*world.client().archive_gaps("border/flows"))["passed_over"].dump().find("lost+found"), std::string::npos);
  EXPECT_NE((*world.client().plan(submission))["notes"].dump().find("lost+found: an unreadable folder"), std::string::npos);
}

TEST(Service, TracesAValueThroughTheChain) {
  World world;
  world.add_files("1", 0, 5);
  world.run(world.submission(chain, "2007-09-22", "2007-09-22T04"));
  const auto why = world.client().why("border/variance", "bytes_variance", *parse_time("2007-09-22T02:20"));
  ASSERT_TRUE(why) << why.error().message;
  EXPECT_EQ((*why)["interval"]["from"], "2007-09-22T02:15:00Z");
  std::string upstream;  // sources first; all blocks within reach of the windows
  for (const auto& one : (*why)["upstream"])
    upstream += one["module"].get<std::string>() + "@" + one["block"].get<std::string>().substr(11, 5) + " ";
  EXPECT_EQ(upstream, "border/traffic@00:00 border/traffic@02:00 border/mean@00:00 border/mean@02:00 ");
  EXPECT_EQ((*why)["upstream"][0]["lineage"]["result"]["files"].size(), 3u);
  EXPECT_FALSE(world.client().why("border/variance", "bytes_varianc", 0));
  EXPECT_FALSE(world.client().why("border/variance", "bytes_variance", 0));
}

TEST(Service, RecordsHowAJobReadItsFlows) {
  coordinator::Completion done;
  done.spec.id = "1-2";
  done.node = "n1";
  using enum task::FlowSource;
  for (const auto source : {columns, archive, columns, none}) done.report.files.emplace_back().source = source;
  task::StepReport report;
  report.lineage = {{"archive", {{"name", "flows"}}}};
  EXPECT_EQ(coordinator::requests::lineage_of(done, report)["flows_from"].dump(), R"({"archive":1,"columns":2})");
  for (const auto& other : {json::object(), json("odd"), json(nullptr)}) {  // no flows were read, or a different version wrote it
    report.lineage = other;
    EXPECT_FALSE(coordinator::requests::lineage_of(done, report).contains("flows_from"));
  }
}

TEST(Service, RecordsTheSandboxOfAJob) {
  coordinator::Completion done;
  EXPECT_FALSE(coordinator::requests::lineage_of(done, {}).contains("sandbox"));  // a node of an earlier version
  done.report.sandbox = {SandboxPart::limits, SandboxPart::landlock};
  EXPECT_EQ(coordinator::requests::lineage_of(done, {})["sandbox"].dump(), R"(["limits","landlock"])");
}

TEST(Service, DumpsEveryTable) {
  World world;
  world.add_files("1", 0, 5);
  world.run(world.submission(chain, "2007-09-22", "2007-09-22T04"));
  for (const auto& table : coordinator::store::table_names()) {
    const auto page = world.client().dump(table, "", 1);
    ASSERT_TRUE(page) << table;
    if ((*page)["next"] != "") {
      EXPECT_TRUE(world.client().dump(table, (*page)["next"], 100)) << table;
    }
  }
  EXPECT_FALSE(world.client().dump("nothing", "", 1));
}

TEST(Service, ShowsTheTimelineInItsStatus) {
  World world;
  world.add_files("1", 0, 9);
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T10")));
  world.work_once();
  world.work_once();
  const auto specs = world.lease("a", 1);
  const auto status = world.client().status();
  ASSERT_TRUE(status);
  std::string timeline;
  for (const auto& piece : (*status)["modules"][0]["strip"]) timeline += piece["state"].get<std::string>() + " ";
  EXPECT_EQ(timeline, "done running ready waiting ");
  EXPECT_EQ((*status)["nodes"][0]["name"], "a");
  EXPECT_EQ((*status)["leases"], 1);
}

}  // namespace
}  // namespace mole::test
