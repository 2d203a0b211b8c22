// Files of gzip, xz, zstd, lz4, lzma and lzip streams: whole, damaged, hostile.
#include "runtime/decode/compressed_source.hpp"

#include "runtime/decode/compressor.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>
#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <random>

namespace mole::runtime::test {
namespace {

using namespace std::string_literals;

// Returns the low bytes of a number, least significant first.
std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value & 0xff);
  return out;
}

std::string lzma_compress(std::string_view bytes) {
  lzma_options_lzma options;
  lzma_stream stream = LZMA_STREAM_INIT;
  if (::lzma_lzma_preset(&options, 1) || ::lzma_alone_encoder(&stream, &options) != LZMA_OK) throw std::bad_alloc();
  std::string out(bytes.size() + bytes.size() / 2 + 1000, '\0');
  stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = out.size();
  if (::lzma_code(&stream, LZMA_FINISH) != LZMA_STREAM_END) throw std::bad_alloc();
  out.resize(stream.total_out);
  ::lzma_end(&stream);
  return out;
}

// The data of an .lzma file between a different header and a trailer.
std::string lzip_compress(std::string_view bytes) {
  const auto checksum = ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
  const std::string data =
      "LZIP\x01\x14" + lzma_compress(bytes).substr(13) + little_endian(checksum, 4) + little_endian(bytes.size(), 8);
  return data + little_endian(data.size() + 8, 8);
}

struct Format {
  const char* name;
  std::string (*compress)(std::string_view bytes);
  bool repeats, skippable;
};

class CompressedFile : public ::testing::TestWithParam<Format> {
 protected:
  static std::string compressed(std::string_view bytes) { return GetParam().compress(bytes); }
  Content read(const std::string& file, const ContentOptions& options = {}) {
    return read_content(folder_.file("a.dat", file), options);
  }
  TempFolder folder_;
};

template <Compression c>
std::string with(std::string_view bytes) {
  return compress(bytes, c);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, CompressedFile,
    ::testing::Values(Format{"gzip", with<Compression::gzip>, true, false}, Format{"xz", with<Compression::xz>, true, false},
                      Format{"zstd", with<Compression::zstd>, true, true}, Format{"lz4", with<Compression::lz4>, true, true},
                      Format{"lzip", lzip_compress, true, false}, Format{"lzma", lzma_compress, false, false}),
    [](const auto& info) { return info.param.name; });

std::string skippable(std::string_view bytes, char number = 0) {
  return static_cast<char>(0x50 + number) + "\x2a\x4d\x18"s + little_endian(bytes.size(), 4) + std::string(bytes);
}

TEST_P(CompressedFile, IsReadUnchanged) {
  for (const auto& bytes : {""s, "a"s, noise(3'000'000), datagrams(3000, 30), std::string(5'000'000, 'a')}) {
    const auto content = read(compressed(bytes));
    EXPECT_TRUE(content.bytes == bytes) << bytes.size();
    EXPECT_TRUE(content.lost.empty()) << bytes.size();
    EXPECT_TRUE(content.gaps.empty());
    EXPECT_FALSE(content.ends_in_damage);
  }
}

TEST_P(CompressedFile, OfSeveralStreamsIsReadToTheEnd) {
  if (!GetParam().repeats) return;  // a file has one stream
  const std::string bytes = datagrams(300, 30);
  const auto content = read(compressed("one ") + compressed("") + compressed(bytes) + compressed("") + compressed(" two"));
  EXPECT_TRUE(content.bytes == "one " + bytes + " two");
  EXPECT_TRUE(content.lost.empty());
}

