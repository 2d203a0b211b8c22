// Compares the parts of the interleaved block decoder with simple implementations, and the whole decoder with libbzip2.
#include "runtime/decode/block_content.hpp"
#include "runtime/decode/bzip2_writer.hpp"
#include "runtime/decode/interleaved_decoder.hpp"
#include "runtime/decode/segment_scanner.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace mole::runtime::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(HuffmanCode, EqualsASimpleDecoder) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    // Any lengths: complete, incomplete and oversubscribed codes.
    const std::size_t symbols = 3 + random() % 256;
    const unsigned shortest = 1 + random() % 12, span = 1 + random() % (20 - shortest);
    Bytes lengths(symbols);
    for (auto& l : lengths) l = static_cast<std::uint8_t>(shortest + random() % (span + 1));
    HuffmanCode code;
    code.build(lengths);

    Bytes stream(1000 + BitReader::slack);
    for (auto& b : stream) b = static_cast<std::uint8_t>(random());
    BitReader bits(stream.data(), 0, 8000);
    while (bits.position() < 7900) {
      bits.refill();
      // The shortest prefix that is a code. Codes of each length follow those of shorter lengths.
      std::uint64_t first = 0, at = bits.position();
      unsigned expected = HuffmanCode::no_symbol, value = 0, used = 0;
      for (unsigned length = 1; length <= 20 && expected == HuffmanCode::no_symbol; ++length, ++at) {
        value = value << 1 | (stream[at / 8] >> (7 - at % 8) & 1u);
        Bytes of_length;
        std::uint64_t count = 0;
        for (std::size_t s = 0; s < symbols; ++s)
          if (lengths[s] == length && count++ == value - first && value >= first) expected = static_cast<unsigned>(s);
        first = (first + count) << 1;
        used = length;
      }
      const std::uint64_t before = bits.position();
      ASSERT_EQ(code.next(bits), expected);
      if (expected == HuffmanCode::no_symbol) break;
      ASSERT_EQ(bits.position() - before, used);
    }
  }
}

// One symbol at a time and many at once, with the portable and, if available, the AVX2 implementation.
TEST(MoveToFront, MovesTheSymbolToTheFront) {
  std::mt19937_64 random(2);
  for (const bool wide : {false, true})
    for (const std::size_t at_once : {1u, 7u, 2000u}) {
      MoveToFront list(wide);
      Bytes plain(256);
      std::iota(plain.begin(), plain.end(), std::uint8_t{0});
      for (unsigned i = 0; i < 256; ++i) list.set(i, plain[i]);
      Bytes expected;
      std::vector<MtfStep> steps;
      for (unsigned i = 0; i < 20'000; ++i) {
        const auto run = static_cast<std::uint32_t>(random() % 4 ? 0 : random() % 3 ? random() % 40 : random() % 300);
        const unsigned place = i < 256 ? i : random() % (1 + random() % 256);
        steps.emplace_back(run, place);
        expected.insert(expected.end(), run, plain[0]);
        expected.push_back(plain[place]);
        std::rotate(plain.begin(), plain.begin() + place, plain.begin() + place + 1);
      }
      std::array<std::uint32_t, 256> counts{}, expected_counts{};
      for (const auto b : expected) ++expected_counts[b];
      Bytes out(expected.size() + MoveToFront::slack);
      std::size_t size = 0;
      for (std::size_t i = 0; i < steps.size(); i += at_once) {
        const auto some = std::span(steps).subspan(i, std::min(at_once, steps.size() - i));
        const auto written = list.undo(some, out.data() + size, expected.size() - size, counts);
        ASSERT_TRUE(written);
        size += *written;
      }
      out.resize(size);
      EXPECT_TRUE(out == expected);
      EXPECT_EQ(counts, expected_counts);
      EXPECT_EQ(list.front(), plain[0]);
      for (const std::size_t room : {std::size_t{0}, std::size_t{5}, std::size_t{300}}) {
        Bytes little(301 + MoveToFront::slack);
        const std::vector<MtfStep> too_many{{299, 0}, {0, 1}, {0, 2}};
        EXPECT_FALSE(list.undo(too_many, little.data(), room, counts));
      }
    }
}

// Returns the last column and the origin of the sorted rotations, by definition.
std::pair<Bytes, std::uint32_t> sorted_rotations(const Bytes& text) {
  std::vector<std::uint32_t> rotation(text.size());
  std::iota(rotation.begin(), rotation.end(), 0u);
  Bytes twice = text;
  twice.insert(twice.end(), text.begin(), text.end());
  std::sort(rotation.begin(), rotation.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int order = std::memcmp(&twice[a], &twice[b], text.size());
    return order < 0 || (order == 0 && a < b);
  });
  Bytes column;
  for (const auto r : rotation) column.push_back(twice[r + text.size() - 1]);
  return {column, static_cast<std::uint32_t>(std::find(rotation.begin(), rotation.end(), 0u) - rotation.begin())};
}

