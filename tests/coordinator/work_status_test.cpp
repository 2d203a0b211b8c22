// What the coordinator reports about running, failed, blocked and cancelled work.
#include "sdk/model/flow_columns.hpp"
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

using nlohmann::json;

void fail_step(coordinator::Completion& done, std::size_t step) {
  auto& report = done.report.steps.at(step);
  report = {};
  report.step = static_cast<std::uint32_t>(step);
  report.outcome = task::Outcome::failed;
  report.code = task::FailureCode::crashed;
  report.message = "plugin mean 1.0.0: killed by signal 11\nin add";
}

// Computes everything except `module` in the block at `hour`, which fails each time.
void work_except(World& world, const std::string& module, int hour) {
  const auto from = *parse_time("2007-09-22") + hour * hour_us;
  for (int i = 0; i < 200; ++i) {
    const auto specs = world.lease("a", 1);
    if (specs.empty()) world.clock += 10 * second_us;
    for (const auto& spec : specs) {
      auto done = world.compute("a", spec);
      bool failed = false;
      for (std::size_t s = 0; s < spec.steps.size(); ++s) {
        if (spec.steps[s].module == module && spec.block.from == from) fail_step(done, s), failed = true;
        if (failed && spec.steps[s].module != module) {  // a reader of its rows
          done.report.steps[s] = {};
          done.report.steps[s].step = static_cast<std::uint32_t>(s);
          done.report.steps[s].outcome = task::Outcome::blocked;
        }
      }
      world.complete(done);
    }
  }
}

// Returns the strip of a module as one character per two hours.
std::string strip_of(World& world, const std::string& module) {
  const std::map<std::string, char> letters{{"done", '='},    {"failed", 'x'}, {"blocked", '!'},
                                            {"running", '>'}, {"ready", '-'},  {"waiting", '.'}};
  const auto status = world.client().status();
  for (const auto& strip : status->at("modules")) {
    if (strip["module"] != "border/" + module) continue;
    std::string out;
    for (const auto& piece : strip["strip"]) {
      const auto length = *parse_time(piece["to"].get<std::string>()) - *parse_time(piece["from"].get<std::string>());
      out += std::string(static_cast<std::size_t>(length / (2 * hour_us)), letters.at(piece["state"]));
    }
    return out;
  }
  return "no such module";
}

std::string state_of(World& world, const std::string& module) {
  const auto status = world.client().status();
  for (const auto& strip : status->at("modules"))
    if (strip["module"] == "border/" + module) return strip["state"];
  return "";
}

std::size_t lines_with(const World& world, const std::vector<std::string>& parts) {
  return static_cast<std::size_t>(std::count_if(world.log.begin(), world.log.end(), [&](const std::string& line) {
    return std::all_of(parts.begin(), parts.end(), [&](const auto& part) { return line.find(part) != std::string::npos; });
  }));
}

TEST(WorkStatus, StripsShowFailedAndBlockedBlocksAfterTheRequestHasEnded) {
  World world;
  world.add_files("1", 0, 13);
  const auto submission = world.submission(chain, "2007-09-22", "2007-09-22T12");
  const auto accepted = world.client().submit(submission);
  work_except(world, "mean", 4);
  EXPECT_EQ(world.request((*accepted)["id"])["state"], "FAILED");
  EXPECT_EQ(strip_of(world, "traffic"), "======");
  EXPECT_EQ(strip_of(world, "mean"), "==x!!!") << "the windows of the later blocks reach the failed one";
  EXPECT_EQ(strip_of(world, "variance"), "==!!!!");
  EXPECT_EQ(state_of(world, "mean"), "failed");
  EXPECT_EQ(state_of(world, "variance"), "blocked");
  world.reopen();
  EXPECT_EQ(strip_of(world, "mean"), "==x!!!");
  EXPECT_EQ(strip_of(world, "variance"), "==!!!!");
  const auto again = world.client().submit(submission);
  world.work_once();  // lists the archive
  EXPECT_EQ(strip_of(world, "mean"), "==----") << "a new request tries again";
  world.work();
  EXPECT_EQ(world.request((*again)["id"])["state"], "COMPLETE");
  EXPECT_EQ(strip_of(world, "mean"), "======");
  EXPECT_EQ(strip_of(world, "variance"), "======");
}

