#include "nodes/daemon/states.hpp"

#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace mole::nodes {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

class States : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder / "states"); }
  Digest adopt(StateStore& store, const std::string& bytes) {
    fs::remove(folder / "new_state");  // the store has a hard link to the previous one
    std::ofstream(folder / "new_state", std::ios::binary) << bytes;
    const auto adopted = store.adopt(folder / "new_state", digest_of(bytes));
    EXPECT_TRUE(adopted) << adopted.error().message;
    return digest_of(bytes);
  }
  TempFolder folder;
};

TEST_F(States, ServesAStateInPieces) {
  StateStore store(folder / "states", 100);
  const auto digest = adopt(store, "state");
  EXPECT_EQ(*store.get(digest, 0, 2), "st");
  EXPECT_EQ(*store.get(digest, 2, 100), "ate");
  EXPECT_EQ(*store.get(digest, 5, 100), "");
  EXPECT_EQ(*store.get(digest, 500, 100), "");
  EXPECT_EQ(store.get(digest_of("other"), 0, 1).error().code, Code::missing);
}

TEST_F(States, AdoptsTheSameStateTwiceAndCountsItOnce) {
  StateStore store(folder / "states", 100);
  const auto digest = adopt(store, "state");
  adopt(store, "state");
  EXPECT_EQ(store.bytes(), 5u);
  ASSERT_TRUE(store.adopt(folder / "states" / digest.hex(), digest));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "states"), {}), 1);
}

TEST_F(States, RejectsAFileWithAWrongDigest) {
  StateStore store(folder / "states", 100);
  std::ofstream(folder / "new_state") << "other bytes";
  EXPECT_EQ(store.adopt(folder / "new_state", digest_of("state")).error().code, Code::corrupt);
  EXPECT_TRUE(fs::is_empty(folder / "states"));
}

TEST_F(States, EvictsTheLeastRecentlyUsed) {
  StateStore store(folder / "states", 10);
  const auto a = adopt(store, "aaaa"), b = adopt(store, "bbbb");
  EXPECT_TRUE(store.get(a, 0, 1));
  const auto c = adopt(store, "cccc");
  EXPECT_TRUE(store.get(a, 0, 1));
  EXPECT_FALSE(store.get(b, 0, 1));
  EXPECT_TRUE(store.get(c, 0, 1));
  EXPECT_EQ(store.bytes(), 8u);
}

TEST_F(States, KeepsALinkedStateAfterEviction) {
  StateStore store(folder / "states", 6);
  const auto a = adopt(store, "aaaa");
  ASSERT_TRUE(store.link_to(a, folder / "linked"));
  adopt(store, "bbbb");
  EXPECT_FALSE(store.get(a, 0, 1));
  EXPECT_EQ(*digest_of_file(folder / "linked"), a);
}

TEST_F(States, DetectsDamage) {
  StateStore store(folder / "states", 100);
  const auto digest = adopt(store, "state");
  std::ofstream(folder / "states" / digest.hex()) << "wrong";
  EXPECT_EQ(store.link_to(digest, folder / "linked").error().code, Code::missing);
  EXPECT_FALSE(fs::exists(folder / "linked"));
  EXPECT_EQ(store.get(digest, 0, 1).error().code, Code::missing);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST_F(States, LoadsStatesOfAnEarlierRun) {
  Digest a, b;
  {
    StateStore store(folder / "states", 100);
    a = adopt(store, "aaaa");
    b = adopt(store, "bbbb");
    EXPECT_TRUE(store.get(a, 0, 1));
  }
  std::ofstream(folder / "states/.tmp.x") << "unfinished";
  StateStore store(folder / "states", 6);
  EXPECT_EQ(store.bytes(), 4u);
  EXPECT_TRUE(store.get(a, 0, 1)) << "the order of use is persistent";
  EXPECT_FALSE(store.get(b, 0, 1));
  EXPECT_FALSE(fs::exists(folder / "states/.tmp.x"));
}

}  // namespace
}  // namespace mole::nodes
