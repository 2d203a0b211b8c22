// A coordinator with little disk space (docs/decisions/0219).
#include "tests/coordinator/world.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace mole::test {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

TEST(FullDisk, NewWorkIsRefusedAndQueriesContinue) {
  World world;
  world.add_files("1", 0, 13);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T02");
  const auto first = world.client().submit(submission);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(world.service().status()->no_work, "");
  world.free_bytes = 50 * mebibyte;
  const auto refused = world.client().submit(submission);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::transient);
  EXPECT_NE(refused.error().message.find("free up space"), std::string::npos);
  EXPECT_TRUE(world.lease("a", 5).empty());
  const auto status = world.service().status();
  ASSERT_TRUE(status);
  EXPECT_NE(status->no_work.find("50 MiB are free"), std::string::npos) << status->no_work;
  EXPECT_EQ(world.service().requests()->size(), 1u);
  world.free_bytes = 100 * mebibyte;
  EXPECT_FALSE(world.lease("a", 5).empty());
  EXPECT_TRUE(world.client().submit(submission));
}

TEST(FullDisk, WritesAreRefusedBeforeTheStoreFails) {
  World world;
  ASSERT_TRUE(world.client().submit(world.submission(border, "2007-09-22", "2007-09-22T02")));
  coordinator::NodeInfo node;
  node.name = node.incarnation = "n";
  world.free_bytes = 20 * mebibyte;
  for (const auto& code : {world.service().cancel("r1").error().code, world.service().complete({}).error().code,
                           world.service().register_node(node).error().code})
    EXPECT_EQ(code, Code::transient);
  EXPECT_TRUE(world.service().request("r1"));
}

TEST(State, IsClosedToOtherUsers) {
  World world;
  const auto state = world.folder.path() / "state";
  const auto mode = [&] { return std::filesystem::status(state).permissions(); };
  EXPECT_EQ(mode(), std::filesystem::perms::owner_all);
  ASSERT_EQ(::chmod(state.c_str(), 0755), 0);
  world.reopen();
  EXPECT_EQ(mode(), std::filesystem::perms::owner_all);
}

}  // namespace
}  // namespace mole::test
