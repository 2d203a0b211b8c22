// The scheduler alone, with hand-written plans.
#include "coordinator/leases/scheduler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>

namespace mole::test {
namespace {

using namespace coordinator;
using jobs::Flag;

Digest name_of(const std::string& text) { return digest_of(std::string_view(text)); }

// Returns a plan with `blocks` blocks of one hour for two modules: "first", and "second", which reads "first".
jobs::Plan plan_of(std::size_t blocks) {
  auto graph = std::make_shared<dag::Graph>();
  graph->pipeline = "p";
  graph->archives.resize(1);
  graph->modules.resize(2);
  const char* names[] = {"first", "second"};
  jobs::Plan plan;
  plan.grids = {{hour_us, 0}};
  plan.modules.resize(2);
  for (std::size_t m = 0; m < 2; ++m) {
    auto& module = graph->modules[m];
    module.name = names[m];
    module.fingerprint = name_of(module.name);
    dag::Input input;
    input.kind = m == 0 ? InputKind::flows : InputKind::rows;
    module.inputs = {input};
    auto& planned = plan.modules[m];
    planned.flags.assign(blocks, Flag::requested | Flag::needs_result);
    planned.state_keys.assign(blocks, name_of("state"));
    planned.result_keys.assign(blocks, name_of("result"));
  }
  plan.graph = std::move(graph);
  return plan;
}

// Returns a completion in which every step has this outcome and the task this code. The node's incarnation is its name.
Completion done_by(const std::string& node, const leases::Grant& grant, task::Outcome outcome,
                   task::FailureCode code = task::FailureCode::none, const std::string& message = "") {
  Completion done;
  done.node = done.incarnation = node;
  done.spec.id = grant.id;
  done.spec.block = grant.block;
  for (std::uint32_t i = 0; i < grant.steps.size(); ++i) {
    auto& spec = done.spec.steps.emplace_back();
    spec.fingerprint = grant.steps[i].job.fingerprint;
    spec.make_state = grant.steps[i].step.make_state, spec.state_key = grant.steps[i].state_key;
    spec.make_result = grant.steps[i].step.make_result, spec.result_key = grant.steps[i].result_key;
    auto& step = done.report.steps.emplace_back();
    step.step = i;
    step.outcome = outcome;
    if (outcome == task::Outcome::done) step.state_blob = step.rows_blob = name_of("blob");
    if (outcome == task::Outcome::failed) step.code = code, step.message = message;
  }
  if (outcome != task::Outcome::failed) done.report.code = code, done.report.message = message;
  return done;
}

class Coordinator {
 public:
  explicit Coordinator(leases::Settings settings = {}) : scheduler(settings, 1), random_(1) {
    NodeInfo info;
    info.name = "a";
    info.incarnation = "a1";
    scheduler.register_node(info, now);
  }
  std::vector<leases::Grant> lease(std::uint32_t slots) { return *scheduler.lease({"a", "a1", slots, held_}, now); }
  // Reports the outcome of every step and the code of the task.
  leases::Effects complete(const leases::Grant& grant, task::Outcome outcome, task::FailureCode code,
                           const std::string& message = "") {
    auto done = done_by("a", grant, outcome, code, message);
    done.incarnation = "a1";
    return scheduler.complete(done, now, random_);
  }

  Micros now = hour_us;
  leases::Scheduler scheduler;

