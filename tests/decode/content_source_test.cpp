#include "runtime/decode/bzip2_writer.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

namespace mole::runtime::test {
namespace {

TEST(ContentSource, ReadsAPlainFileUnchanged) {
  const TempFolder folder;
  const std::string bytes = noise(3'000'000);
  const auto content = read_content(folder.file("plain.dat", bytes));
  EXPECT_EQ(content.bytes, bytes);
  EXPECT_TRUE(content.lost.empty());
}

TEST(ContentSource, ReadsAStreamOfManyBlocksWithAnyNumberOfThreads) {
  const TempFolder folder;
  const std::string bytes = noise(1'500'000);
  const auto path = folder.file("a.bz2", bzip2_compress(bytes, 1));
  for (const unsigned threads : {1u, 2u, 3u, 8u}) {
    const auto content = read_content(path, {.threads = threads});
    EXPECT_TRUE(content.bytes == bytes) << threads;
    EXPECT_TRUE(content.lost.empty()) << threads;
    EXPECT_FALSE(content.ends_in_damage);
  }
}

TEST(ContentSource, ReadsEveryLevel) {
  const TempFolder folder;
  const std::string bytes = datagrams(3000, 30);
  for (int level = 1; level <= 9; ++level) {
    const auto content = read_content(folder.file("a.bz2", bzip2_compress(bytes, level)));
    EXPECT_TRUE(content.bytes == bytes) << level;
    EXPECT_TRUE(content.lost.empty()) << level;
  }
}

TEST(ContentSource, ContinuesAfterTheEndOfAStream) {
  const TempFolder folder;
  const std::string file = bzip2_compress("one ") + bzip2_compress("") + bzip2_compress(noise(250'000), 1) + bzip2_compress("") +
                           bzip2_compress(" two", 3);
  for (const unsigned threads : {1u, 4u}) {
    const auto content = read_content(folder.file("a.bz2", file), {.threads = threads});
    EXPECT_TRUE(content.bytes == "one " + noise(250'000) + " two");
    EXPECT_TRUE(content.lost.empty());
  }
}

TEST(ContentSource, AnEmptyStreamIsSound) {
  const TempFolder folder;
  const auto content = read_content(folder.file("a.bz2", bzip2_compress("")));
  EXPECT_EQ(content.bytes, "");
  EXPECT_TRUE(content.lost.empty());
}

TEST(ContentSource, RecognisesBzip2ByItsFirstBytes) {
  const TempFolder folder;
  EXPECT_EQ(read_content(folder.file("a.dat", bzip2_compress("content"))).bytes, "content");
}

TEST(ContentSource, AnEmptyFileIsDamage) {
  const TempFolder folder;
  for (const char* name : {"a.bz2", "a.dat"}) {
    const auto content = read_content(folder.file(name, ""));
    EXPECT_EQ(content.bytes, "");
    ASSERT_EQ(content.lost.size(), 1u) << name;
    EXPECT_EQ(content.lost[0].reason, "the file is empty");
    EXPECT_TRUE(content.ends_in_damage);
  }
}

TEST(ContentSource, ABz2FileWithoutAStreamIsDamage) {
  const TempFolder folder;
  const auto content = read_content(folder.file("a.bz2", noise(10'000)));
  EXPECT_EQ(content.bytes, "");
  ASSERT_EQ(content.lost.size(), 1u);
  EXPECT_EQ(content.lost[0].from, 0u);
  EXPECT_EQ(content.lost[0].to, 10'000u);
  EXPECT_EQ(content.lost[0].reason, "no bzip2 stream in the file");
}

TEST(ContentSource, AHeaderAloneIsDamage) {
  const TempFolder folder;
  const auto content = read_content(folder.file("a.bz2", "BZh9"));
  EXPECT_EQ(content.lost.size(), 1u);
  EXPECT_TRUE(content.ends_in_damage);
}

TEST(ContentSource, AMissingFileAndAFolderAreReportedAsMissing) {
  const TempFolder folder;
  auto none = open_content(folder.path() / "none.bz2");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::missing);
  auto a_folder = open_content(folder.path());
  ASSERT_FALSE(a_folder);
  EXPECT_EQ(a_folder.error().code, Code::missing);
}

TEST(ContentSource, ReportsBytesAfterTheLastStream) {
  const TempFolder folder;
  const std::string file = bzip2_compress("content");
  const auto content = read_content(folder.file("a.bz2", file + "trailing"));
  EXPECT_EQ(content.bytes, "content");
  ASSERT_EQ(content.lost.size(), 1u);
  EXPECT_EQ(content.lost[0].from, file.size());
  EXPECT_EQ(content.lost[0].to, file.size() + 8);
  EXPECT_EQ(content.lost[0].reason, "trailing bytes that are not bzip2");
}

TEST(ContentSource, AFileTruncatedWhileItIsReadIsDamage) {
  const TempFolder folder;
  const std::string bytes = noise(4'000'000);
  for (const bool compressed : {false, true}) {
    const auto path = folder.file(compressed ? "a.bz2" : "a.dat", compressed ? bzip2_compress(bytes, 1) : bytes);
    auto source = open_content(path);
    ASSERT_TRUE(source);
    auto first = (*source)->next();
    ASSERT_TRUE(first && *first);
    std::filesystem::resize_file(path, 1'000'000);
    while (true) {
      auto chunk = (*source)->next();
      ASSERT_TRUE(chunk);
      if (!*chunk) break;
    }
    EXPECT_FALSE((*source)->sound());
    EXPECT_TRUE((*source)->ends_in_damage());
    EXPECT_LT((*source)->content_bytes(), bytes.size());
  }
}

TEST(ContentSource, StopsADecompressionBomb) {
  const TempFolder folder;
  const std::string zeros(200'000'000, '\0');
  const std::string file = bzip2_compress(zeros);
  ASSERT_LT(file.size(), 1000u);
  for (const unsigned threads : {1u, 4u}) {
    const auto content = read_content(folder.file("a.bz2", file), {.threads = threads});
    EXPECT_LE(content.bytes.size(), std::size_t{4} << 20);
    ASSERT_EQ(content.lost.size(), 1u);
    EXPECT_EQ(content.lost[0].to, file.size());
    EXPECT_NE(content.lost[0].reason.find("output limit"), std::string::npos);
    EXPECT_TRUE(content.ends_in_damage);
  }
  // Within the limit the same file is valid.
  const auto content = read_content(folder.file("a.bz2", file), {.threads = 4, .output_ratio = 10'000'000});
  EXPECT_TRUE(content.bytes == zeros);
  EXPECT_TRUE(content.lost.empty());
}

TEST(ContentSource, ReturnsTheBlocksWithinTheOutputLimit) {
  const TempFolder folder;
  const std::string bytes = noise(400'000);
  const auto path = folder.file("a.bz2", bzip2_compress(bytes, 1));
  const auto content = read_content(path, {.output_floor = 0, .output_limit = 250'000});
  EXPECT_GE(content.bytes.size(), 100'000u);
  EXPECT_LE(content.bytes.size(), 250'000u);
  EXPECT_TRUE(bytes.starts_with(content.bytes));
  EXPECT_EQ(content.lost.size(), 1u);
}

TEST(AddLost, JoinsAdjacentRangesAndLimitsTheirNumber) {
  std::vector<task::ByteRange> lost;
  add_lost(lost, 0, 10, "a");
  add_lost(lost, 10, 20, "a");
  add_lost(lost, 20, 30, "b");
  ASSERT_EQ(lost.size(), 2u);
  EXPECT_EQ(lost[0].to, 20u);
  for (std::uint64_t i = 0; i < 5000; ++i) add_lost(lost, 100 + 2 * i, 101 + 2 * i, "c");
  EXPECT_EQ(lost.size(), 1024u);
  EXPECT_EQ(lost.back().to, 100 + 2 * 4999 + 1u);
}

}  // namespace
}  // namespace mole::runtime::test