TEST(WorkStatus, StripsShowFailuresOfACancelledRequest) {
  World world;
  world.add_files("1", 0, 5);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04"));
  world.work_once();
  for (int attempt = 0; attempt < 3; ++attempt) {
    auto specs = world.lease("a", 1);
    ASSERT_EQ(specs.size(), 1u);
    ASSERT_EQ(specs[0].block.from, *parse_time("2007-09-22"));
    auto done = world.compute("a", specs[0]);
    fail_step(done, 0);
    world.complete(done);
    world.clock += 10 * second_us;
  }
  ASSERT_TRUE(world.client().cancel((*accepted)["id"]));
  EXPECT_EQ(strip_of(world, "traffic"), "x");
}

TEST(WorkStatus, StripsShowARequestThatFailedBeforeAnyJobRan) {
  World world;  // its archive is empty
  world.run(world.submission(border, "2007-09-22", "2007-09-22T04"));
  EXPECT_EQ(strip_of(world, "traffic"), "xx");
  EXPECT_EQ(state_of(world, "traffic"), "failed");
  const auto explained = world.client().explain("border/traffic@2007-09-22T02:00:00Z");
  ASSERT_TRUE(explained) << explained.error().message;
  EXPECT_EQ((*explained)["state"], "failed");
  EXPECT_NE((*explained)["reason"].get<std::string>().find("has no file that matches"), std::string::npos) << *explained;
}

TEST(WorkStatus, StripsOfOtherRangesAreNotBlocked) {
  World world;
  world.add_files("1", 0, 13);
  ASSERT_TRUE(world.client().submit(world.submission(chain, "2007-09-22T04", "2007-09-22T06")));
  work_except(world, "mean", 4);
  world.run(world.submission(border, "2007-09-22", "2007-09-22T12"));
  EXPECT_EQ(strip_of(world, "mean"), "==x") << "variance reads the rows of its window";
}

TEST(WorkStatus, ExplainsAFailedJobAndWhatItBlocks) {
  World world;
  world.add_files("1", 0, 13);
  auto submission = world.submission(chain, "2007-09-22", "2007-09-22T12");
  submission.manifest_name = "my manifests/border.yaml";
  ASSERT_TRUE(world.client().submit(submission));
  work_except(world, "mean", 4);
  auto explained = *world.client().explain("border/mean@2007-09-22T04:00:00Z");
  EXPECT_EQ(explained["state"], "failed");
  EXPECT_EQ(explained["reason"], "crashed: plugin mean 1.0.0: killed by signal 11\nin add");
  ASSERT_EQ(explained["failures"].size(), 1u) << explained;
  EXPECT_EQ(explained["failures"][0]["job"], "border/mean@2007-09-22T04:00:00Z");
  EXPECT_EQ(explained["failures"][0]["plugin"], "mean 1.0.0");
  EXPECT_EQ(explained["failures"][0]["module"], "mean");
  EXPECT_EQ(explained["failures"][0]["attempts"], 3);
  EXPECT_EQ(explained["command"],
            "mole run 'my manifests/border.yaml' --module mean --from 2007-09-22T04:00:00Z --to 2007-09-22T06:00:00Z");
  // A reader in the same block, and a later block whose window reaches the failed one.
  for (const std::string job :
       {"border/variance@2007-09-22T04:00:00Z", "border/mean@2007-09-22T08:00:00Z", "border/variance@2007-09-22T10:00:00Z"}) {
    explained = *world.client().explain(job);
    EXPECT_EQ(explained["state"], "blocked") << job;
    EXPECT_EQ(explained["reason"].get<std::string>().find("blocked, because border/mean@2007-09-22T04:00:00Z failed: crashed: "),
              0u)
        << explained;
    ASSERT_EQ(explained["failures"].size(), 1u) << explained;
    EXPECT_EQ(explained["failures"][0]["job"], "border/mean@2007-09-22T04:00:00Z");
    EXPECT_FALSE(explained["remedy"].get<std::string>().empty());
    EXPECT_NE(explained["command"].get<std::string>().find("mole run "), std::string::npos);
  }
  world.reopen();
  EXPECT_EQ((*world.client().explain("border/variance@2007-09-22T10:00:00Z"))["state"], "blocked");
  explained = *world.client().explain("border/mean@2007-09-22T02:00:00Z");
  EXPECT_EQ(explained["state"], "done");
  EXPECT_FALSE(explained.contains("failures")) << explained;
  EXPECT_FALSE(explained.contains("command")) << explained;
}

