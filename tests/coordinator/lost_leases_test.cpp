// Nodes that end while they run a job, reports of tasks that were not granted, daemons with one name, and turns of requests.
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

std::string submit(World& world, const std::string& manifest, const std::string& to) {
  const auto accepted = world.client().submit(world.submission(manifest, "2007-09-22", to));
  EXPECT_TRUE(accepted) << accepted.error().message;
  return accepted ? (*accepted)["id"].get<std::string>() : "";
}

std::size_t events(World& world, const std::string& name) {
  const auto rows = world.client().dump("events", "", 1000);
  std::size_t count = 0;
  for (const auto& row : (*rows)["rows"]) count += row.value("event", "") == name;
  return count;
}

// Lets nodes end whenever they run a job of `module`; other tasks are completed. Returns how often a node ended.
int run_with_deadly_module(World& world, const std::string& module) {
  int ends = 0, starts = 0;
  for (int round = 0; round < 200; ++round) {
    bool any = false;
    for (const std::string node : {"a", "b"}) {
      for (const auto& spec : world.lease(node, 2)) {
        any = true;
        if (std::ranges::any_of(spec.steps, [&](const auto& step) { return step.module == module; })) {
          ++ends;
          world.join(node, node + " restarted " + std::to_string(++starts));
          break;
        }
        world.complete(world.compute(node, spec));
      }
    }
    world.clock += minute_us;
    if (!any && round > 100) break;
  }
  return ends;
}

const std::string two_modules = std::string(border) + "  deadly: {plugin: traffic, input: {archive: flows}, interval: 30m}\n";

// Submits a request for one block, lets node `a` list the archive, and leases the block's task to it.
task::Spec leased_to_a(World& world) {
  world.add_files("1", 0, 5);
  submit(world, border, "2007-09-22T02");
  world.work_once();
  auto specs = world.lease("a", 1);
  EXPECT_EQ(specs.size(), 1u);
  return specs.empty() ? task::Spec() : std::move(specs[0]);
}

TEST(LostLeases, AJobThatEndsItsNodeEachTimeIsGivenUpAndOthersFinish) {
  World world;
  world.add_files("1", 0, 5);
  const auto id = submit(world, two_modules, "2007-09-22T02");
  const auto ends = run_with_deadly_module(world, "deadly");
  EXPECT_GE(ends, 6);
  EXPECT_LE(ends, 12) << "the job is given up";
  const auto request = world.request(id);
  EXPECT_EQ(request["state"], "FAILED") << request.dump();
  EXPECT_EQ(request["jobs"]["done"], 1) << "the module that shared its task";
  ASSERT_EQ(request["failures"].size(), 1u);
  EXPECT_EQ(request["failures"][0]["module"], "deadly");
  EXPECT_EQ(request["failures"][0]["code"], "lost");
  EXPECT_EQ(events(world, "job given up"), 1u);
}

TEST(LostLeases, ARestartOfEveryNodeGivesUpNothing) {
  World world;
  world.add_files("1", 0, 9);
  const auto id = submit(world, two_modules, "2007-09-22T08");
  world.work_once();  // lists the archive
  for (int restart = 0; restart < 3; ++restart) {
    world.lease("a", 2);
    world.lease("b", 2);
    world.join("a", "a restarted " + std::to_string(restart));
    world.join("b", "b restarted " + std::to_string(restart));
    world.clock += minute_us;
  }
  for (int round = 0; round < 60; ++round) {
    world.work("a");
    world.work("b");
    world.clock += minute_us;
  }
  EXPECT_EQ(world.request(id)["state"], "COMPLETE");
}

TEST(GrantedTasks, ReportsOfOtherTasksAndNodesChangeNothing) {
  World world;
  const auto spec = leased_to_a(world);
  world.lease("b", 1);
  const auto good = world.compute("a", spec);
  auto other_node = good, other_task = good, other_keys = good;
  other_node.node = "b";
  other_node.incarnation = world.incarnation["b"];
  other_task.spec.id = other_task.report.task = "1-999";
  other_keys.spec.steps[0].result_key = digest_of(std::string_view("another key"));
  for (auto* forged : {&other_node, &other_task, &other_keys}) {
    for (auto& file : forged->report.files) file.state = task::FileState::unreadable;
    EXPECT_EQ(world.complete(*forged), "stale");
  }
  EXPECT_EQ(world.request(spec.request)["jobs"]["done"], 0);
  const auto gaps = world.client().archive_gaps("border/flows");
  ASSERT_TRUE(gaps) << gaps.error().message;
  EXPECT_TRUE((*gaps)["damaged"].empty()) << gaps->dump();
  EXPECT_EQ(world.complete(good), "accepted");
  EXPECT_EQ(world.complete(good), "duplicate") << "a repeated report";
}

TEST(GrantedTasks, ANodeMayReportAfterItsRestart) {
  World world;
  const auto spec = leased_to_a(world);
  world.join("a", "a restarted");
  EXPECT_EQ(world.complete(world.compute("a", spec)), "accepted");
}

TEST(GrantedTasks, ANodeMayReportAfterARestartOfTheCoordinator) {
  World world;
  const auto spec = leased_to_a(world);
  world.reopen();
  EXPECT_EQ(world.complete(world.compute("a", spec)), "accepted");
}

TEST(NodeNames, AnEarlierDaemonThatComesBackIsRefused) {
  World world;
  world.join("a", "first");
  world.join("a", "second");
  coordinator::NodeInfo info;
  info.name = "a";
  info.incarnation = "first";
  const auto back = world.service().register_node(info);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, Code::denied);
  EXPECT_NE(back.error().message.find("copied node folder"), std::string::npos);
  EXPECT_EQ(events(world, "two nodes of one name"), 1u);
  world.join("a", "second");
}

TEST(Turns, ASmallRequestDoesNotWaitForALargeOne) {
  World world;
  world.add_files("1", 0, 50);
  const auto large = submit(world, border, "2007-09-24");
  world.work_once();
  ASSERT_TRUE(world.work_once());
  const auto small = submit(world, replaced(two_modules, "border\n", "other\n"), "2007-09-22T02");
  for (int tasks = 0; tasks < 6; ++tasks) world.work_once();
  EXPECT_EQ(world.request(small)["state"], "COMPLETE");
  EXPECT_EQ(world.request(large)["state"], "RUNNING");
}

}  // namespace
}  // namespace mole::test
