#include <gtest/gtest.h>
#include <mole/byte_source.hpp>

#include <random>
#include <string>
#include <vector>

namespace {

struct Chunk {
  std::string bytes;
  std::uint64_t offset = 0;
  bool gap = false;
};

// A host that returns these chunks, each in separate memory that is freed at the next call.
class Host {
 public:
  explicit Host(std::vector<Chunk> chunks, std::int32_t last = MOLE_END) : chunks_(std::move(chunks)), last_(last) {
    source = {this,
              [](void* self, const std::uint8_t** data, std::uint64_t* size, std::uint64_t* offset,
                 std::int32_t* gap) -> std::int32_t { return static_cast<Host*>(self)->next(data, size, offset, gap); }};
  }
  mole_source source;

 private:
  std::int32_t next(const std::uint8_t** data, std::uint64_t* size, std::uint64_t* offset, std::int32_t* gap) {
    if (at_ == chunks_.size()) return last_;
    const auto& c = chunks_[at_++];
    memory_ = std::vector<std::uint8_t>(c.bytes.begin(), c.bytes.end());
    *data = memory_.data();
    *size = memory_.size();
    *offset = c.offset;
    *gap = c.gap;
    return MOLE_OK;
  }
  std::vector<Chunk> chunks_;
  std::int32_t last_;
  std::size_t at_ = 0;
  std::vector<std::uint8_t> memory_;
};

std::string text(mole::ByteSource::Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

TEST(ByteSource, JoinsChunksIntoRecords) {
  Host host({{"ab", 0}, {"c", 2}, {"defgh", 3}});
  mole::ByteSource in(&host.source);
  EXPECT_EQ(text(in.peek(4)), "abcd");
  EXPECT_EQ(text(in.take(4)), "abcd");
  EXPECT_EQ(in.offset(), 4u);
  EXPECT_EQ(text(in.window(1)), "efgh");
  EXPECT_EQ(text(in.take(5)), "");
  EXPECT_EQ(text(in.peek(5)), "efgh");
  EXPECT_FALSE(in.gap());
  in.skip(4);
  EXPECT_EQ(in.peek(1).size(), 0u);
  EXPECT_EQ(in.offset(), 8u);
}

TEST(ByteSource, DoesNotJoinChunksAcrossAGap) {
  Host host({{"abc", 0}, {"xyz", 100, true}, {"!", 103}});
  mole::ByteSource in(&host.source);
  EXPECT_EQ(text(in.take(2)), "ab");
  EXPECT_EQ(text(in.peek(2)), "c");
  EXPECT_TRUE(in.gap());
  EXPECT_EQ(in.offset(), 2u);
  in.cross_gap();
  EXPECT_FALSE(in.gap());
  EXPECT_EQ(in.offset(), 100u);
  EXPECT_EQ(text(in.take(4)), "xyz!");
  EXPECT_EQ(in.offset(), 104u);
}

TEST(ByteSource, ReportsAGapAtTheStart) {
  Host host({{"abc", 7, true}});
  mole::ByteSource in(&host.source);
  EXPECT_EQ(in.peek(1).size(), 0u);
  EXPECT_TRUE(in.gap());
  in.cross_gap();
  EXPECT_EQ(text(in.take(3)), "abc");
  EXPECT_EQ(in.offset(), 10u);
}

TEST(ByteSource, ForwardsErrorsOfTheHost) {
  Host host({{"abc", 0}}, MOLE_CANCELLED);
  mole::ByteSource in(&host.source);
  EXPECT_EQ(text(in.peek(3)), "abc");
  try {
    in.peek(4);
    FAIL();
  } catch (const mole::Failure& f) {
    EXPECT_EQ(f.error().code, mole::Code::cancelled);
  }
}

// Random chunks read with random peeks, windows and skips give the same bytes at the same offsets.
TEST(ByteSource, GivesTheSameBytesForAnyChunks) {
  std::mt19937 random(1);
  std::string whole(5000, '\0');
  for (auto& c : whole) c = static_cast<char>(random());
  for (int round = 0; round < 200; ++round) {
    std::vector<Chunk> chunks;
    for (std::size_t at = 0; at < whole.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random() % 97, whole.size() - at);
      chunks.push_back({whole.substr(at, n), at, false});
      at += n;
    }
    Host host(chunks);
    mole::ByteSource in(&host.source);
    while (true) {
      const std::size_t wanted = 1 + random() % 300, at = in.offset();
      const auto seen = random() % 2 ? in.peek(wanted) : in.window(wanted);
      ASSERT_EQ(text(seen), whole.substr(at, seen.size()));
      if (seen.empty()) break;
      ASSERT_TRUE(seen.size() >= wanted || at + seen.size() == whole.size());
      in.skip(1 + random() % seen.size());
    }
    ASSERT_EQ(in.offset(), whole.size());
  }
}

}  // namespace
