// Lists of requests are read from their end, so that they take as long after a million requests as after the first.
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

TEST(BoundedLists, ShowTheLatestRequestsAndAllThatHaveNotEnded) {
  World world;
  ASSERT_TRUE(world.client().submit(world.submission(border, "2030-01-01", "2030-01-02")));
  for (int i = 0; i < 230; ++i) {
    const auto accepted = world.client().submit(world.submission(border, "2031-01-01", "2031-01-02"));
    ASSERT_TRUE(accepted);
    ASSERT_TRUE(world.client().cancel(accepted->at("id")));
  }
  const auto listed = *world.client().requests();
  ASSERT_EQ(listed.size(), 201u);
  EXPECT_EQ(listed[0]["id"], "r1");
  EXPECT_EQ(listed[1]["id"], "r32");
  EXPECT_EQ(listed[200]["id"], "r231");
  EXPECT_EQ(world.client().status()->at("requests"), listed);
}

}  // namespace
}  // namespace mole::test
