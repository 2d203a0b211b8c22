#include "nodes/process/cache_limit.hpp"

#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace mole::nodes {
namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

TEST(CacheLimit, IsTenGibibytesOrHalfOfTheFreeSpace) {
  EXPECT_EQ(default_cache_limit(500 * gib, 0), 10 * gib);
  EXPECT_EQ(default_cache_limit(20 * gib, 0), 10 * gib);
  EXPECT_EQ(default_cache_limit(4 * gib, 0), 2 * gib);
  EXPECT_EQ(default_cache_limit(std::uint64_t{0}, std::uint64_t{0}), 0u);
}

TEST(CacheLimit, DoesNotShrinkWhenTheCacheIsFilled) {
  EXPECT_EQ(default_cache_limit(2 * gib, 2 * gib), default_cache_limit(4 * gib, 0));
}

TEST(CacheLimit, IsKnownBeforeTheFolderExists) {
  mole::testing::TempFolder folder;
  EXPECT_GT(default_cache_limit(folder / "state" / "node" / "cache"), 0u);
  EXPECT_LE(default_cache_limit(folder / "state" / "node" / "cache"), 10 * gib);
}

TEST(CacheLimit, CountsTheFilesOfAFolder) {
  mole::testing::TempFolder folder;
  EXPECT_EQ(folder_bytes(folder / "absent"), 0u);
  std::ofstream(folder / "a") << "1234";
  std::ofstream(folder / "b") << "56";
  std::filesystem::create_directory(folder / "c");
  EXPECT_EQ(folder_bytes(folder.path()), 6u);
}

}  // namespace
}  // namespace mole::nodes
