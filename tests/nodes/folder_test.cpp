#include "nodes/daemon/folder.hpp"

#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace mole::nodes {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

TEST(NodeFolder, KeepsItsNameAcrossRestarts) {
  TempFolder folder;
  std::string name;
  {
    const auto first = NodeFolder::open(folder / "n");
    ASSERT_TRUE(first) << first.error().message;
    name = first->name();
    EXPECT_TRUE(name.starts_with("node-"));
  }
  EXPECT_EQ(NodeFolder::open(folder / "n")->name(), name);
  EXPECT_NE(NodeFolder::open(folder / "other")->name(), name);
}

TEST(NodeFolder, CreatesItsLayoutAndRemovesOldAttempts) {
  TempFolder folder;
  fs::create_directories(folder / "n/attempts/1-1");
  fs::create_directories(folder / "n/finished/1-2");
  const auto node = NodeFolder::open(folder / "n");
  ASSERT_TRUE(node);
  for (const auto& part : {node->cache(), node->plugins(), node->states(), node->attempts(), node->finished()})
    EXPECT_TRUE(fs::is_directory(part)) << part;
  EXPECT_TRUE(fs::is_empty(node->attempts()));
  EXPECT_TRUE(fs::exists(folder / "n/finished/1-2"));
}

TEST(NodeFolder, RefusesASecondDaemon) {
  TempFolder folder;
  {
    const auto first = NodeFolder::open(folder / "n");
    const auto second = NodeFolder::open(folder / "n");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::invalid);
    EXPECT_NE(second.error().message.find("another mole-node uses"), std::string::npos);
  }
  EXPECT_TRUE(NodeFolder::open(folder / "n"));
}

TEST(NodeFolder, ReportsThatItCannotBeCreated) {
  TempFolder folder;
  std::ofstream(folder / "file") << "x";
  const auto node = NodeFolder::open(folder / "file/n");
  ASSERT_FALSE(node);
  EXPECT_NE(node.error().message.find("--dir"), std::string::npos);
}

TEST(NodeFolder, CountsFilesAndReservedSpaceOfItsCache) {
  TempFolder folder;
  const auto node = NodeFolder::open(folder / "n");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->cached_bytes(), 0u);
  const auto name = std::string(32, 'a');
  std::ofstream(node->cache() / (name + ".file")) << "12345";
  std::ofstream(node->cache() / (name + ".part")) << "678";
  std::ofstream(node->cache() / (name + ".digest")) << "not counted";
  EXPECT_EQ(node->cached_bytes(), 8u);
  fs::remove_all(node->cache());
  EXPECT_EQ(node->cached_bytes(), 0u);
}

TEST(PlainName, AcceptsOnlyNamesSafeForFiles) {
  EXPECT_TRUE(is_plain_name("12-345"));
  for (const std::string bad : {"", ".", "..", "../x", "a/b", "a b", "a\n", ".tmp.x"}) EXPECT_FALSE(is_plain_name(bad)) << bad;
  EXPECT_FALSE(is_plain_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace mole::nodes
