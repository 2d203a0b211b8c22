// Checks that damage loses only the affected blocks and is reported.
#include "runtime/decode/bzip2_writer.hpp"
#include "runtime/decode/segment_scanner.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace mole::runtime::test {
namespace {

struct Block {
  std::uint64_t from_bit, to_bit;  // in the file; to: start of the next magic
  std::string content;
};

// Returns the blocks of an undamaged file.
std::vector<Block> blocks_of(const std::filesystem::path& path) {
  std::vector<Block> blocks;
  auto file = FileBytes::open(path);
  SegmentScanner scanner(std::move(*file));
  Segment segment;
  while (*scanner.next(segment))
    if (segment.kind == Segment::Kind::block) blocks.push_back({segment.from, segment.to, {}});
  auto source = open_content(path);
  for (auto& block : blocks) {
    auto chunk = (*source)->next();
    block.content.assign(reinterpret_cast<const char*>((*chunk)->bytes.data()), (*chunk)->bytes.size());
  }
  return blocks;
}

// A small file of many blocks: pieces of random bytes, each a separate stream or block.
std::string many_blocks() {
  std::string file;
  for (std::uint64_t i = 0; i < 8; ++i) file += bzip2_compress(noise(600, i) + std::string(2000, static_cast<char>('a' + i)), 1);
  return file + bzip2_compress(noise(230'000, 99), 1);
}

// Returns the content of the blocks that do not overlap the bits [from, to), in order.
std::string undamaged(const std::vector<Block>& blocks, std::uint64_t from_bit, std::uint64_t to_bit) {
  std::string content;
  for (const auto& b : blocks)
    if (b.to_bit <= from_bit || to_bit <= b.from_bit) content += b.content;
  return content;
}

bool is_subsequence_of_blocks(std::string_view content, const std::vector<Block>& blocks) {
  for (const auto& b : blocks)
    if (content.starts_with(b.content)) content.remove_prefix(b.content.size());
  return content.empty();
}

class Bzip2Damage : public ::testing::Test {
 protected:
  TempFolder folder_;
  std::string file_ = many_blocks();
  std::vector<Block> blocks_ = blocks_of(folder_.file("undamaged.bz2", file_));
};

TEST_F(Bzip2Damage, AFlippedByteLosesOnlyItsBlock) {
  const Block& hit = blocks_[9];
  std::string file = file_;
  const std::uint64_t at = (hit.from_bit + hit.to_bit) / 16;
  file[at] = static_cast<char>(file[at] ^ 0xff);
  for (const unsigned threads : {1u, 4u}) {
    const auto content = read_content(folder_.file("a.bz2", file), {.threads = threads});
    EXPECT_TRUE(content.bytes == undamaged(blocks_, at * 8, at * 8 + 8));
    ASSERT_EQ(content.lost.size(), 1u);
    EXPECT_LE(content.lost[0].from, at);
    EXPECT_GT(content.lost[0].to, at);
    ASSERT_EQ(content.gaps.size(), 1u);
    EXPECT_FALSE(content.ends_in_damage);
  }
}

TEST_F(Bzip2Damage, TruncationKeepsEveryCompleteBlock) {
  for (std::size_t size = 0; size < file_.size(); size += 997) {
    const auto content = read_content(folder_.file("a.bz2", file_.substr(0, size)));
    std::string whole;
    for (const auto& b : blocks_)
      if (b.to_bit <= size * 8) whole += b.content;
    EXPECT_TRUE(content.bytes.starts_with(whole)) << size;  // a cut inside the padding may keep one more block
    EXPECT_TRUE(is_subsequence_of_blocks(content.bytes, blocks_)) << size;
    const bool between_streams = content.lost.empty();
    if (!between_streams) {
      EXPECT_TRUE(content.ends_in_damage) << size;
      EXPECT_LE(content.lost.back().to, size);
    } else {
      EXPECT_TRUE(file_.substr(size).starts_with("BZh")) << size;
    }
  }
}

TEST_F(Bzip2Damage, TruncationAtEveryByteIsReported) {
  const std::string small = bzip2_compress("a small file");
  for (std::size_t size = 0; size < small.size(); ++size) {
    const auto content = read_content(folder_.file("a.bz2", small.substr(0, size)));
    EXPECT_FALSE(content.lost.empty()) << size;
    EXPECT_TRUE(content.bytes.empty() || content.bytes == "a small file") << size;
    EXPECT_TRUE(content.ends_in_damage) << size;
  }
}

TEST_F(Bzip2Damage, BitFlipsLoseOnlyTheirBlocks) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string file = file_;
    const std::uint64_t bit = random() % (file.size() * 8);
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ 0x80 >> bit % 8);
    const auto content = read_content(folder_.file("a.bz2", file), {.threads = 1 + static_cast<unsigned>(i % 3)});
    EXPECT_TRUE(is_subsequence_of_blocks(content.bytes, blocks_)) << bit;
    // The block before a damaged magic also ends in damage but is decoded: only the affected block may be missing.
    EXPECT_GE(content.bytes.size(), undamaged(blocks_, bit, bit + 1).size()) << bit;
    if (content.bytes.size() < undamaged(blocks_, 0, 0).size()) {
      EXPECT_FALSE(content.lost.empty()) << bit;
    }
  }
}