TEST(WorkStatus, ExplainsWhatAJobWaitsFor) {
  World world;
  world.add_files("1", 0, 4);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T08"));
  const auto explain = [&](const std::string& time) { return *world.client().explain("border/traffic@2007-09-22T" + time); };
  auto explained = explain("00:00:00Z");
  EXPECT_EQ(explained["state"], "ready");
  EXPECT_EQ(explained["reason"], "request r1 lists its archive first");
  EXPECT_EQ(explained["requests"], json::array({"r1"}));
  EXPECT_NE(explained["remedy"].get<std::string>().find("no node is connected"), std::string::npos) << explained;
  world.work_once();
  explained = explain("00:00:00Z");
  EXPECT_EQ(explained["state"], "ready");
  EXPECT_FALSE(explained.contains("remedy")) << "a node is connected: " << explained;
  auto specs = world.lease("a", 1);
  EXPECT_EQ(explain("00:00:00Z")["state"], "running");
  EXPECT_EQ(explain("00:00:00Z")["node"], "a");
  auto done = world.compute("a", specs.at(0));
  fail_step(done, 0);
  world.complete(done);
  explained = explain("00:00:00Z");
  EXPECT_EQ(explained["state"], "ready");
  EXPECT_EQ(explained["reason"].get<std::string>().find("it will be tried again: attempt 1 failed: crashed: "), 0u) << explained;
  for (const std::string past_the_end : {"04:00:00Z", "06:00:00Z"}) {
    explained = explain(past_the_end);
    EXPECT_EQ(explained["state"], "waiting") << past_the_end;
    EXPECT_NE(explained["reason"].get<std::string>().find("wait for files: the archive \"flows\" ends at 2007-09-22T04:00:00Z"),
              std::string::npos)
        << explained;
    EXPECT_EQ(explained["command"], "mole archive index border.yaml");
  }
  ASSERT_TRUE(world.client().cancel((*accepted)["id"]));
  explained = explain("00:00:00Z");
  EXPECT_EQ(explained["state"], "unrequested");
  EXPECT_NE(explained["command"].get<std::string>().find("mole run border.yaml --module traffic"), std::string::npos)
      << explained;
}

TEST(WorkStatus, TheLogNamesRequestModuleBlockAndOutcomeOfEveryTask) {
  World world;
  world.add_files("1", 0, 13);
  const auto accepted = world.client().submit(world.submission(chain, "2007-09-22", "2007-09-22T12"));
  work_except(world, "mean", 4);
  EXPECT_EQ(lines_with(world, {"request r1: accepted, run of border, 2007-09-22T00:00:00Z .. 2007-09-22T12:00:00Z"}), 1u);
  EXPECT_EQ(lines_with(world, {"index of flows: leased to node a"}), 1u);
  EXPECT_EQ(
      lines_with(world, {"for r1, border/traffic@2007-09-22T02:00:00Z", "border/mean@2007-09-22T02:00:00Z", "leased to node a"}),
      1u);
  EXPECT_EQ(lines_with(world, {"border/mean@2007-09-22T02:00:00Z", "report of node a accepted", "3 done"}), 1u);
  EXPECT_EQ(lines_with(world, {"job border/mean@2007-09-22T04:00:00Z for r1: will be tried again after attempt "}), 2u);
  EXPECT_EQ(lines_with(world,
                       {"job border/mean@2007-09-22T04:00:00Z for r1: given up after attempt 3, task ", " on node a: crashed: "}),
            1u);
  EXPECT_EQ(lines_with(world, {"request r1: FAILED, 1 job failed, "}), 1u);
  for (const auto& line : world.log) EXPECT_EQ(line.find('\n'), std::string::npos) << line;
}

TEST(WorkStatus, TheLogNamesLeasesThatEndWithoutAReport) {
  World world;
  world.add_files("1", 0, 5);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04"));
  world.work_once();
  ASSERT_EQ(world.lease("a", 1).size(), 1u);
  world.join("a", "a2");
  EXPECT_EQ(lines_with(world, {"for r1, border/traffic@2007-09-22T", ": node restarted on node a"}), 1u);
  ASSERT_EQ(world.lease("a", 1).size(), 1u);
  ASSERT_TRUE(world.client().cancel((*accepted)["id"]));
  EXPECT_EQ(lines_with(world, {"for r1, border/traffic@2007-09-22T", ": cancelled on node a"}), 1u);
  EXPECT_EQ(lines_with(world, {"request r1: CANCELLED, cancelled by a client"}), 1u);
}