 private:
  leases::Random random_;
  std::vector<std::string> held_;
};

void register_node(leases::Scheduler& scheduler, const std::string& name) {
  NodeInfo info;
  info.name = info.incarnation = name;
  scheduler.register_node(info, hour_us);
}

// Lets `nodes` nodes lease one block at a time, in turn. Returns the blocks granted to each node, in order.
std::map<std::string, std::vector<std::int64_t>> blocks_of_nodes(leases::Scheduler& scheduler, std::size_t nodes) {
  leases::Random random(1);
  std::map<std::string, std::vector<std::int64_t>> out;
  std::map<std::string, leases::Grant> at;
  for (std::size_t n = 0; n < nodes; ++n) {
    const std::string name(1, static_cast<char>('a' + n));
    register_node(scheduler, name);
    at[name];
  }
  for (bool any = true; any;) {
    any = false;
    for (auto& [name, task] : at) {
      if (!task.id.empty()) scheduler.complete(done_by(name, task, task::Outcome::done), hour_us, random);
      auto grants = *scheduler.lease({name, name, 1, {}}, hour_us);
      task = grants.empty() ? leases::Grant{} : grants[0];
      any = any || !grants.empty();
      for (const auto& grant : grants) out[name].push_back(grant.ref.number);
    }
  }
  return out;
}

// Returns the CPU seconds needed to abandon every block of a plan, with one completion per block.
double seconds_to_give_up(std::size_t blocks) {
  leases::Settings settings;
  settings.plugin_attempts = 1;
  Coordinator c(settings);
  c.scheduler.set_plan(1, 0, plan_of(blocks));
  const auto began = std::clock();
  for (std::size_t b = 0; b < blocks; ++b) {
    auto grants = c.lease(1);
    EXPECT_EQ(grants.size(), 1u) << b;
    if (grants.empty()) break;
    grants[0].steps.resize(1);  // "first" fails, "second" needs it
    c.complete(grants[0], task::Outcome::failed, task::FailureCode::crashed, "signal 11");
    EXPECT_EQ(c.scheduler.exhausted(1), b + 1 == blocks) << b;
  }
  const auto seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  const auto counts = c.scheduler.counts(1);
  EXPECT_EQ(counts.failed, blocks);
  EXPECT_EQ(counts.blocked, blocks);
  return seconds;
}

TEST(Scheduler, GivesUpJobsInTimeProportionalToTheirNumber) {
  const auto few = seconds_to_give_up(2'500), many = seconds_to_give_up(20'000);
  EXPECT_LT(many, 24 * few + 0.1);  // linear: 8 times; quadratic: 64 times
}

// Returns the CPU seconds needed to find that none of `blocks` blocks can run, because each waits for the previous one.
double seconds_to_find_nothing(std::size_t blocks, std::size_t nodes) {
  leases::Scheduler scheduler({}, 1);
  for (std::size_t n = 0; n < nodes; ++n) register_node(scheduler, std::to_string(n));
  auto plan = plan_of(blocks);
  auto graph = std::make_shared<dag::Graph>(*plan.graph);
  for (auto& module : graph->modules) module.since = Micros{0};
  plan.graph = std::move(graph);
  scheduler.set_plan(1, 0, std::move(plan));
  EXPECT_EQ(scheduler.lease({"0", "0", 1, {}}, hour_us)->at(0).ref.number, 0);
  const auto began = std::clock();
  EXPECT_TRUE(scheduler.lease({"1", "1", 1, {}}, hour_us)->empty());
  return static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
}

TEST(Scheduler, FindsThatEveryBlockWaitsInTimeIndependentOfTheNumberOfNodes) {
  const auto two = seconds_to_find_nothing(100'000, 2), many = seconds_to_find_nothing(100'000, 64);
  EXPECT_LT(many, 4 * two + 0.05);  // 8 times if all candidates of all nodes were compared for each block
}

std::size_t max_run(const std::vector<std::int64_t>& blocks) {
  std::size_t max = 0, run = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    run = i > 0 && blocks[i] == blocks[i - 1] + 1 ? run + 1 : 1;
    max = std::max(max, run);
  }
  return max;
}

// Neighbouring blocks share a file, so one node should compute both.
TEST(Scheduler, GivesNeighbouringBlocksToOneNode) {
  for (const std::size_t nodes : {1u, 2u, 3u}) {
    leases::Scheduler scheduler({}, 1);
    scheduler.set_plan(1, 0, plan_of(24 * nodes));
    const auto blocks = blocks_of_nodes(scheduler, nodes);
    ASSERT_EQ(blocks.size(), nodes);
    std::size_t all = 0, runs = 0;
    for (const auto& [name, numbers] : blocks) {
      all += numbers.size();
      EXPECT_NEAR(static_cast<double>(numbers.size()), 24, 1) << name;
      EXPECT_GE(max_run(numbers), 8u) << name;
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        runs += i == 0 || numbers[i] != numbers[i - 1] + 1;
        // No node runs far ahead, so that blocks chained to the oldest ones become ready.
        EXPECT_LE(std::abs(numbers[i] - static_cast<std::int64_t>(i * nodes)), static_cast<std::int64_t>(8 * nodes)) << name << i;
      }
    }
    EXPECT_EQ(all, 24 * nodes);
    EXPECT_LE(runs, nodes == 1 ? 1 : nodes * 6) << nodes;
    EXPECT_TRUE(scheduler.exhausted(1));
  }
}

