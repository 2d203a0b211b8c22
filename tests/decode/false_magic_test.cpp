// A block whose coded bits contain a block magic by chance: its parts must be joined.
#include "runtime/decode/block_content.hpp"
#include "runtime/decode/block_decoder.hpp"
#include "runtime/decode/bzip2_writer.hpp"
#include "runtime/decode/segment_scanner.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

namespace mole::runtime::test {
namespace {

class Bits {
 public:
  void put(std::uint64_t value, unsigned count) {
    for (unsigned i = count; i-- > 0;) {
      if (size_ % 8 == 0) bytes_.push_back(0);
      if (value >> i & 1) bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | 0x80 >> size_ % 8);
      ++size_;
    }
  }
  std::uint64_t size() const { return size_; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::uint64_t size_ = 0;
};

// Writes a block with a flat Huffman code: the code of symbols 0..253 is their value in 8 bits, so a sequence of symbols
// can contain any bytes. 254 to 257 (257: end of block) have 9 bits.
void put_block(Bits& out, const std::vector<unsigned>& symbols, std::uint32_t checksum) {
  out.put(block_magic, 48);
  out.put(checksum, 32);
  out.put(0, 1);        // not randomised
  out.put(0, 24);       // origin
  out.put(0xffff, 16);  // all byte values are used
  for (int i = 0; i < 16; ++i) out.put(0xffff, 16);
  const unsigned groups = 2, selectors = static_cast<unsigned>(symbols.size() + 1 + 49) / 50;
  out.put(groups, 3);
  out.put(selectors, 15);
  for (unsigned i = 0; i < selectors; ++i) out.put(0, 1);
  for (unsigned g = 0; g < groups; ++g) {
    out.put(8, 5);
    for (unsigned s = 0; s < 258; ++s) {
      if (s == 254) out.put(0b10, 2);  // one bit longer
      out.put(0, 1);
    }
  }
  const auto put_symbol = [&](unsigned s) { s < 254 ? out.put(s, 8) : out.put(508 + s - 254, 9); };
  for (const unsigned s : symbols) put_symbol(s);
  put_symbol(257);
}

// Writes a file with one such block between two normal streams.
std::string file_around(const std::vector<unsigned>& symbols, std::string& content) {
  DecodedBlock block;
  const auto decoder = make_block_decoder(Bzip2Decoder::libbzip2);
  Bits draft;
  put_block(draft, symbols, 0);
  decoder->decode(draft.bytes(), 0, draft.size(), 1'000'000, block);
  // Complete: only the checksum is wrong.
  content.assign(reinterpret_cast<const char*>(block.content.data()), block.content.size());
  const std::uint32_t checksum = bzip2_checksum(block.content.view());

  Bits stream;
  stream.put(0x425a6839, 32);  // "BZh9"
  put_block(stream, symbols, checksum);
  stream.put(end_magic, 48);
  stream.put(checksum, 32);
  return bzip2_compress("before") + std::string(stream.bytes().begin(), stream.bytes().end()) + bzip2_compress("after");
}

std::vector<unsigned> symbols_with(std::initializer_list<std::initializer_list<unsigned>> magics) {
  std::vector<unsigned> symbols;
  for (const auto& magic : magics) {
    for (unsigned i = 0; i < 150; ++i) symbols.push_back(2 + i * 7 % 250);
    symbols.insert(symbols.end(), magic);
  }
  for (unsigned i = 0; i < 150; ++i) symbols.push_back(3 + i * 11 % 250);
  return symbols;
}

constexpr std::initializer_list<unsigned> begins = {0x31, 0x41, 0x59, 0x26, 0x53, 0x59},
                                          ends = {0x17, 0x72, 0x45, 0x38, 0x50, 0x90};

void expect_whole(const std::vector<unsigned>& symbols, std::size_t segments) {
  const TempFolder folder;
  std::string middle;
  const auto path = folder.file("a.bz2", file_around(symbols, middle));
  ASSERT_GT(middle.size(), 100u);
  SegmentScanner scanner(std::move(*FileBytes::open(path)));
  Segment segment;
  std::size_t seen = 0;
  while (*scanner.next(segment)) ++seen;
  ASSERT_EQ(seen, 7 + segments) << "the magics inside the block are at the wrong positions";
  for (const unsigned threads : {1u, 4u}) {
    const auto content = read_content(path, {.threads = threads});
    EXPECT_EQ(content.bytes, "before" + middle + "after");
    EXPECT_TRUE(content.lost.empty());
  }
}

TEST(FalseMagic, ABlockWithoutAFalseMagicIsRead) { expect_whole(symbols_with({}), 0); }
TEST(FalseMagic, ABlockMagicInsideABlockIsJoined) { expect_whole(symbols_with({begins}), 1); }
TEST(FalseMagic, AnEndMagicInsideABlockIsJoined) { expect_whole(symbols_with({ends}), 1); }
TEST(FalseMagic, ThreeMagicsInsideABlockAreJoined) { expect_whole(symbols_with({begins, ends, begins}), 3); }

}  // namespace
}  // namespace mole::runtime::test
