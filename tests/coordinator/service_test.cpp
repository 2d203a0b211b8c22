#include "tests/coordinator/world.hpp"

#include <filesystem>

namespace mole::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST(Service, RunsOneModuleToCompletion) {
  World world;
  world.add_files("1", 0, 9);
  const auto done = world.run(world.submission(border, "2007-09-22", "2007-09-22T08"));
  EXPECT_EQ(done["state"], "COMPLETE") << done.dump(2);
  EXPECT_EQ(done["jobs"]["total"], 4);
  EXPECT_EQ(done["jobs"]["done"], 4);
  EXPECT_EQ(done["coverage"], 1.0);
  EXPECT_EQ(world.catalogue().size(), 4u);
  EXPECT_TRUE(fs::exists(world.folder.path() / "state/tables/border/traffic/date=2007-09-22/20070922T060000Z.parquet"));
  EXPECT_TRUE(fs::exists(world.folder.path() / "state/requests/r1/request.json"));
}

}  // namespace
}  // namespace mole::test