TEST_F(Bzip2Damage, ADamagedHeaderLosesNothingButIsReported) {
  std::string file = file_;
  file[1] = 'x';
  const auto content = read_content(folder_.file("a.bz2", file));
  EXPECT_TRUE(content.bytes == undamaged(blocks_, 0, 0));
  ASSERT_EQ(content.lost.size(), 1u);
  EXPECT_EQ(content.lost[0].from, 0u);
  EXPECT_EQ(content.lost[0].to, 4u);
}

TEST_F(Bzip2Damage, AMissingBlockIsDetectedByTheStreamChecksum) {
  // Removes the bytes between the starts of two blocks that begin at the same bit of a byte.
  const std::string bytes = noise(100'000 * 20, 5);
  const std::string file = bzip2_compress(bytes, 1);
  const auto blocks = blocks_of(folder_.file("b.bz2", file));
  for (std::size_t i = 1; i + 1 < blocks.size(); ++i)
    for (std::size_t j = i + 1; j < blocks.size(); ++j) {
      if (blocks[i].from_bit % 8 != 0 || blocks[j].from_bit % 8 != 0) continue;
      const auto content =
          read_content(folder_.file("a.bz2", file.substr(0, blocks[i].from_bit / 8) + file.substr(blocks[j].from_bit / 8)));
      ASSERT_EQ(content.lost.size(), 1u);
      EXPECT_NE(content.lost[0].reason.find("a block may be missing"), std::string::npos);
      return;
    }
  FAIL() << "no two blocks begin at the same bit of a byte; use a different seed";
}

TEST_F(Bzip2Damage, SkipsGarbageBetweenStreams) {
  const std::string file = bzip2_compress("one") + noise(5'000'000, 3) + bzip2_compress("two");
  const auto content = read_content(folder_.file("a.bz2", file));
  EXPECT_EQ(content.bytes, "onetwo");
  ASSERT_FALSE(content.lost.empty());
  EXPECT_EQ(content.lost.front().from, bzip2_compress("one").size());
  ASSERT_EQ(content.gaps.size(), 1u);
  EXPECT_EQ(content.gaps[0], 3u);
}

TEST_F(Bzip2Damage, ReadingAFileOfOnlyMarksTerminates) {
  std::string file = "BZh9";
  for (int i = 0; i < 20'000; ++i) file += std::string("\x31\x41\x59\x26\x53\x59", 6);
  for (int i = 0; i < 20'000; ++i) file += std::string("\x17\x72\x45\x38\x50\x90", 6);
  const auto content = read_content(folder_.file("a.bz2", file), {.threads = 4});
  EXPECT_EQ(content.bytes, "");
  EXPECT_FALSE(content.lost.empty());
  EXPECT_LE(content.lost.size(), 1024u);
}

}  // namespace
}  // namespace mole::runtime::test
