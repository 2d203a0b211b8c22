// What the coordinator learns from fetched files, and tells about the rest.
#include "tests/coordinator/world.hpp"

#include <gtest/gtest.h>

namespace mole::test {
namespace {

using nlohmann::json;

class StagingService : public ::testing::Test {
 protected:
  // 12 hours of one router on two tapes, read by 6 jobs.
  void SetUp() override {
    world.add_files("1", 0, 13);
    std::size_t number = 0;
    for (auto& [name, entry] : world.archive) {
      entry.medium = number < 6 ? "T1" : "T2";
      entry.position = number++;
    }
    const auto accepted = world.client().submit(submission());
    ASSERT_TRUE(accepted) << accepted.error().message;
    id = (*accepted)["id"];
    ASSERT_TRUE(world.work_once()) << "it lists the archive";
    join();
  }
  coordinator::Submission submission() const { return world.submission(border, "2007-09-22", "2007-09-22T12"); }
  void join() {
    coordinator::NodeInfo info;
    info.name = "a";
    info.incarnation = world.incarnation["a"];
    info.cache_limit = 1'000'000;
    ASSERT_TRUE(world.service().register_node(info));
  }
  std::vector<task::Spec> lease(std::uint32_t slots, std::uint32_t fetches) {
    const auto specs = world.service().lease({"a", world.incarnation["a"], slots, {}, fetches});
    EXPECT_TRUE(specs);
    return specs ? *specs : std::vector<task::Spec>{};
  }
  // Each file takes `seconds`.
  coordinator::Completion fetched(const task::Spec& spec, double seconds) const {
    coordinator::Completion done;
    done.node = "a";
    done.incarnation = world.incarnation.at("a");
    done.spec = spec;
    done.report.task = spec.id;
    for (const auto& file : spec.files) {
      auto& report = done.report.fetched.emplace_back();
      report.id = file.id;
      report.size = report.bytes = file.size;
      report.outcome = task::FetchOutcome::fetched;
      report.wait_seconds = seconds;
    }
    return done;
  }
  json staging() {
    const auto plan = world.client().plan(submission());
    EXPECT_TRUE(plan) << plan.error().message;
    return plan ? plan->at("staging") : json();
  }
  json times() { return (*world.client().dump("task_times", "", 100))["rows"]; }

