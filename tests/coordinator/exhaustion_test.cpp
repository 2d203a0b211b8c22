// Modules that use up the memory of a worker outside their own calls, so that no report names them.
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

const std::string four_modules = std::string(border) + R"(
  hosts:  {plugin: traffic, input: {archive: flows}, interval: 30m}
  greedy: {plugin: traffic, input: {archive: flows}, interval: 1h}
  scans:  {plugin: traffic, input: {archive: flows}, interval: 20m}
)";

bool has(const task::Spec& spec, const std::string& module) {
  return std::ranges::any_of(spec.steps, [&](const auto& step) { return step.module == module; });
}

// Returns the report of a worker that ended in its own code because memory ran out.
coordinator::Completion out_of_memory(World& world, const task::Spec& spec) {
  auto done = world.compute("a", spec);
  for (auto& step : done.report.steps) {
    const auto number = step.step;
    step = {};
    step.step = number;
  }
  done.report.code = task::FailureCode::exhausted;
  done.report.message = "the worker, outside any plugin: killed by signal 9 (SIGKILL) by the system";
  return done;
}

struct Outcome {
  std::size_t with_others = 0, alone = 0;  // failed tasks
  nlohmann::json request;
};

// Runs `blocks` blocks on a node whose workers run out of memory whenever a task has the module "greedy".
Outcome run_with_greedy_module(World& world, int blocks) {
  world.add_files("1", 0, 2 * blocks + 1);
  const auto accepted = world.client().submit(
      world.submission(four_modules, "2007-09-22", format_time(*parse_time("2007-09-22") + 2 * blocks * hour_us)));
  EXPECT_TRUE(accepted) << accepted.error().message;
  Outcome out;
  if (!accepted) return out;
  for (int round = 0; round < 200; ++round) {
    world.clock += 10 * second_us;
    for (const auto& spec : world.lease("a", 4)) {
      const bool fails = has(spec, "greedy");
      if (fails) ++(spec.steps.size() == 1 ? out.alone : out.with_others);
      world.complete(fails ? out_of_memory(world, spec) : world.compute("a", spec));
    }
  }
  out.request = world.request((*accepted)["id"]);
  return out;
}

TEST(Exhaustion, OnlyTheModuleThatIsAloneAndExhaustedIsGivenUp) {
  World world;
  const auto out = run_with_greedy_module(world, 1);
  EXPECT_EQ(out.request["state"], "FAILED");
  EXPECT_EQ(out.request["jobs"]["done"], 3) << out.request.dump(2);
  ASSERT_EQ(out.request["failures"].size(), 1u);
  EXPECT_EQ(out.request["failures"][0]["module"], "greedy");
  EXPECT_EQ(out.request["failures"][0]["code"], "exhausted");
  EXPECT_LE(out.with_others, 2u) << "four jobs, then two";
  EXPECT_EQ(out.alone, 3u);
}

TEST(Exhaustion, AKnownCulpritRunsAloneInOtherBlocks) {
  World world;
  const auto out = run_with_greedy_module(world, 6);
  EXPECT_EQ(out.request["state"], "FAILED");
  EXPECT_EQ(out.request["jobs"]["done"], 18) << out.request.dump(2);
  EXPECT_EQ(out.request["failures"].size(), 6u);
  EXPECT_LE(out.with_others, 2u * 4u) << "only the blocks that were leased before it was known";
}

TEST(Exhaustion, AMachineThatRanOutOfMemoryOnceCostsNoJob) {
  World world;
  world.add_files("1", 0, 3);
  const auto accepted = world.client().submit(world.submission(four_modules, "2007-09-22", "2007-09-22T02"));
  ASSERT_TRUE(accepted) << accepted.error().message;
  world.work_once();  // lists the archive
  const auto specs = world.lease("a", 1);
  ASSERT_EQ(specs.size(), 1u);
  world.complete(out_of_memory(world, specs[0]));
  world.work();
  EXPECT_EQ(world.request((*accepted)["id"])["state"], "COMPLETE");
}

}  // namespace
}  // namespace mole::test
