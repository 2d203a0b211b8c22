#include "runtime/decode/bzip2_writer.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

namespace mole::runtime::test {
namespace {

using namespace std::string_literals;

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

TEST(ContentSource, TheNameDoesNotMatter) {
  const TempFolder folder;
  for (const char* name : {"a.bz2", "a.dat", "a.gz", "a"}) {
    EXPECT_EQ(read_content(folder.file(name, bzip2_compress("content"))).bytes, "content") << name;
    const auto plain = read_content(folder.file(name, noise(10'000)));
    EXPECT_EQ(plain.bytes, noise(10'000)) << name;
    EXPECT_TRUE(plain.lost.empty());
  }
}

TEST(ContentSource, ADamagedHeaderLosesNoContent) {
  const TempFolder folder;
  const std::string bytes = noise(250'000), file = bzip2_compress(bytes, 1);
  for (unsigned bit = 0; bit < 32; ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 0x80 >> bit % 8);
    const auto content = read_content(folder.file("a", damaged));
    EXPECT_TRUE(content.bytes == bytes) << bit;
    EXPECT_TRUE(content.gaps.empty());
    EXPECT_FALSE(content.ends_in_damage);
    if (damaged[3] < '1' || damaged[3] > '9' || bit < 24) {
      ASSERT_EQ(content.lost.size(), 1u) << bit;
      EXPECT_EQ(content.lost[0].to, 4u);
    }
  }
  // Of a later stream.
  std::string two = file + file;
  two[file.size()] = 'X';
  const auto content = read_content(folder.file("a", two));
  EXPECT_TRUE(content.bytes == bytes + bytes);
  ASSERT_EQ(content.lost.size(), 1u);
  EXPECT_EQ(content.lost[0].from, file.size());
}

TEST(ContentSource, FindsBlocksAfterALostBeginning) {
  const TempFolder folder;
  const std::string bytes = noise(450'000), file = bzip2_compress(bytes, 1);
  for (const std::size_t size : {1u, 4u, 5u, 100u, 50'000u}) {
    for (const bool cut : {false, true}) {
      const auto content = read_content(folder.file("a", cut ? file.substr(size) : std::string(size, '\0') + file.substr(size)));
      const bool first = !cut && size <= 4;  // its mark remains at its place
      EXPECT_TRUE(bytes.ends_with(content.bytes)) << size << cut;
      EXPECT_GE(content.bytes.size(), first ? bytes.size() : std::size_t{340'000}) << size << cut;
      EXPECT_FALSE(content.lost.empty());
    }
  }
}

// Flow records can contain the bytes of a mark, too.
TEST(ContentSource, AMarkWithoutABlockIsPlainContent) {
  const TempFolder folder;
  const std::string bytes = noise(1000) + "\x31\x41\x59\x26\x53\x59" + noise(20'000, 2);
  const auto content = read_content(folder.file("a", bytes));
  EXPECT_TRUE(content.bytes == bytes);
  EXPECT_TRUE(content.lost.empty());
}

// The blocks of nfcapd files may be bzip2 streams; the files are read by their decoder.
TEST(ContentSource, AnNfcapdFileWithBzip2BlocksIsPlainContent) {
  const TempFolder folder;
  const auto blocks = bzip2_compress(noise(450'000), 1);
  for (const auto& head : {"\x0c\xa5\x02\x00"s, "\x0c\xa5\x01\x00"s, "\xa5\x0c\x00\x02"s}) {
    const auto file = head + std::string(48, '\1') + blocks;
    const auto content = read_content(folder.file("a", file));
    EXPECT_TRUE(content.bytes == file);
    EXPECT_TRUE(content.lost.empty());
  }
  EXPECT_FALSE(read_content(folder.file("a", "\x0c\xa5\x02\x01"s + std::string(48, '\1') + blocks)).lost.empty());
}

TEST(ContentSource, NamesAnUnsupportedCompression) {
  const TempFolder folder;
  for (const auto& [magic, name] : {std::pair{"\x02\x21\x4c\x18"s, "lz4 in its legacy format"},
                                    {"\x1f\x9d\x90"s, "compress"},
                                    {"\x89LZO\0\r\n\x1a\n"s, "lzop"},
                                    {"a" + std::string(256, '\0') + "ustar"s, "tar -xf"},
                                    {"PK\x03\x04"s, "zip"}}) {
    const auto content = read_content(folder.file("a.bz2", magic + noise(5000)));
    EXPECT_EQ(content.bytes, "");
    ASSERT_EQ(content.lost.size(), 1u) << name;
    EXPECT_EQ(content.lost[0].to, magic.size() + 5000);
    EXPECT_NE(content.lost[0].reason.find(name), std::string::npos) << content.lost[0].reason;
    EXPECT_TRUE(content.ends_in_damage);
  }
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

TEST(ContentSource, ContentMayBeAnyMultipleOfTheFile) {
  const TempFolder folder;
  const std::string zeros(200'000'000, '\0');
  const std::string file = bzip2_compress(zeros);
  ASSERT_LT(file.size(), 1000u);
  const auto content = read_content(folder.file("a.bz2", file), {.threads = 4});
  EXPECT_TRUE(content.bytes == zeros);
  EXPECT_TRUE(content.lost.empty());
}

TEST(ContentSource, StopsAtTheLimitOfTheContent) {
  const TempFolder folder;
  const std::string file = bzip2_compress(std::string(200'000'000, '\0'));
  for (const unsigned threads : {1u, 4u}) {
    const auto content = read_content(folder.file("a.bz2", file), {.threads = threads, .max_content = 100'000'000});
    EXPECT_LE(content.bytes.size(), 100'000'000u);
    EXPECT_GE(content.bytes.size(), 50'000'000u);
    ASSERT_EQ(content.lost.size(), 1u);
    EXPECT_EQ(content.lost[0].to, file.size());
    EXPECT_NE(content.lost[0].reason.find("max_content"), std::string::npos);
    EXPECT_TRUE(content.ends_in_damage);
  }
}

// 900,000 bytes before the block sort: 180,000 runs of four NULs and the byte 255, the longest run of the format.
TEST(ContentSource, ReadsTheLargestBlock) {
  const TempFolder folder;
  const std::string block =
      "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x37\x08\x99\xbf\x00\x00\x00\x00\x00\x80\x00\xa0\x00\x80\x26\x94\x0a\xa4\x21\x13"
      "\x17"
      "\x72\x45\x38\x50\x90\x37\x08\x99\xbf"s;
  const auto content = read_content(folder.file("a.bz2", bzip2_compress("before") + block + bzip2_compress("after")));
  EXPECT_EQ(content.bytes.size(), 6u + 46'620'000 + 5);
  EXPECT_TRUE(content.bytes.ends_with("after"));
  EXPECT_TRUE(content.lost.empty());
}

TEST(ContentSource, MemoryForDecodedBlocksDoesNotChangeTheContent) {
  const TempFolder folder;
  const auto path = folder.file("a.bz2", bzip2_compress(noise(1'500'000), 1));
  for (const std::uint64_t memory : {std::uint64_t{0}, std::uint64_t{1'000'000}})
    EXPECT_TRUE(read_content(path, {.threads = 4, .memory = memory}).bytes == noise(1'500'000));
}

TEST(ContentSource, ReturnsTheBlocksWithinTheLimit) {
  const TempFolder folder;
  const std::string bytes = noise(400'000);
  const auto path = folder.file("a.bz2", bzip2_compress(bytes, 1));
  const auto content = read_content(path, {.max_content = 250'000});
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
