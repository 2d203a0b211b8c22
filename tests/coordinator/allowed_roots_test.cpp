// Submissions over TCP name paths in allowed folders only.
#include "coordinator/control/allowed_roots.hpp"
#include "coordinator/wire/caller.hpp"
#include "tests/coordinator/world.hpp"

namespace mole::test {
namespace {

namespace fs = std::filesystem;
using coordinator::control::check_allowed;

class AllowedRoots : public ::testing::Test {
 protected:
  AllowedRoots() {
    fs::create_directories(root_ / "archive/2007");
    fs::create_directories(root_ / "archives");
    fs::create_directories(root_ / "private");
  }
  bool allowed(const fs::path& path) const {
    const auto checked = check_allowed({root_ / "archive"}, path);
    if (!checked) EXPECT_EQ(checked.error().code, Code::denied);
    return static_cast<bool>(checked);
  }
  TempFolder folder_;
  const fs::path root_ = folder_.path();
};

TEST_F(AllowedRoots, ContainTheirFolders) {
  EXPECT_TRUE(allowed(root_ / "archive"));
  EXPECT_TRUE(allowed(root_ / "archive/"));
  EXPECT_TRUE(allowed(root_ / "archive/2007"));
  EXPECT_TRUE(allowed(root_ / "archive/absent/too"));
  EXPECT_FALSE(allowed(root_));
  EXPECT_FALSE(allowed(root_ / "archives"));
  EXPECT_FALSE(allowed(root_ / "archive/../private"));
  EXPECT_FALSE(allowed("/"));
  EXPECT_FALSE(check_allowed({}, root_ / "archive"));
  EXPECT_FALSE(check_allowed({root_ / "absent"}, root_ / "archive"));
}

TEST_F(AllowedRoots, AreNotLeftThroughLinks) {
  fs::create_directory_symlink(root_ / "private", root_ / "archive/link");
  fs::create_directory_symlink(root_ / "archive", root_ / "other_name");
  EXPECT_FALSE(allowed(root_ / "archive/link"));
  EXPECT_FALSE(allowed(root_ / "archive/link/file"));
  EXPECT_TRUE(allowed(root_ / "other_name/2007"));
}

TEST_F(AllowedRoots, DoNotTellWhetherOtherPathsExist) {
  const auto name = [&](const char* file) {
    auto text = check_allowed({root_ / "archive"}, root_ / file).error().message;
    return text.replace(text.find(file), std::string(file).size(), "FILE");
  };
  EXPECT_EQ(name("private"), name("absence"));
}

TEST_F(AllowedRoots, ApplyToCallsOverTcp) {
  World world;
  world.add_files("1", 0, 3);
  const auto submission = world.submission(border, "2007-09-22", "2007-09-22T02");
  {
    const coordinator::CallScope scope(true);
    for (const auto& code :
         {world.client().submit(submission), world.client().plan(submission), world.client().validate(submission)}) {
      ASSERT_FALSE(code);
      EXPECT_EQ(code.error().code, Code::denied) << code.error().message;
      EXPECT_NE(code.error().message.find("--allow-root"), std::string::npos) << code.error().message;
    }
  }
  EXPECT_TRUE(world.client().submit(submission));
}

}  // namespace
}  // namespace mole::test
