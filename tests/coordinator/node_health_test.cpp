// Nodes that end again and again, full nodes, and files that an archive lists and does not deliver.
#include "coordinator/leases/node_health.hpp"
#include "coordinator/leases/file_failures.hpp"
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

using namespace coordinator;
using leases::FileFailures;
using leases::NodeHealth;

Micros block(int number) { return number * hour_us; }

nlohmann::json node_in(World& world, const std::string& name) {
  const auto status = world.client().status();
  EXPECT_TRUE(status) << status.error().message;
  for (const auto& node : (*status)["nodes"])
    if (node["name"] == name) return node;
  return {};
}

std::vector<nlohmann::json> events(World& world, const std::string& name) {
  std::vector<nlohmann::json> out;
  const auto rows = world.client().dump("events", "", 1000);
  for (const auto& row : (*rows)["rows"])
    if (row.value("event", "") == name) out.push_back(row);
  return out;
}

TEST(NodeHealth, QuarantinesForAGrowingTimeWhileOthersSucceed) {
  NodeHealth health;
  const leases::Settings settings;
  Micros now = hour_us;
  const auto end = [&](int number) {
    health.end("bad", "incarnation " + std::to_string(number), {block(number)}, {"good"}, settings, now += second_us);
  };
  for (int number = 1; number <= 4; ++number) end(number);
  health.succeed("good", now += second_us);
  EXPECT_FALSE(health.is_quarantined("bad", now));
  end(5);
  EXPECT_TRUE(health.is_quarantined("bad", now));
  EXPECT_TRUE(health.is_quarantined("bad", now + minute_us - 1));
  EXPECT_FALSE(health.is_quarantined("bad", now + minute_us));
  EXPECT_TRUE(health.is_probed("bad")) << "one task shows whether it works again";
  now += minute_us;
  end(6);
  EXPECT_TRUE(health.is_quarantined("bad", now + 2 * minute_us - 1));
  EXPECT_FALSE(health.is_quarantined("bad", now + 2 * minute_us));
  health.succeed("bad", now);
  EXPECT_FALSE(health.is_quarantined("bad", now));
  EXPECT_FALSE(health.is_probed("bad"));
  const auto changes = health.take_changes();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].length, minute_us);
  EXPECT_EQ(changes[1].length, 2 * minute_us);
  EXPECT_EQ(changes[2].length, 0);
}

TEST(NodeHealth, NeitherOneTaskNorTheOnlyNodeThatWorksIsAReason) {
  const leases::Settings settings;
  NodeHealth one_block, no_other, idle_other, one_end;
  one_block.succeed("good", hour_us);
  one_end.succeed("good", hour_us);
  for (int number = 0; number < 20; ++number) {
    const auto incarnation = std::to_string(number);
    one_block.end("bad", incarnation, {block(0)}, {"good"}, settings, hour_us);
    no_other.end("bad", incarnation, {block(number)}, {}, settings, hour_us);
    idle_other.end("bad", incarnation, {block(number)}, {"good"}, settings, hour_us);
    one_end.end("bad", "the same", {block(number)}, {"good"}, settings, hour_us);
  }
  EXPECT_FALSE(one_block.is_quarantined("bad", hour_us));
  EXPECT_FALSE(no_other.is_quarantined("bad", hour_us));
  EXPECT_FALSE(idle_other.is_quarantined("bad", hour_us));
  EXPECT_FALSE(one_end.is_quarantined("bad", hour_us)) << "its leases end one after the other";
}

// Node "bad" ends with whatever it holds; "good" works.
TEST(NodeHealth, ANodeThatKeepsEndingGetsNoTasksAndTheRequestFinishes) {
  World world;
  world.add_files("1", 0, 49);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-24"));
  ASSERT_TRUE(accepted) << accepted.error().message;
  world.work_once("good");
  int granted = 0;
  bool seen = false;
  for (int round = 0; round < 30 && world.request((*accepted)["id"])["state"] != "COMPLETE"; ++round) {
    world.clock += 5 * second_us;
    if (!world.lease("bad", 2).empty()) {
      ++granted;
      world.join("bad", "bad again " + std::to_string(round));
    }
    seen = seen || node_in(world, "bad")["state"] == "quarantined";
    world.work_once("good");
    world.work_once("good");
  }
  EXPECT_EQ(world.request((*accepted)["id"])["state"], "COMPLETE");
  EXPECT_TRUE(seen);
  EXPECT_LE(granted, 8);
  const auto told = events(world, "node quarantined");
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0]["node"], "bad");
}