// Of reads, and of the content that is kept until the checksum is compared.
TEST_P(CompressedFile, GivesTheSameContentForAnySizeOfReads) {
  const std::string bytes = datagrams(40, 30) + noise(3000), tail = noise(400, 2);
  std::string file = compressed(bytes) + (GetParam().repeats ? std::string(16, '\0') + compressed(tail) : "");
  for (const bool damage : {false, true}) {
    if (damage) file[file.size() / 3] = static_cast<char>(file[file.size() / 3] ^ 0x10);
    const auto path = folder_.file("a", file);
    const auto whole = read_content(path);
    const std::size_t most = CompressedSource::max_kept;
    for (const auto& [size, kept] : std::vector<std::pair<std::size_t, std::size_t>>{{1, most},
                                                                                     {2, 0},
                                                                                     {7, 1},
                                                                                     {100, 401},
                                                                                     {4096, 1000},
                                                                                     {100, bytes.size()},
                                                                                     {100, bytes.size() + 1},
                                                                                     {4096, 0},
                                                                                     {4096, most}}) {
      const auto* format = stream_format_of({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()});
      ASSERT_NE(format, nullptr);
      EXPECT_STREQ(std::string(format->name).c_str(), GetParam().name);
      CompressedSource source(std::move(*FileBytes::open(path)), *format, {}, size, kept);
      std::string read;
      while (true) {
        auto chunk = source.next();
        ASSERT_TRUE(chunk);
        if (!*chunk) break;
        read.append(reinterpret_cast<const char*>((*chunk)->bytes.data()), (*chunk)->bytes.size());
      }
      EXPECT_TRUE(read == whole.bytes) << size << " " << kept;
      ASSERT_EQ(source.lost().size(), whole.lost.size()) << size;
      for (std::size_t i = 0; i < whole.lost.size(); ++i) {
        EXPECT_EQ(source.lost()[i].reason, whole.lost[i].reason);
        EXPECT_EQ(source.lost()[i].from, whole.lost[i].from) << kept;
        EXPECT_EQ(source.lost()[i].to, whole.lost[i].to) << kept;
      }
    }
  }
}

TEST_P(CompressedFile, TruncatedAnywhereKeepsItsBeginning) {
  const std::string bytes = datagrams(8, 15);
  const std::string file = compressed(bytes);
  std::size_t longest = 0;
  for (std::size_t size = GetParam().repeats ? 1 : 13; size < file.size(); ++size) {
    const auto content = read(file.substr(0, size));
    ASSERT_TRUE(bytes.starts_with(content.bytes)) << size;
    ASSERT_EQ(content.lost.size(), 1u) << size;
    EXPECT_LE(content.lost[0].from, size);
    EXPECT_EQ(content.lost[0].to, size);
    EXPECT_NE(content.lost[0].reason.find("truncated"), std::string::npos) << content.lost[0].reason;
    EXPECT_NE(content.lost[0].reason.find(GetParam().name), std::string::npos);
    EXPECT_TRUE(content.ends_in_damage) << size;
    longest = std::max(longest, content.bytes.size());
  }
  EXPECT_EQ(longest, bytes.size());
}

TEST_P(CompressedFile, TruncatedInTheMiddleKeepsMuchOfTheContent) {
  const std::string bytes = noise(2'000'000), file = compressed(bytes);
  const auto content = read(file.substr(0, file.size() / 2));
  EXPECT_TRUE(bytes.starts_with(content.bytes));
  EXPECT_GE(content.bytes.size(), bytes.size() / 2 - 200'000);
}

// One flipped bit loses neither the stream before it nor the one after it.
TEST_P(CompressedFile, AFlippedBitIsFound) {
  const std::string before = datagrams(10, 30), bytes = datagrams(200, 30) + noise(500), after = noise(700, 5);
  const bool several = GetParam().repeats;
  const std::string first = several ? compressed(before) : "", middle = compressed(bytes),
                    last = several ? compressed(after) : "";
  const std::string all = (several ? before : "") + bytes + (several ? after : "");
  std::mt19937_64 random(5);
  for (int i = 0; i < 400; ++i) {
    std::string file = first + middle + last;
    // The middle stream; of an .lzma file without its header, which is not protected.
    const std::uint64_t skip = several ? 0 : 13, bit = (first.size() + skip) * 8 + random() % ((middle.size() - skip) * 8);
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ 1 << bit % 8);
    const auto content = read(file);
    if (content.bytes == all) continue;  // a bit of the header without a meaning, or of a checksum
    // No byte that was decoded from damaged bytes is returned, except at the end of an .lzma file, which has no checksum.
    ASSERT_GE(content.bytes.size(), all.size() - bytes.size()) << bit;
    const auto used = content.bytes.size() - (all.size() - bytes.size());
    if (std::string_view(GetParam().name) == "lzma" && used + 2000 > bytes.size()) continue;
    EXPECT_TRUE(content.bytes == all.substr(0, before.size() * several + used) + (several ? after : "")) << bit;
    ASSERT_FALSE(content.lost.empty()) << bit;
    if (several) {
      for (const auto& range : content.lost) {
        EXPECT_GE(range.from, first.size()) << bit;
        EXPECT_LE(range.to, first.size() + middle.size()) << bit;
      }
      EXPECT_FALSE(content.ends_in_damage) << bit;
    }
  }
}

