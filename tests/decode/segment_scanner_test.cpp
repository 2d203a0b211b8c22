#include "runtime/decode/segment_scanner.hpp"

#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

#include <random>

namespace mole::runtime::test {
namespace {

void put_magic(std::string& bytes, std::uint64_t bit, std::uint64_t magic) {
  for (unsigned i = 0; i < magic_bits; ++i, ++bit) {
    const auto mask = static_cast<unsigned char>(0x80 >> bit % 8);
    auto b = static_cast<unsigned char>(bytes[bit / 8]);
    b = magic >> (magic_bits - 1 - i) & 1 ? b | mask : b & static_cast<unsigned char>(~mask);
    bytes[bit / 8] = static_cast<char>(b);
  }
}

std::vector<Segment> segments_of(const std::filesystem::path& path) {
  SegmentScanner scanner(std::move(*FileBytes::open(path)));
  std::vector<Segment> segments(1);
  while (*scanner.next(segments.back())) segments.emplace_back();
  segments.pop_back();
  return segments;
}

TEST(SegmentScanner, FindsAMarkAtEveryBitPosition) {
  const TempFolder folder;
  for (std::uint64_t bit = 0; bit < 64; ++bit)
    for (const std::uint64_t magic : {block_magic, end_magic}) {
      std::string bytes(20, '\0');
      put_magic(bytes, bit, magic);
      const auto segments = segments_of(folder.file("a", bytes));
      ASSERT_EQ(segments.size(), bit == 0 ? 1u : 2u) << bit;
      EXPECT_EQ(segments.back().from, bit);
      EXPECT_EQ(segments.back().kind, magic == block_magic ? Segment::Kind::block : Segment::Kind::end_of_stream);
      EXPECT_EQ(segments.back().to, 160u);
      EXPECT_TRUE(segments.back().last);
    }
}

TEST(SegmentScanner, FindsAMarkAtTheEndOfTheFile) {
  const TempFolder folder;
  for (std::uint64_t size = 6; size < 40; ++size) {
    std::string bytes(size, '\0');
    put_magic(bytes, size * 8 - magic_bits, end_magic);
    EXPECT_EQ(segments_of(folder.file("a", bytes)).back().from, size * 8 - magic_bits) << size;
  }
}

TEST(SegmentScanner, FindsAllMarksAcrossItsReads) {
  const TempFolder folder;
  std::mt19937_64 random(1);
  std::string bytes = noise(5'000'000, 2);
  std::vector<std::uint64_t> magics;
  for (std::uint64_t bit = random() % 90'000; bit + magic_bits < bytes.size() * 8; bit += magic_bits + random() % 90'000) {
    put_magic(bytes, bit, magics.size() % 2 == 0 ? block_magic : end_magic);
    magics.push_back(bit);
  }
  const auto segments = segments_of(folder.file("a", bytes));
  ASSERT_EQ(segments.size(), magics.size() + 1);
  for (std::size_t i = 0; i < magics.size(); ++i) {
    EXPECT_EQ(segments[i + 1].from, magics[i]);
    EXPECT_EQ(segments[i].to, magics[i]);
    const auto& s = segments[i];
    EXPECT_TRUE(std::equal(s.bytes.begin(), s.bytes.end(), reinterpret_cast<const std::uint8_t*>(bytes.data()) + s.first_byte()));
    EXPECT_EQ(s.bytes.size(), s.end_byte() - s.first_byte());
  }
}

TEST(SegmentScanner, SplitsSegmentsThatAreTooLongForABlock) {
  const TempFolder folder;
  std::string bytes(12'000'000, '\0');
  put_magic(bytes, 32, block_magic);
  put_magic(bytes, 80'000'003, end_magic);
  const auto segments = segments_of(folder.file("a", bytes));
  std::uint64_t at = 0;
  for (const auto& s : segments) {
    EXPECT_EQ(s.from, at);
    at = s.to;
    EXPECT_LT(s.bytes.size(), SegmentScanner::max_bytes + (std::size_t{2} << 20));
  }
  EXPECT_EQ(at, bytes.size() * 8);
  EXPECT_EQ(segments.back().kind, Segment::Kind::end_of_stream);
  EXPECT_EQ(segments.back().from, 80'000'003u);
}

}  // namespace
}  // namespace mole::runtime::test