TEST(WorkStatus, ACancelledRequestHasNoRunningJobs) {
  World world;
  world.add_files("1", 0, 9);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T08"));
  world.work_once();
  ASSERT_EQ(world.lease("a", 2).size(), 2u);
  EXPECT_EQ(world.request("r1")["jobs"]["running"], 2);
  const auto cancelled = world.client().cancel((*accepted)["id"]);
  EXPECT_EQ((*cancelled)["jobs"]["running"], 0);
  EXPECT_EQ(world.request("r1")["jobs"]["running"], 0);
  EXPECT_FALSE(world.request("r1").contains("tasks"));
  const auto status = *world.client().status();
  EXPECT_EQ(status["leases"], 0);
  EXPECT_EQ(status["requests"][0]["jobs"]["running"], 0);
}

TEST(WorkStatus, JobsOfAnotherRequestKeepRunningUntilItIsCancelled) {
  World world;
  world.add_files("1", 0, 9);
  const auto first = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04"));
  world.work_once();
  auto shared = world.submission(border, "2007-09-22", "2007-09-22T02");
  shared.client_id = "shared";
  ASSERT_TRUE(world.client().submit(shared));
  const auto specs = world.lease("a", 2);  // granted for the first request
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(world.request("r2")["tasks"].size(), 1u) << "it needs one of them";
  ASSERT_TRUE(world.client().cancel("r1"));
  EXPECT_EQ(world.request("r2")["jobs"]["running"], 1);
  EXPECT_EQ((*world.client().status())["leases"], 1);
  const auto beat = [&] {
    return world.service().heartbeat(
        {"a", world.incarnation["a"], {{specs[0].id, "run", 0, 0, 0}, {specs[1].id, "run", 0, 0, 0}}, false});
  };
  EXPECT_EQ(beat()->cancel.size(), 1u) << "the task that only the first request needs";
  ASSERT_TRUE(world.client().cancel("r2"));
  EXPECT_EQ((*world.client().status())["leases"], 0) << "although the task was granted for the first request";
  EXPECT_EQ(beat()->cancel.size(), 2u);
}

TEST(WorkStatus, ListsSayWhatARequestIs) {
  World world;
  world.add_files("1", 0, 5);
  auto listing = world.submission(border, "2007-09-22", "2007-09-22T04");
  listing.internal = true;
  ASSERT_TRUE(world.client().archive_task(listing, "border/flows", coordinator::RequestKind::index));
  auto submission = world.submission(border, "2007-09-22T01", "2007-09-22T03");
  submission.priority = 7;
  submission.overrides = {"modules.traffic.filter=proto tcp"};
  world.run(submission);
  world.reopen();
  const auto requests = *world.client().requests();
  EXPECT_EQ(requests[0]["internal"], true);
  EXPECT_FALSE(requests[1].contains("internal"));
  EXPECT_EQ(requests[1]["manifest"], "border.yaml");
  EXPECT_EQ(requests[1]["priority"], 7);
  EXPECT_EQ(requests[1]["asked_from"], "2007-09-22T01:00:00Z");
  EXPECT_NE(requests[1]["submitted"], nullptr);
}

TEST(WorkStatus, PlansTellWhatIsReadBeyondTheRange) {
  World world;
  world.add_files("1", 0, 13);
  const auto first = world.submission(chain, "2007-09-22", "2007-09-22T04");
  ASSERT_TRUE(world.client().archive_task(first, "border/flows", coordinator::RequestKind::index));
  world.work();
  const auto overhead = [&](const coordinator::Submission& submission) { return (*world.client().plan(submission))["overhead"]; };
  // Two blocks of two hours, each with a file for late flows.
  auto planned = overhead(first);
  EXPECT_DOUBLE_EQ(planned["borders"], 1.0 / 5);
  EXPECT_EQ(planned["before_range"], 0);
  EXPECT_EQ(planned["block_length"], 2 * hour_us);
  EXPECT_EQ(planned["better_length"], 8 * hour_us);
  EXPECT_EQ(planned["block_bytes"], 3000);
  // Two windows of six hours, one after the other, need all blocks before the range.
  planned = overhead(world.submission(chain, "2007-09-22T08", "2007-09-22T12"));
  EXPECT_DOUBLE_EQ(planned["borders"], 5.0 / 13);
  EXPECT_DOUBLE_EQ(planned["before_range"], 8.0 / 13);
  world.run(first);
  EXPECT_FALSE((*world.client().plan(first)).contains("overhead")) << "nothing is read";
}