  World world;
  std::string id;
};

TEST_F(StagingService, LearnsFromFetchedFilesAlsoBeyondARestart) {
  const auto before = staging();
  EXPECT_EQ(before["batches"], 0);
  EXPECT_EQ(before["files"], 13);
  EXPECT_EQ(before["media"], 2);
  const auto specs = lease(0, 1);
  ASSERT_EQ(specs.size(), 1u);
  ASSERT_EQ(specs[0].kind, task::Kind::fetch);
  const auto count = specs[0].files.size();
  const auto done = fetched(specs[0], 100);
  world.complete(done);
  world.complete(done);  // a repeated report is not counted again
  const auto after = staging();
  EXPECT_EQ(after["batches"], 1);
  EXPECT_EQ(after["files"], 13 - count) << "what the node has costs nothing";
  EXPECT_EQ(after["media"], 1);
  EXPECT_GT(after["seconds"], before["seconds"]) << "each file took 100 s instead of the assumed 5";
  ASSERT_EQ(times().size(), 1u);
  EXPECT_EQ(times()[0]["files"], count);
  EXPECT_EQ(times()[0]["seconds"], 100.0 * static_cast<double>(count));
  EXPECT_EQ(times()[0]["mounts"], true);
  world.reopen();
  EXPECT_EQ(staging()["batches"], 1);
  EXPECT_EQ(times().size(), 1u);
}

TEST_F(StagingService, LearnsNothingFromATaskWithFailedFiles) {
  auto done = fetched(lease(0, 1).at(0), 1'000);
  done.report.fetched.back().outcome = task::FetchOutcome::failed;
  done.report.fetched.back().code = task::FailureCode::transient;
  world.complete(done);
  EXPECT_EQ(staging()["batches"], 0);
  EXPECT_TRUE(times().empty());
}

TEST_F(StagingService, StagesAFileAgainThatATaskDidNotFind) {
  for (int i = 0; i < 2; ++i) world.complete(fetched(lease(0, 1).at(0), 1));
  const auto jobs = lease(1, 0);
  ASSERT_EQ(jobs.size(), 1u);
  ASSERT_FALSE(jobs[0].staged.empty());
  coordinator::Completion lost;
  lost.node = "a";
  lost.incarnation = world.incarnation.at("a");
  lost.spec = jobs[0];
  lost.report.task = jobs[0].id;
  lost.report.code = task::FailureCode::transient;
  lost.report.unstaged = {jobs[0].files.at(jobs[0].staged[0]).id};
  world.complete(lost);
  const auto next = lease(0, 1);
  ASSERT_EQ(next.size(), 1u) << "the file is staged again";
  EXPECT_EQ(next[0].files.at(0).id, lost.report.unstaged[0]);
  EXPECT_EQ(next[0].whole, std::vector<std::uint32_t>{0});
}

TEST_F(StagingService, TellsTheTimeThatIsLeft) {
  const auto first = world.request(id)["left"];
  EXPECT_EQ(first["files"], 13);
  EXPECT_EQ(first["batches"], 0);
  EXPECT_NEAR(first["seconds"].get<double>(), staging()["seconds"].get<double>(), 1e-6);
  for (int i = 0; i < 2; ++i) world.complete(fetched(lease(0, 1).at(0), 100));
  EXPECT_EQ(world.request(id)["left"]["files"], 13) << "an estimate is kept for some seconds";
  world.clock += 2 * second_us;
  EXPECT_NEAR(world.request(id)["left"]["seconds"].get<double>(), first["seconds"].get<double>() - 2, 1e-6) << "it shrinks";
  world.clock += 50 * second_us;
  const auto left = world.request(id)["left"];
  EXPECT_EQ(left["files"], 0);
  EXPECT_EQ(left["batches"], 2);
  EXPECT_LT(left["seconds"], first["seconds"]);
  const auto in_status = (*world.client().status())["requests"][0];
  EXPECT_EQ(in_status["left"]["files"], 0);
  world.work();
  EXPECT_EQ(world.request(id)["state"], "COMPLETE");
  EXPECT_FALSE(world.request(id).contains("left"));
}

TEST_F(StagingService, KeepsWhatNodesDoOverTime) {
  std::vector<coordinator::TaskProgress> held;
  const auto beat = [&](std::uint32_t busy_fetches) {
    const coordinator::NodeLoad load{
        .cache_bytes = 5'000, .cache_limit = 1'000'000, .slots = 2, .busy_slots = 0, .fetches = 4, .busy_fetches = busy_fetches};
    ASSERT_TRUE(world.service().heartbeat({.node = "a", .incarnation = world.incarnation["a"], .tasks = held, .load = load}));
    world.wall += 10 * second_us;
    world.clock += 10 * second_us;
  };
  EXPECT_FALSE(world.client().status()->contains("bound")) << "nothing is known";
  const auto spec = lease(0, 1).at(0);
  held.push_back({.task = spec.id, .phase = "run"});
  for (int i = 0; i < 12; ++i) beat(1);
  EXPECT_EQ((*world.client().status())["bound"]["bound"], "cache") << "the second tape could be read, too";
  const auto other = lease(0, 1).back();  // after the one that it holds already
  ASSERT_NE(other.id, spec.id);
  held.push_back({.task = other.id, .phase = "run"});
  for (int i = 0; i < 60; ++i) beat(2);
  EXPECT_EQ((*world.client().status())["bound"]["bound"], "tape");
  const auto done = fetched(spec, 1);
  world.complete(done);
  world.complete(done);  // a repeated report is not counted again
  world.complete(fetched(other, 1));
  world.reopen();
  const auto history = *world.client().load_history();
  ASSERT_EQ(history["nodes"].size(), 1u);
  EXPECT_EQ(history["nodes"][0]["node"], "a");
  std::uint64_t bytes = 0, heartbeats = 0;
  for (const auto& sample : history["nodes"][0]["samples"]) {
    bytes += sample.value("fetched_bytes", 0u);
    heartbeats += sample.value("heartbeats", 0u);
  }
  EXPECT_EQ(bytes, 1'000 * (spec.files.size() + other.files.size()));
  EXPECT_EQ(heartbeats, 72u);
  const auto rows = (*world.client().dump("node_loads", "", 1'000))["rows"];
  EXPECT_EQ(rows.at(0)["key"], "1 minute 2017-09-19T00:00:00Z");
}

TEST_F(StagingService, AHeartbeatOfAnUnknownNodeIsNotASample) {
  ASSERT_TRUE(
      world.service().heartbeat({.node = "b", .incarnation = "x", .tasks = {}, .load = coordinator::NodeLoad{.slots = 1}}));
  EXPECT_TRUE((*world.client().load_history())["nodes"].empty());
}

TEST(StagingTimes, AreThoseOfDecodingWithoutTapes) {
  World world;
  world.add_files("1", 0, 13);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T12");
  const auto accepted = world.client().submit(submission);
  ASSERT_TRUE(accepted);
  ASSERT_TRUE(world.work_once());
  const double assumed = (*world.client().plan(submission))["estimate_seconds"];
  const auto spec = world.lease("a", 1).at(0);
  auto done = world.compute("a", spec);
  for (auto& file : done.report.files) file.source = task::FlowSource::archive;
  done.report.bytes_read = 1'000;
  done.report.seconds = 10;
  world.complete(done);
  EXPECT_GT((*world.client().plan(submission))["estimate_seconds"].get<double>(), 1'000 * assumed);
  world.reopen();
  EXPECT_GT((*world.client().plan(submission))["estimate_seconds"].get<double>(), 1'000 * assumed);
  EXPECT_FALSE(world.request((*accepted)["id"]).contains("left"));
}

}  // namespace
}  // namespace mole::test
