// Pipelines, and coordinators, that require a sandbox of the nodes that run their tasks.
#include "coordinator/leases/stager.hpp"
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

using coordinator::leases::Stager;
using enum SandboxPart;

void join(coordinator::Service& service, World& world, const std::string& name, std::vector<SandboxPart> sandbox) {
  coordinator::NodeInfo info;
  info.name = name;
  info.incarnation = world.incarnation[name] = name + "1";
  info.slots = 8;
  info.sandbox = std::move(sandbox);
  const auto registered = service.register_node(info);
  ASSERT_TRUE(registered) << registered.error().message;
}

const std::string strict = std::string(border) + "require_sandbox: [namespaces, landlock]\n";

TEST(RequireSandbox, OnlyNodesWithAllPartsGetTasks) {
  World world;
  world.add_files("1", 0, 5);
  join(world.service(), world, "weak", {limits, namespaces});
  join(world.service(), world, "strong", {limits, namespaces, landlock, seccomp});
  ASSERT_TRUE(world.client().submit(world.submission(strict, "2007-09-22", "2007-09-22T04")));
  EXPECT_TRUE(world.lease("weak", 8).empty()) << "the listing";
  EXPECT_TRUE(world.work_once("strong"));
  EXPECT_TRUE(world.lease("weak", 8).empty()) << "the blocks";
  world.work("strong");
  EXPECT_EQ(world.request("r1")["state"], "COMPLETE");
  // The requirement is in no key: another request finds the results.
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T04")));
  EXPECT_EQ(world.request("r2")["state"], "COMPLETE");
}

TEST(RequireSandbox, IsKeptOverARestart) {
  World world;
  world.add_files("1", 0, 5);
  ASSERT_TRUE(world.client().submit(world.submission(strict, "2007-09-22", "2007-09-22T04")));
  world.reopen();
  join(world.service(), world, "weak", {limits});
  EXPECT_TRUE(world.lease("weak", 8).empty());
}

TEST(RequireSandbox, IsRefusedIfNoNodeHasThePartsAndWaitsIfThereIsNone) {
  World world;
  world.add_files("1", 0, 5);
  const auto submission = world.submission(strict, "2007-09-22", "2007-09-22T04");
  ASSERT_TRUE(world.client().submit(submission)) << "no node is there yet";
  join(world.service(), world, "weak", {limits, namespaces});
  const auto waiting = world.client().explain("border/traffic@2007-09-22T00:00:00Z");
  ASSERT_TRUE(waiting);
  EXPECT_EQ((*waiting)["reason"], "its manifest requires a sandbox with namespaces, landlock, and no node has all these parts");
  EXPECT_NE((*waiting)["remedy"].get<std::string>().find("mole status lists"), std::string::npos);
  const auto refused = world.client().submit(world.submission(strict, "2007-09-22", "2007-09-22T02"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported);
  EXPECT_NE(refused.error().message.find("require_sandbox"), std::string::npos) << refused.error().message;
}

TEST(RequireSandbox, EndsARequestThatTheNodeOfTheSameProgramMayNotRun) {
  World world;
  world.add_files("1", 0, 5);
  auto config = world.config();
  config.embedded = true;
  config.state = world.folder / "embedded";
  auto service = coordinator::Service::open(config);
  ASSERT_TRUE(service) << service.error().message;
  ASSERT_TRUE(JsonClient(**service).submit(world.submission(strict, "2007-09-22", "2007-09-22T04")));
  join(**service, world, "own", {limits});
  const auto ended = JsonClient(**service).request("r1");
  ASSERT_TRUE(ended);
  EXPECT_EQ((*ended)["state"], "FAILED");
  EXPECT_NE((*ended)["reason"].get<std::string>().find("requires a sandbox with namespaces, landlock"), std::string::npos);
}

TEST(RequireSandbox, OfAnOperatorRefusesOtherNodes) {
  World world;
  auto config = world.config();
  config.state = world.folder / "other";
  config.leases.require_sandbox = {landlock};
  auto service = coordinator::Service::open(config);
  ASSERT_TRUE(service) << service.error().message;
  coordinator::NodeInfo info;
  info.name = info.incarnation = "n";
  info.sandbox = {limits, seccomp};
  const auto refused = (*service)->register_node(info);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied);
  EXPECT_EQ(refused.error().message,
            "the coordinator requires a sandbox with landlock (--require-sandbox), but node n has only limits, seccomp; let its "
            "machine allow the other parts");
  info.sandbox.push_back(landlock);
  EXPECT_TRUE((*service)->register_node(info));
}

// Files on media are fetched by nodes that may run their blocks, also if another node holds some already.
TEST(RequireSandbox, AppliesToTheNodesThatFetch) {
  const auto key = [](int file) { return digest_of("file " + std::to_string(file)); };
  coordinator::leases::WantedBlock block{{0, 0}, {}};
  for (int f = 0; f < 4; ++f) block.files.push_back({key(f), {"library", "T"}, static_cast<std::uint64_t>(f), 1000, "flows"});
  for (const bool in_order : {false, true}) {
    Stager stager;
    for (const auto* node : {"weak", "strong"}) stager.set_node(node, 1'000'000);
    stager.set_sandbox("strong", {limits, landlock});
    stager.set_request(1, 0, in_order, {block}, {landlock});
    for (int f = 0; f < 3; ++f) stager.add_ready("weak", key(f));
    EXPECT_FALSE(stager.next("weak", 0, true));
    EXPECT_FALSE(stager.is_elsewhere("strong", 1, block.ref));
    const auto batch = stager.next("strong", 0, true);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->files.size(), 4u);
    for (const auto& file : batch->files) stager.add_ready("strong", file);
    EXPECT_TRUE(stager.may_run("strong", 1, block.ref));
    EXPECT_TRUE(stager.has_space("strong", 1, block.ref));
    stager.set_sandbox("strong", {limits});  // it was started again without the part
    EXPECT_FALSE(stager.has_space("strong", 1, block.ref)) << "the block may run on another node";
  }
}

}  // namespace
}  // namespace mole::test