TEST(FullNode, GetsNoTasksSaysWhyAndReturns) {
  World world;
  world.add_files("1", 0, 5);
  const auto accepted = world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04"));
  ASSERT_TRUE(accepted) << accepted.error().message;
  world.work_once();
  Heartbeat beat{.node = "a", .incarnation = world.incarnation["a"], .tasks = {}};
  beat.no_work = "the disk of /node is full";
  ASSERT_TRUE(world.service().heartbeat(beat));
  EXPECT_EQ(node_in(world, "a")["state"], "full");
  EXPECT_EQ(node_in(world, "a")["reason"], beat.no_work);
  EXPECT_EQ(world.request((*accepted)["id"])["reason"], "no node takes tasks; node a: the disk of /node is full");
  beat.no_work.clear();
  ASSERT_TRUE(world.service().heartbeat(beat));
  EXPECT_EQ(node_in(world, "a")["state"], "online");
  EXPECT_EQ(world.request((*accepted)["id"])["reason"], "");
  world.work();
  EXPECT_EQ(world.request((*accepted)["id"])["state"], "COMPLETE");
  EXPECT_EQ(events(world, "node full").size(), 1u);
  EXPECT_EQ(events(world, "node takes tasks again").size(), 1u);
}

// Returns the number of attempts after which the file is unreadable; 0: not within 100.
int attempts(FileFailures& files, task::FailureCode code, std::size_t nodes, bool delivers, bool others_fail) {
  const leases::Settings settings;
  Micros now = hour_us;
  for (int attempt = 1; attempt <= 100; ++attempt, now += hour_us) {
    const auto node = std::to_string(static_cast<std::size_t>(attempt) % nodes);
    if (others_fail) files.fail({"archive", "other", node, code, nodes}, settings, now);
    if (files.fail({"archive", "file", node, code, nodes}, settings, now)) return attempt;
    EXPECT_FALSE(files.fail({"archive", "file", node, code, nodes}, settings, now + 1)) << "too soon to count";
    if (delivers) files.succeed("archive", "another", now);
  }
  return 0;
}

TEST(FileFailures, GivesUpAFileOfAnArchiveThatWorks) {
  using enum task::FailureCode;
  FileFailures refused, delivering, alone, down;
  EXPECT_EQ(attempts(refused, invalid, 2, false, true), 4);
  EXPECT_EQ(attempts(delivering, transient, 2, true, true), 4);
  EXPECT_EQ(attempts(alone, transient, 2, false, false), 6);
  EXPECT_EQ(attempts(down, transient, 2, false, true), 0) << "the archive may be unreachable as a whole";
}

// Runs a request whose file of 01:00 cannot be read. Returns the request.
nlohmann::json run_with_unreadable_file(World& world, const std::string& id, int rounds) {
  const auto bad = World::file_name("1", 1);
  for (int round = 0; round < rounds; ++round) {
    world.clock += 20 * second_us;
    for (const auto* node : {round % 2 == 0 ? "a" : "b", round % 2 == 0 ? "b" : "a"})
      for (const auto& spec : world.lease(node, 2)) {
        auto done = world.compute(node, spec);
        const auto reads = [&](const task::File& file) { return file.present && file.id == bad; };
        if (spec.kind == task::Kind::compute && std::ranges::any_of(spec.files, reads)) {
          done.report = {};
          done.report.task = spec.id;
          done.report.code = task::FailureCode::transient;
          done.report.message = "file " + bad + ": cannot read it: Permission denied; make the file readable";
          auto& fetched = done.report.fetched.emplace_back();
          fetched.id = bad;
          fetched.code = task::FailureCode::invalid;
          fetched.message = "cannot read it: Permission denied; make the file readable";
        }
        world.complete(done);
      }
  }
  return world.request(id);
}

TEST(FileFailures, ARequestEndsWithoutAnUnreadableFileAndALaterOneTriesAgain) {
  World world;
  world.add_files("1", 0, 9);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T08");
  const auto accepted = world.client().submit(submission);
  ASSERT_TRUE(accepted) << accepted.error().message;
  const auto ended = run_with_unreadable_file(world, (*accepted)["id"], 40);
  EXPECT_EQ(ended["jobs"]["done"], ended["jobs"]["total"]) << ended.dump(2);
  ASSERT_EQ(ended["damaged_files"].size(), 1u) << ended.dump(2);
  EXPECT_EQ(ended["damaged_files"][0]["id"], World::file_name("1", 1));
  EXPECT_EQ(ended["damaged_files"][0]["state"], "unreadable");
  EXPECT_EQ(events(world, "file unreadable").size(), 1u);
  const auto before = world.catalogue();
  EXPECT_EQ(world.run(submission)["state"], "COMPLETE") << "it can be read now";
  EXPECT_NE(world.catalogue(), before);
}

}  // namespace
}  // namespace mole::test