TEST(Scheduler, GivesAFailedBlockToAnyNode) {
  leases::Scheduler scheduler({}, 1);
  leases::Random random(1);
  Micros now = hour_us;
  const auto next = [&](const std::string& name) { return scheduler.lease({name, name, 1, {}}, now)->at(0); };
  for (const char* name : {"a", "b"}) register_node(scheduler, name);
  scheduler.set_plan(1, 0, plan_of(8));
  const auto first = next("a"), other = next("b");
  EXPECT_EQ(first.ref.number, 0);
  scheduler.complete(done_by("a", first, task::Outcome::failed, task::FailureCode::transient, "disk error"), now, random);
  EXPECT_EQ(next("a").ref.number, 1) << "block 0 has to wait";
  now += 30 * second_us;
  scheduler.complete(done_by("b", other, task::Outcome::done), now, random);
  EXPECT_EQ(next("b").ref.number, 0) << "b should retry it before its own next block";
}

TEST(Scheduler, RemembersTheNodeOfABlockLeasedBeforeReplanning) {
  leases::Scheduler scheduler({}, 1);
  leases::Random random(1);
  const auto next = [&](const std::string& name) { return scheduler.lease({name, name, 1, {}}, hour_us)->at(0); };
  for (const char* name : {"a", "b"}) register_node(scheduler, name);
  scheduler.set_plan(1, 0, plan_of(16));
  const auto first = next("a"), other = next("b");
  EXPECT_EQ(first.ref.number, 0);
  scheduler.set_plan(1, 0, plan_of(16));
  scheduler.complete(done_by("a", first, task::Outcome::done), hour_us, random);
  scheduler.complete(done_by("b", other, task::Outcome::done), hour_us, random);
  EXPECT_EQ(next("b").ref.number, other.ref.number + 1);
  EXPECT_EQ(next("a").ref.number, 1);
}

TEST(Scheduler, CountsATaskThatDidNothingAsAFailureOfEveryStep) {
  Coordinator c;
  c.scheduler.set_plan(1, 0, plan_of(1));
  const auto grant = c.lease(1).at(0);
  const auto effects = c.complete(grant, task::Outcome::not_run, task::FailureCode::none);
  ASSERT_EQ(effects.failures.size(), grant.steps.size());
  for (const auto& [job, failure] : effects.failures) {
    EXPECT_EQ(failure.code, task::FailureCode::transient);
    EXPECT_EQ(failure.infra_failures, 1u);
    EXPECT_NE(failure.message, "");
  }
  EXPECT_TRUE(c.lease(1).empty());  // not immediately
  c.now += 5 * second_us;
  EXPECT_EQ(c.lease(1).size(), 1u);
}

// Returns the number of attempts after which a job that always fails with this code is abandoned.
int attempts_until_given_up(task::FailureCode code, bool same_message) {
  Coordinator c;
  c.scheduler.set_plan(1, 0, plan_of(1));
  int attempts = 0;
  while (!c.scheduler.exhausted(1) && attempts < 100) {
    c.now += 9 * second_us;  // less than a heartbeat, so that leases are not extended
    for (auto& grant : c.lease(1)) {
      ++attempts;
      c.complete(grant, task::Outcome::not_run, code,
                 "the files are larger than the cache" + (same_message ? "" : std::to_string(attempts)));
    }
    c.now += hour_us;
  }
  const auto* failure = c.scheduler.failure({name_of("first"), 0});
  if (code == task::FailureCode::exhausted) {
    EXPECT_EQ(failure->code, task::FailureCode::exhausted);
    EXPECT_EQ(failure->message.substr(0, 35), "the files are larger than the cache");
  }
  return attempts;
}