TEST_P(CompressedFile, ReportsBytesThatAreNoStream) {
  const std::string file = compressed("content");
  for (const auto& garbage : {"trailing"s, noise(70'000), std::string(2'000'000, '\0'), "\0\0\0x"s}) {
    const auto content = read(file + garbage);
    EXPECT_TRUE(content.bytes == "content") << content.bytes.size();
    ASSERT_EQ(content.lost.size(), 1u);
    EXPECT_EQ(content.lost[0].from, file.size());
    EXPECT_EQ(content.lost[0].to, file.size() + garbage.size());
    EXPECT_NE(content.lost[0].reason.find("bytes after the end of the "s + GetParam().name + " data"), std::string::npos);
    EXPECT_TRUE(content.ends_in_damage);
  }
}

TEST_P(CompressedFile, MayEndWithZeroBytes) {
  for (const std::size_t size : {1u, 4u, 511u, 4096u, 1u << 20}) {
    const auto content = read(compressed("content") + std::string(size, '\0'));
    EXPECT_EQ(content.bytes, "content");
    EXPECT_TRUE(content.lost.empty()) << size;
    EXPECT_FALSE(content.ends_in_damage);
  }
}

TEST_P(CompressedFile, OfManyPaddedStreamsIsReadOnce) {
  if (!GetParam().repeats) return;  // a file has one stream
  std::string file, expected;
  for (int i = 0; i < 500; ++i) {
    file += compressed(noise(1000)) + '\0';
    expected += noise(1000);
  }
  int reads = 0;
  EXPECT_TRUE(read(file, {.progress = [&] { ++reads; }}).bytes == expected);
  EXPECT_LE(reads, 40);
}

TEST_P(CompressedFile, ContinuesAfterForeignBytes) {
  if (!GetParam().repeats) return;  // a file has one stream
  const std::string one = compressed("one "), two = compressed(" two");
  // The beginning of a stream without the rest is not a stream.
  for (const auto& garbage :
       {noise(5000), std::string(300'000, '\0') + "x", one.substr(0, one.size() / 2) + noise(3000), one.substr(0, 5)}) {
    const auto content = read(one + garbage + two);
    EXPECT_TRUE(content.bytes.starts_with("one ")) << garbage.size();
    EXPECT_TRUE(content.bytes.ends_with(" two")) << garbage.size();
    EXPECT_LE(content.bytes.size(), 500u);  // a library may return some bytes before it notices the damage
    ASSERT_EQ(content.lost.size(), 1u) << garbage.size();
    EXPECT_GE(content.lost[0].from, one.size());
    EXPECT_EQ(content.lost[0].to, one.size() + garbage.size());
    ASSERT_EQ(content.gaps.size(), 1u);
    EXPECT_FALSE(content.ends_in_damage);
  }
}

TEST_P(CompressedFile, StopsAtTheLimitOfTheContent) {
  const std::string file = compressed(std::string(50'000'000, '\0'));
  for (const std::uint64_t limit :
       {std::uint64_t{1}, std::uint64_t{1} << 20, std::uint64_t{10'000'000}, std::uint64_t{49'999'999}}) {
    const auto content = read(file, {.max_content = limit});
    EXPECT_EQ(content.bytes.size(), limit);
    ASSERT_EQ(content.lost.size(), 1u);
    EXPECT_EQ(content.lost[0].to, file.size());
    EXPECT_NE(content.lost[0].reason.find("raise max_content"), std::string::npos);
    EXPECT_TRUE(content.ends_in_damage);
  }
  const auto content = read(file, {.max_content = 50'000'000});
  EXPECT_EQ(content.bytes.size(), 50'000'000u);
  EXPECT_TRUE(content.lost.empty());
}

TEST_P(CompressedFile, ReportsProgress) {
  int calls = 0;
  read(compressed(noise(2'000'000)), {.progress = [&] { ++calls; }});
  EXPECT_GE(calls, 8);
}

TEST_P(CompressedFile, SurvivesRandomBytes) {
  const std::string bytes = datagrams(30, 30), file = compressed(bytes) + (GetParam().repeats ? compressed(noise(300)) : "");
  std::mt19937_64 random(6);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = file;
    const std::size_t at = random() % damaged.size();
    const auto piece = noise(1 + random() % 200, random());
    if (i % 2 == 0)
      damaged.replace(at, piece.size(), piece);
    else
      damaged.insert(at, piece);
    const auto content = read(damaged, {.max_content = 1'000'000});
    EXPECT_LE(content.bytes.size(), 1'000'000u);
    for (const auto& range : content.lost) {
      EXPECT_LE(range.from, range.to);
      EXPECT_LE(range.to, damaged.size());
    }
  }
}

TEST_P(CompressedFile, MayContainSkippableFrames) {
  const std::string one = compressed("one "), two = compressed(" two");
  if (!GetParam().skippable) {
    EXPECT_FALSE(read(one + skippable("abc")).lost.empty());
    return;
  }
  const auto content = read(skippable("") + skippable(noise(1000), 15) + one + skippable("abc") + skippable("") + two +
                            skippable(noise(70'000), 7));
  EXPECT_EQ(content.bytes, "one  two");
  EXPECT_TRUE(content.lost.empty());
  const auto truncated = read(one + skippable("abc").substr(0, 9));
  EXPECT_EQ(truncated.bytes, "one ");
  ASSERT_EQ(truncated.lost.size(), 1u);
  EXPECT_NE(truncated.lost[0].reason.find("truncated"), std::string::npos);
}

TEST(CompressedWindow, IsLimited) {
  const TempFolder folder;
  const std::string bytes = datagrams(2500, 30);
  for (const auto compression : {Compression::xz, Compression::zstd}) {
    const auto path = folder.file("a", compress(bytes, compression) + compress("next", compression));
    const auto content = read_content(path, {.memory = 500'000});
    EXPECT_TRUE(content.bytes == (compression == Compression::zstd ? "next" : "")) << content.bytes.size();
    ASSERT_FALSE(content.lost.empty());
    EXPECT_NE(content.lost[0].reason.find("500000 bytes of memory"), std::string::npos) << content.lost[0].reason;
    EXPECT_TRUE(read_content(path).bytes == bytes + "next");
  }
}

TEST(CompressedChecksum, IsCompared) {
  const TempFolder folder;
  for (const auto compression : {Compression::gzip, Compression::zstd, Compression::lz4}) {
    const std::string one = compress("one ", compression), bytes = datagrams(10, 30);
    std::string middle = compress(bytes, compression);
    const std::size_t at = compression == Compression::gzip ? middle.size() - 8 : middle.size() - 1;
    middle[at] = static_cast<char>(middle[at] ^ 1);
    const auto content = read_content(folder.file("a", one + middle + one));
    EXPECT_TRUE(content.bytes == "one one ");
    ASSERT_EQ(content.gaps.size(), 1u);
    EXPECT_FALSE(content.ends_in_damage);
    EXPECT_TRUE(read_content(folder.file("b", one + middle)).ends_in_damage);
    ASSERT_EQ(content.lost.size(), 1u) << content.lost.size();
    EXPECT_EQ(content.lost[0].from, one.size());
    EXPECT_EQ(content.lost[0].to, one.size() + middle.size());
    EXPECT_NE(content.lost[0].reason.find("checksum"), std::string::npos);
  }
}

TEST(CompressedContent, IsNamedIfCompressedAgain) {
  const TempFolder folder;
  const std::string bytes = datagrams(10, 30);
  for (const auto outer : {Compression::bzip2, Compression::gzip, Compression::zstd})
    for (const auto& [inner, name] : {std::pair{Compression::gzip, "gzip"}, {Compression::xz, "xz"}, {Compression::lz4, "lz4"}}) {
      const auto flows = read_flows(folder.file("a", compress(compress(bytes, inner), outer)));
      EXPECT_EQ(flows.report.state, task::FileState::unreadable);
      ASSERT_EQ(flows.report.lost_content.size(), 1u);
      EXPECT_NE(flows.report.lost_content[0].reason.find("compressed with "s + name + " again"), std::string::npos)
          << flows.report.lost_content[0].reason;
    }
}

TEST(CompressedContent, GivesTheSameFlowsInEveryCompression) {
  const TempFolder folder;
  const std::string bytes = datagrams(500, 30);
  const auto plain = read_flows(folder.file("a", bytes));
  ASSERT_EQ(plain.flows.size(), 15'000u);
  for (const auto& known : name_table<Compression>.names) {
    const auto flows = read_flows(folder.file("a", compress(bytes, known.value)));
    EXPECT_TRUE(flows.flows == plain.flows) << known.name;
    EXPECT_EQ(flows.report.state, task::FileState::sound) << known.name;
  }
}

}  // namespace
}  // namespace mole::runtime::test