TEST(WorkStatus, PlansCountWhatWillBeDecoded) {
  World world;
  world.keeps_columns = true;
  world.add_files("1", 0, 13);
  const auto files = [&](const coordinator::Submission& submission) { return (*world.client().plan(submission))["files"]; };
  const auto first = world.submission(chain, "2007-09-22", "2007-09-22T04");
  ASSERT_TRUE(world.client().archive_task(first, "border/flows", coordinator::RequestKind::index));
  world.work();
  auto planned = files(first);
  EXPECT_EQ(planned["count"], 5) << "four hours, and one for late flows";
  EXPECT_EQ(planned["decoded"], 5);
  EXPECT_EQ(planned["decoded_bytes"], 5000);
  EXPECT_EQ(planned["from_columns"], 0);
  EXPECT_EQ(planned["not_read"], 0);
  world.run(first);
  planned = files(first);
  EXPECT_EQ(planned["count"], 0);
  EXPECT_EQ(planned["not_read"], 5);
  // A longer range: the file on the border is read again from its columns; those of computed blocks are not read.
  planned = files(world.submission(chain, "2007-09-22", "2007-09-22T08"));
  EXPECT_EQ(planned["count"], 5);
  EXPECT_EQ(planned["from_columns"], 1);
  EXPECT_EQ(planned["decoded"], 4);
  EXPECT_EQ(planned["not_read"], 4);
  // A different interval: everything is computed again, from kept columns.
  auto changed = first;
  changed.overrides = {"modules.traffic.filter=proto tcp"};
  planned = files(changed);
  EXPECT_EQ(planned["count"], 5);
  EXPECT_EQ(planned["from_columns"], 5);
  EXPECT_EQ(planned["decoded_bytes"], 0);
  // A file that has changed must be decoded again.
  world.archive[World::file_name("1", 1)].version = "2";
  ASSERT_TRUE(world.client().archive_task(first, "border/flows", coordinator::RequestKind::index));
  world.work();
  planned = files(changed);
  EXPECT_EQ(planned["from_columns"], 4);
  EXPECT_EQ(planned["decoded"], 1);
}

TEST(WorkStatus, PlansCompareTheColumnsThatModulesRead) {
  World world;
  world.keeps_columns = true;
  world.add_files("1", 0, 13);
  auto submission = world.submission(chain, "2007-09-22", "2007-09-22T04");
  ASSERT_TRUE(world.client().archive_task(submission, "border/flows", coordinator::RequestKind::index));
  world.work();
  const auto from_columns = [&](const std::string& filter) {
    submission.overrides = {"modules.traffic.filter=" + filter};
    return (*world.client().plan(submission))["files"]["from_columns"].get<int>();
  };
  world.run(submission);
  EXPECT_EQ(from_columns("proto tcp"), 5);
  EXPECT_EQ(from_columns("application_label 53"), 0) << "not kept";
  world.kept_columns = {flow_column_named("application_label")};
  world.run(submission);
  EXPECT_EQ(from_columns("application_label 80 or proto tcp"), 5);
  EXPECT_EQ(from_columns("dnsName = a."), 0);
  world.kept_columns = {flow_column_named("dnsName")};
  world.run(submission);
  EXPECT_EQ(from_columns("dnsName = b."), 5);
  EXPECT_EQ(from_columns("application_label 80"), 0) << "the files last kept have other columns";
}

TEST(WorkStatus, PlansCountAFileOfAWindowOnce) {
  World world;
  world.add_files("1", 0, 13);
  const std::string windowed =
      std::string(border).replace(std::string(border).find("interval: 15m"), 13, "interval: 15m, window: 6h");
  const auto submission = world.submission(windowed, "2007-09-22T06", "2007-09-22T10");
  ASSERT_TRUE(world.client().archive_task(submission, "border/flows", coordinator::RequestKind::index));
  world.work();
  const auto planned = (*world.client().plan(submission))["files"];
  EXPECT_EQ(planned["count"], 11) << "from 00:00, where the windows begin, to 11:00, for late flows";
  EXPECT_EQ(planned["decoded"], 11);
}

}  // namespace
}  // namespace mole::test