TEST(Scheduler, GivesUpAJobThatIsExhaustedThreeTimesAlone) {
  EXPECT_EQ(attempts_until_given_up(task::FailureCode::exhausted, true), 1 + 3) << "together with another job, then alone";
  EXPECT_EQ(attempts_until_given_up(task::FailureCode::exhausted, false), 1 + 3) << "whatever it was doing then";
  EXPECT_EQ(attempts_until_given_up(task::FailureCode::transient, true), 20);
}

TEST(Scheduler, GivesUpAHangingDecoderWithoutSearchingForAModule) {
  EXPECT_EQ(attempts_until_given_up(task::FailureCode::hung, true), 2);
}

TEST(Scheduler, GivesUpAModuleThatHangsInEveryBlockAfterFourStalls) {
  Coordinator c;
  c.scheduler.set_plan(1, 0, plan_of(500));
  int stalls = 0;
  for (int round = 0; round < 100 && !c.scheduler.exhausted(1); ++round) {
    c.now += 9 * second_us;
    for (auto& grant : c.lease(1)) {
      ++stalls;
      grant.steps.resize(1);  // "first" hangs, "second" needs it
      c.complete(grant, task::Outcome::failed, task::FailureCode::hung, "no progress");
    }
    c.now += hour_us;
  }
  EXPECT_TRUE(c.scheduler.exhausted(1));
  EXPECT_EQ(stalls, 4) << "two in the first block, one in each of two others";
  EXPECT_EQ(c.scheduler.counts(1).failed, 500u);
}

TEST(Scheduler, MakesStatesOfBlocksWhoseWindowCannotBeFilled) {
  leases::Settings settings;
  settings.plugin_attempts = 1;
  Coordinator c(settings);
  auto plan = plan_of(6);
  auto graph = std::make_shared<dag::Graph>(*plan.graph);
  graph->modules.pop_back();
  graph->modules[0].interval = hour_us;
  graph->modules[0].window = 3 * hour_us;
  plan.graph = graph;
  plan.modules.pop_back();
  plan.modules[0].back = 2;
  for (auto& flags : plan.modules[0].flags) flags |= Flag::needs_state;
  c.scheduler.set_plan(1, 0, std::move(plan));
  const auto first = c.lease(1);
  c.complete(first.at(0), task::Outcome::failed, task::FailureCode::crashed);
  std::vector<std::string> made;
  for (int i = 0; i < 20 && !c.scheduler.exhausted(1); ++i)
    for (const auto& grant : c.lease(1)) {
      Completion done;
      done.node = "a";
      done.incarnation = "a1";
      done.spec.id = grant.id;
      done.spec.block = grant.block;
      auto& step = done.spec.steps.emplace_back();
      step.fingerprint = grant.steps[0].job.fingerprint;
      step.state_key = grant.steps[0].state_key;
      step.result_key = grant.steps[0].result_key;
      step.make_state = grant.steps[0].step.make_state;
      step.make_result = grant.steps[0].step.make_result;
      auto& report = done.report.steps.emplace_back();
      report.outcome = task::Outcome::done;
      if (step.make_state) report.state_blob = name_of("s");
      if (step.make_result) report.rows_blob = name_of("r");
      leases::Random random(1);
      c.scheduler.complete(done, c.now, random);
      made.push_back(std::to_string(grant.block.from / hour_us) + (step.make_state ? "s" : "") + (step.make_result ? "r" : ""));
    }
  EXPECT_EQ(made, (std::vector<std::string>{"1s", "2s", "3sr", "4sr", "5sr"}));
  const auto counts = c.scheduler.counts(1);
  EXPECT_EQ(counts.failed, 1u);
  EXPECT_EQ(counts.blocked, 2u);  // the windows of blocks 1 and 2
  EXPECT_EQ(counts.done, 3u);
}

}  // namespace
}  // namespace mole::test