void expect_inverse(InverseBwt& inverse, const Bytes& text) {
  const auto [column, origin] = sorted_rotations(text);
  std::array<std::uint32_t, 256> counts{};
  for (const auto b : column) ++counts[b];
  Bytes back(text.size());
  inverse.invert(column, counts, origin, back);
  ASSERT_TRUE(back == text) << text.size();
}

TEST(InverseBwt, InvertsTheTransform) {
  InverseBwt inverse;
  std::mt19937_64 random(3);
  for (const unsigned values : {1u, 2u, 4u, 256u})
    for (const std::size_t size : {1u, 2u, 3u, 63u, 64u, 65u, 127u, 128u, 1000u, 1024u, 1025u, 5000u, 40'000u}) {
      Bytes text(size);
      if (values == 1 && size > 5000) continue;  // sorting equal bytes is slow
      for (auto& b : text) b = static_cast<std::uint8_t>(random() % values * 77);
      expect_inverse(inverse, text);
    }
}

TEST(InverseBwt, InvertsPeriodicInput) {
  InverseBwt inverse;
  for (const std::size_t period : {1u, 2u, 3u, 64u, 100u, 1111u})
    for (const std::size_t times : {2u, 3u, 10u, 40u}) {
      Bytes text;
      const auto word = noise(period, period);
      for (std::size_t i = 0; i < times; ++i) text.insert(text.end(), word.begin(), word.end());
      expect_inverse(inverse, text);
    }
}

// Columns and origins that are not the result of a sort: the walk still ends after n steps from the origin, as in libbzip2.
TEST(InverseBwt, TerminatesForAnyColumn) {
  InverseBwt inverse;
  std::mt19937_64 random(4);
  for (int round = 0; round < 200; ++round) {
    Bytes column(1 + random() % 20'000);
    const unsigned values = 1 + random() % 256;
    for (auto& b : column) b = static_cast<std::uint8_t>(random() % values);
    const auto origin = static_cast<std::uint32_t>(random() % column.size());
    std::array<std::uint32_t, 256> counts{}, at{};
    for (const auto b : column) ++counts[b];
    std::exclusive_scan(counts.begin(), counts.end(), at.begin(), 0u);
    std::vector<std::uint32_t> next(column.size());
    for (std::uint32_t i = 0; i < column.size(); ++i) next[at[column[i]]++] = i;
    Bytes plain;
    for (std::uint32_t row = next[origin]; plain.size() < column.size(); row = next[row]) plain.push_back(column[row]);
    Bytes text(column.size());
    inverse.invert(column, counts, origin, text);
    ASSERT_TRUE(text == plain) << round;
  }
}

// A simple implementation, byte by byte.
std::optional<Bytes> expanded(std::span<const std::uint8_t> text, std::size_t limit) {
  Bytes out;
  std::size_t run = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    run = run > 0 && text[i] == out.back() ? run + 1 : 1;
    out.push_back(text[i]);
    if (run < 4) continue;
    if (++i == text.size()) return std::nullopt;
    out.insert(out.end(), text[i], text[i - 1]);
    run = 0;
  }
  if (out.size() > limit) return std::nullopt;
  return out;
}

TEST(RunLength, EqualsASimpleImplementation) {
  std::mt19937_64 random(5);
  OutputBytes out;
  for (int round = 0; round < 20'000; ++round) {
    Bytes text(random() % 60);
    const unsigned values = 1 + random() % 3;
    for (auto& b : text) b = static_cast<std::uint8_t>(random() % values);
    for (const std::size_t limit : {std::size_t{1'000'000}, std::size_t{random() % 80}}) {
      const auto expected = expanded(text, limit);
      ASSERT_EQ(expand_runs(text, limit, out), expected.has_value());
      if (expected) {
        ASSERT_TRUE(std::equal(expected->begin(), expected->end(), out.view().begin(), out.view().end()));
      }
    }
  }
  EXPECT_TRUE(expand_runs(Bytes(900'000, 255), 50'000'000, out));
  EXPECT_EQ(out.size(), 180'000u * (4 + 255));
  EXPECT_FALSE(expand_runs(Bytes(900'000, 255), 180'000u * (4 + 255) - 1, out));
}

TEST(Bzip2Checksum, EqualsThePublishedValue) {
  EXPECT_EQ(bzip2_checksum(bytes_of("123456789")), 0xfc891918u);  // CRC-32/BZIP2 in the catalogue of parametrised CRCs
  const std::string text = noise(1000);
  for (std::size_t size = 0; size < 100; ++size) {
    std::uint32_t sum = 0xffffffff;
    for (const std::uint8_t b : bytes_of(text).first(size)) {
      sum ^= static_cast<std::uint32_t>(b) << 24;
      for (int bit = 0; bit < 8; ++bit) sum = sum << 1 ^ (sum >> 31 ? 0x04c11db7u : 0);
    }
    ASSERT_EQ(bzip2_checksum(bytes_of(text).first(size)), ~sum);
  }
}

// Various inputs, each as a separate stream at levels 1 and 9: no block may need libbzip2.
TEST(InterleavedDecoder, DecodesTheOutputOfBzip2) {
  std::string repeated, few, long_runs;
  for (int i = 0; i < 40'000; ++i) repeated += "abcabcabd";
  std::mt19937_64 random(6);
  for (int i = 0; i < 300'000; ++i) few += static_cast<char>('a' + random() % 3 * random() % 2);
  for (int i = 0; i < 3000; ++i) long_runs += std::string(random() % 2000, static_cast<char>(random() % 3));
  const TempFolder folder;
  InterleavedDecoder decoder, narrow(false);
  const auto reference = make_block_decoder(Bzip2Decoder::libbzip2);
  for (const std::string& text : {std::string("a"), std::string("aaaa"), std::string(255, 'x'), std::string(5'000'000, '\0'),
                                  noise(2'000'000), repeated, few, long_runs, datagrams(2000, 30)})
    for (const int level : {1, 9}) {
      SegmentScanner scanner(std::move(*FileBytes::open(folder.file("a.bz2", bzip2_compress(text, level)))));
      Segment segment;
      DecodedBlock actual, expected;
      while (*scanner.next(segment)) {
        if (segment.kind != Segment::Kind::block) continue;
        const unsigned first = segment.from % 8;
        const std::uint64_t bits = segment.to - segment.from;
        ASSERT_TRUE(decoder.decode_whole(segment.bytes, first, bits, 50'000'000, actual));
        reference->decode(segment.bytes, first, bits, 50'000'000, expected);
        ASSERT_TRUE(std::ranges::equal(actual.content.view(), expected.content.view()));
        ASSERT_EQ(actual.checksum, expected.checksum);
        ASSERT_TRUE(narrow.decode_whole(segment.bytes, first, bits, 50'000'000, actual));
        ASSERT_TRUE(std::ranges::equal(actual.content.view(), expected.content.view()));
        // One byte less than required is too little for both decoders.
        const std::size_t limit = expected.content.size() - 1;
        ASSERT_FALSE(decoder.decode_whole(segment.bytes, first, bits, limit, actual));
        decoder.decode(segment.bytes, first, bits, limit, actual);
        ASSERT_EQ(actual.outcome, DecodedBlock::Outcome::too_large);
      }
    }
}

// A damaged block that ends inside a run: libbzip2's result depends on the size of its output buffer.
TEST(InterleavedDecoder, TheResultDoesNotDependOnTheBufferSize) {
  const Bytes block = {0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x39, 0x3f, 0x16, 0x65, 0x00, 0x00, 0xd6,
                       0x01, 0x00, 0x38, 0x00, 0x20, 0x00, 0x50, 0x66, 0x04, 0xd5, 0x34, 0xea, 0x24,
                       0x4a, 0x9f, 0x80, 0xb4, 0x9e, 0x50, 0x1c, 0x81, 0x07, 0x99, 0x56, 0xa6, 0x58};
  for (const auto kind : {Bzip2Decoder::libbzip2, Bzip2Decoder::interleaved})
    for (std::uint64_t bits = block.size() * 8 - 8; bits <= block.size() * 8; ++bits) {
      DecodedBlock small_buffer, large_buffer;
      large_buffer.content.reserve(4 << 20);
      make_block_decoder(kind)->decode(block, 0, bits, 1 << 20, small_buffer);
      make_block_decoder(kind)->decode(block, 0, bits, 1 << 20, large_buffer);
      EXPECT_EQ(small_buffer.outcome, large_buffer.outcome);
      EXPECT_TRUE(std::ranges::equal(small_buffer.content.view(), large_buffer.content.view())) << bits << " bits";
    }
}

}  // namespace
}  // namespace mole::runtime::test
