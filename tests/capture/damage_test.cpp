// Damaged, truncated and hostile captures.
#include "tests/capture/support.hpp"

#include "plugins/decoders/pcap/pcap.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace mole::testing {
namespace {

std::string frame(std::uint32_t sequence) { return ethernet(ip(udp(v5_datagram(sequence)))); }

// 20 datagrams of two flows, and where their records begin.
struct Sample {
  std::string bytes;
  std::vector<std::size_t> records;
};
Sample sample(bool ng, bool big) {
  Sample s;
  s.bytes = ng ? section(big) + interface(1, big) : pcap_header({.big = big});
  for (std::uint32_t i = 0; i < 20; ++i) {
    s.records.push_back(s.bytes.size());
    s.bytes += ng ? enhanced(frame(2 * i), big) : pcap_packet(frame(2 * i), 1'700'000'000 + i, {.big = big});
  }
  return s;
}

std::set<std::uint64_t> sequences(const Decoded& read) {
  std::set<std::uint64_t> out;
  for (const auto& flow : read.flows) out.insert(flow[MOLE_COLUMN_SRC_PORT]);
  return out;
}

// A damaged header costs the packets beside it, and no others.
TEST(CaptureDamage, ContinuesAtTheNextPacket) {
  for (const bool ng : {false, true})
    for (const bool big : {false, true})
      for (std::size_t byte = 0; byte < 16; ++byte)
        for (const char value : {'\0', '\x13', '\x80', '\xff'}) {
          Sample s = sample(ng, big);
          const std::size_t at = s.records[7] + byte;
          if (s.bytes[at] == value) continue;
          s.bytes[at] = value;
          const auto read = decode_capture(s.bytes);
          const auto found = sequences(read);
          EXPECT_GE(found.size(), 36u) << ng << big << ' ' << byte << ' ' << int{value};
          EXPECT_TRUE(found.contains(0) && found.contains(39));
          if (found.size() < 40 && !(ng && byte < 4)) EXPECT_FALSE(read.skipped.empty()) << ng << byte;
          // A block of an unknown type is allowed, so its flows seem to be lost.
          if (!(ng && byte < 4)) EXPECT_EQ(read.lost(), 0u) << "lost in damage";
        }
}

TEST(CaptureDamage, BytesThatAreMissingOrInserted) {
  for (const bool ng : {false, true})
    for (const std::size_t size : {1u, 4u, 17u, 100u}) {
      Sample s = sample(ng, false);
      std::string without = s.bytes;
      without.erase(s.records[7] + 30, size);
      const auto read = decode_capture(without);
      EXPECT_GE(sequences(read).size(), 36u) << ng << ' ' << size;
      EXPECT_FALSE(read.skipped.empty());
      std::string with = s.bytes;
      with.insert(s.records[7], std::string(size, 'z'));
      const auto other = decode_capture(with);
      EXPECT_GE(sequences(other).size(), 38u) << ng << ' ' << size;
      EXPECT_FALSE(other.skipped.empty());
    }
}

TEST(CaptureDamage, ContinuesAfterAGapOfTheCompressedFile) {
  for (const bool ng : {false, true}) {
    const Sample s = sample(ng, false);
    const std::size_t border = s.records[7] + 50;
    const std::string bytes = s.bytes.substr(0, border) + s.bytes.substr(s.records[10] + 33);
    const auto read = decode_capture(bytes, {.gaps = {border}});
    EXPECT_EQ(sequences(read).size(), 40u - 8u) << ng;
    EXPECT_FALSE(read.skipped.empty());
    EXPECT_EQ(read.lost(), 0u);
  }
}

TEST(CaptureDamage, TruncatedFilesGiveTheirWholePackets) {
  for (const bool ng : {false, true}) {
    const Sample s = sample(ng, false);
    for (std::size_t size = s.records[18]; size < s.bytes.size(); ++size) {
      const auto read = decode_capture(s.bytes.substr(0, size));
      EXPECT_EQ(read.flows.size(), size < s.records[19] ? 36u : 38u);
      EXPECT_EQ(read.skipped.empty(), size == s.records[18] || size == s.records[19]) << size;
    }
    for (std::size_t size = 0; size < s.records[0]; ++size) EXPECT_TRUE(decode_capture(s.bytes.substr(0, size)).flows.empty());
  }
}

TEST(CaptureDamage, ARegionOfZerosIsReported) {
  for (const bool ng : {false, true}) {
    const auto read = decode_capture(sample(ng, false).bytes + std::string(100'000, '\0'));
    EXPECT_EQ(read.flows.size(), 40u);
    ASSERT_EQ(read.skipped.size(), 1u);
    EXPECT_EQ(read.skipped[0].size, 100'000u);
  }
}

TEST(CaptureDamage, PacketsMayBeYearsApart) {
  std::string bytes = pcap_header();
  for (const std::uint32_t seconds : {1'700'000'000u, 1'500'000'000u, 1'500'000'001u, 1'500'000'002u, 1'700'000'001u})
    bytes += pcap_packet(frame(0), seconds);
  const auto read = decode_capture(bytes);
  EXPECT_EQ(read.datagrams.size(), 5u);
  EXPECT_TRUE(read.skipped.empty());
}

TEST(CaptureDamage, AFileWithoutHeaderIsReported) {
  const auto read = decode_capture(sample(false, false).bytes.substr(24));
  EXPECT_TRUE(read.flows.empty());
  ASSERT_EQ(read.skipped.size(), 1u);
  EXPECT_NE(read.skipped[0].reason.find("header"), std::string::npos);
}

TEST(CaptureDamage, AppendedCapturesAreRead) {
  const auto read =
      decode_capture(sample(false, false).bytes + pcap_header({.big = true, .nanoseconds = true, .link_type = 101}) +
                     pcap_packet(ip(udp(v5_datagram(40))), 1'700'000'100, {.big = true}));
  EXPECT_EQ(read.flows.size(), 42u);
  EXPECT_TRUE(read.skipped.empty());
}

TEST(CaptureDamage, HugeBlocksWithoutPacketsAreSkipped) {
  const Sample s = sample(true, false);
  const auto read = decode_capture(s.bytes.substr(0, s.records[10]) + block(10, std::string(5'000'000, 'k'), false) +
                                   s.bytes.substr(s.records[10]));
  EXPECT_EQ(read.flows.size(), 40u);
  EXPECT_TRUE(read.skipped.empty());
}

TEST(CaptureDamage, RecognisesCapturesOnly) {
  const auto recognises = [](const std::string& bytes) {
    return plugins::Pcap::recognises(std::as_bytes(std::span(bytes.data(), bytes.size())));
  };
  for (const bool big : {false, true}) {
    EXPECT_TRUE(recognises(sample(false, big).bytes));
    EXPECT_TRUE(recognises(sample(true, big).bytes));
    EXPECT_TRUE(recognises(pcap_header({.big = big, .nanoseconds = true})));
  }
  EXPECT_FALSE(recognises(""));
  EXPECT_FALSE(recognises(v5_datagram(0)));
  EXPECT_FALSE(recognises(ipfix_datagram(0, 1)));
  EXPECT_FALSE(recognises(std::string(4096, '\0')));
}

// Property: the size of the chunks and batches makes no difference, whatever the bytes are.
TEST(CaptureDamage, ChunksMakeNoDifference) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 60; ++round) {
    std::string bytes = sample(round % 2 == 1, round % 4 > 1).bytes;
    for (const auto& part : fragments(udp(v5_datagram(40, 30)), 600))
      bytes += round % 2 == 1 ? enhanced(ethernet(part), round % 4 > 1)
                              : pcap_packet(ethernet(part), 1'700'000'030, {.big = round % 4 > 1});
    for (int i = 0; i < round % 5; ++i) {
      const std::size_t at = random() % bytes.size(), size = random() % 40;
      if (random() % 2 == 0)
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
      else
        bytes.erase(at, size);
    }
    std::vector<std::size_t> gaps;
    if (round % 3 == 0) gaps.push_back(1 + random() % (bytes.size() - 1));
    const auto whole = decode_capture(bytes, {.chunk = bytes.size(), .gaps = gaps});
    for (const std::size_t chunk : {1u, 13u, 1000u})
      EXPECT_TRUE(decode_capture(bytes, {.chunk = chunk, .gaps = gaps}) == whole) << round << ' ' << chunk;
    EXPECT_TRUE(decode_capture(bytes, {.gaps = gaps, .capacity = 64}).flows == whole.flows) << round;
  }
}

}  // namespace
}  // namespace mole::testing
