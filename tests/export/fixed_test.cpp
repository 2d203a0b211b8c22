// Streams of NetFlow v1 and v7, written here without code of the decoders.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include <gtest/gtest.h>

#include <random>

namespace mole::testing {
namespace {

struct Record {
  std::uint32_t src = 0x0a000001, dst = 0x0a000002, next_hop = 0x0a0000fe, packets = 3, bytes = 300, first = 1000, last = 2000;
  std::uint16_t in = 1, out = 2, src_port = 1234, dst_port = 80, src_as = 65001, dst_as = 65002;
  std::uint8_t protocol = 6, tos = 8, flags = 0x1b, src_mask = 24, dst_mask = 16;
};

struct Datagram {
  std::uint16_t version = 7;
  std::uint32_t uptime_ms = 10'000, seconds = 1'190'487'600, nanoseconds = 500'000'000, sequence = 0;

  std::string bytes(const std::vector<Record>& records) const {
    std::string out = be(version, 2) + be(records.size(), 2) + be(uptime_ms, 4) + be(seconds, 4) + be(nanoseconds, 4);
    if (version == 7) out += be(sequence, 4) + be(0, 4);
    for (const auto& r : records) {
      out += be(r.src, 4) + be(r.dst, 4) + be(r.next_hop, 4) + be(r.in, 2) + be(r.out, 2) + be(r.packets, 4) + be(r.bytes, 4) +
             be(r.first, 4) + be(r.last, 4) + be(r.src_port, 2) + be(r.dst_port, 2);
      if (version == 1)
        out += be(0, 2) + be(r.protocol, 1) + be(r.tos, 1) + be(r.flags, 1) + std::string(11, '\0');
      else
        out += be(0x55, 1) + be(r.flags, 1) + be(r.protocol, 1) + be(r.tos, 1) + be(r.src_as, 2) + be(r.dst_as, 2) +
               be(r.src_mask, 1) + be(r.dst_mask, 1) + be(0x1234, 2) + be(0x0a0000fd, 4);
    }
    return out;
  }
};

const mole_decoder_v1& decoder_of(int version) { return version == 1 ? netflow1() : netflow7(); }
std::size_t size_of(int version, std::size_t records) { return (version == 1 ? 16 : 24) + 52 * records; }

// Datagrams of `records` flows each, a second apart. `skip`: leaves out these.
std::string stream(int version, std::uint32_t datagrams, std::uint32_t records, std::vector<std::uint32_t> skip = {}) {
  std::string out;
  std::uint32_t flow = 0;
  for (std::uint32_t i = 0; i < datagrams; ++i) {
    Datagram datagram{static_cast<std::uint16_t>(version), 10'000 + i * 1000, 1'190'487'600 + i, 0, flow};
    std::vector<Record> flows;
    for (std::uint32_t r = 0; r < records; ++r, ++flow) {
      Record record{.packets = flow + 1, .bytes = (flow + 1) * 100, .first = 9'000 + i * 1000, .last = 9'500 + i * 1000};
      record.src = 0x0a000000 + flow;
      flows.push_back(record);
    }
    if (std::find(skip.begin(), skip.end(), i) == skip.end()) out += datagram.bytes(flows);
  }
  return out;
}

class FixedStream : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, FixedStream, ::testing::Values(1, 7));

TEST_P(FixedStream, EveryFieldIsRead) {
  const int version = GetParam();
  Record icmp;
  icmp.protocol = 1;
  icmp.dst_port = 3 * 256 + 1;
  const auto d = decode(decoder_of(version), Datagram{static_cast<std::uint16_t>(version)}.bytes({Record(), icmp}));
  ASSERT_EQ(d.flows.size(), 2u);
  EXPECT_TRUE(d.skipped.empty());
  EXPECT_EQ(d.datagrams, (std::vector<Reported>{{1'190'487'600'500'000, 2, 0, false, 0}}));
  const auto& f = d.flows[0];
  EXPECT_EQ(f.family, 4u);
  EXPECT_EQ(f.src, "10.0.0.1");
  EXPECT_EQ(f.dst, "10.0.0.2");
  EXPECT_EQ(f.next_hop, "10.0.0.254");
  EXPECT_EQ(f.start_us, 1'190'487'600'500'000 - 9'000'000);
  EXPECT_EQ(f.end_us, 1'190'487'600'500'000 - 8'000'000);
  const std::map<int, std::uint64_t> expected{{MOLE_COLUMN_IN_IF, 1},
                                              {MOLE_COLUMN_OUT_IF, 2},
                                              {MOLE_COLUMN_PACKETS, 3},
                                              {MOLE_COLUMN_BYTES, 300},
                                              {MOLE_COLUMN_SRC_PORT, 1234},
                                              {MOLE_COLUMN_DST_PORT, 80},
                                              {MOLE_COLUMN_PROTOCOL, 6},
                                              {MOLE_COLUMN_TOS, 8},
                                              {MOLE_COLUMN_TCP_FLAGS, 0x1b},
                                              {MOLE_COLUMN_SAMPLING, 1},
                                              {MOLE_COLUMN_SRC_AS, version == 1 ? 0 : 65001},
                                              {MOLE_COLUMN_DST_AS, version == 1 ? 0 : 65002},
                                              {MOLE_COLUMN_SRC_MASK, version == 1 ? 0 : 24},
                                              {MOLE_COLUMN_DST_MASK, version == 1 ? 0 : 16}};
  for (const auto& [column, value] : expected) EXPECT_EQ(f[column], value) << "column " << column;
  EXPECT_EQ(d.flows[1][MOLE_COLUMN_ICMP_TYPE], 3u);
  EXPECT_EQ(d.flows[1][MOLE_COLUMN_ICMP_CODE], 1u);
}

TEST_P(FixedStream, ChunksMakeNoDifference) {
  const auto bytes = stream(GetParam(), 40, 24);
  const auto once = decode(decoder_of(GetParam()), bytes);
  EXPECT_EQ(once.flows.size(), 960u);
  EXPECT_EQ(once.sum(MOLE_COLUMN_PACKETS), 960u * 961 / 2);
  EXPECT_TRUE(once.skipped.empty());
  EXPECT_EQ(once.lost(), 0u);
  for (const std::size_t chunk : {1u, 7u, 52u, 1000u})
    EXPECT_TRUE(decode(decoder_of(GetParam()), bytes, {.chunk = chunk}) == once);
  for (const std::uint32_t capacity : {30u, 31u, 100u})
    EXPECT_TRUE(decode(decoder_of(GetParam()), bytes, {.capacity = capacity}).flows == once.flows) << capacity;
}

TEST_P(FixedStream, IsRecognisedByItsContent) {
  const auto recognised = [](const mole_decoder_v1& decoder, const std::string& bytes) {
    return decoder.recognises(reinterpret_cast<const std::uint8_t*>(bytes.data()), std::min<std::size_t>(bytes.size(), 4096)) !=
           0;
  };
  const auto bytes = stream(GetParam(), 20, 10);
  EXPECT_TRUE(recognised(decoder_of(GetParam()), bytes));
  EXPECT_TRUE(recognised(decoder_of(GetParam()), bytes.substr(0, 700)));
  EXPECT_FALSE(recognised(decoder_of(8 - GetParam()), bytes));
  EXPECT_FALSE(recognised(netflow9(), bytes));
  EXPECT_FALSE(recognised(decoder_of(GetParam()), bytes.substr(1)));
  EXPECT_FALSE(recognised(decoder_of(GetParam()), ""));
  EXPECT_FALSE(recognised(decoder_of(GetParam()), bytes.substr(0, 10)));
  // A font and numbers begin like a datagram.
  EXPECT_FALSE(recognised(decoder_of(GetParam()),
                          be(GetParam(), 2) + be(0, 2) + be(0x00130100, 4) + be(0x00040030, 4) + be(0x44534947, 4)));
  EXPECT_FALSE(recognised(decoder_of(GetParam()), be(GetParam(), 2) + be(3, 2) + std::string(300, '\0')));
  EXPECT_FALSE(recognised(decoder_of(GetParam()), Datagram{static_cast<std::uint16_t>(GetParam())}.bytes({})));
}

TEST(FixedStream, OfVersion7CountsLossesBySequence) {
  EXPECT_EQ(decode(netflow7(), stream(7, 50, 10, {7, 20, 21})).lost(), 30u);
  EXPECT_EQ(decode(netflow7(), stream(7, 50, 10, {0, 49})).lost(), 0u);
  EXPECT_EQ(decode(netflow1(), stream(1, 50, 10, {7, 20, 21})).lost(), 0u) << "NetFlow v1 has no sequence";
}

// Exporters that a collector stored in one stream are distinguished by their boot times.
TEST(FixedStream, OfVersion7KeepsExportersApart) {
  std::string bytes;
  for (std::uint32_t i = 0; i < 60; ++i) {
    if (i != 20) bytes += Datagram{7, 10'000 + i * 1000, 1'190'487'600 + i, 0, i * 2}.bytes({Record(), Record()});
    if (i != 30 && i != 31)
      bytes += Datagram{7, 50'000'000 + i * 1000, 1'190'487'600 + i, 0, 7'000'000 + i * 3}.bytes(std::vector<Record>(3));
  }
  const auto d = decode(netflow7(), bytes);
  EXPECT_EQ(d.flows.size(), 59u * 2 + 58 * 3);
  EXPECT_EQ(d.lost(), 2u + 6);
  EXPECT_EQ(d.datagrams[0].exporter, 0u);
  EXPECT_EQ(d.datagrams[1].exporter, 1u);
}

TEST(FixedStream, OfVersion7IsNotLostAfterARestartOrALateDatagram) {
  std::string restarted = stream(7, 10, 5);
  for (std::uint32_t i = 0; i < 10; ++i)
    restarted += Datagram{7, 1000 * i + 1, 1'190'488'000 + i, 0, i * 5}.bytes(std::vector<Record>(5));
  EXPECT_EQ(decode(netflow7(), restarted).lost(), 0u);
  const auto one = [](std::uint32_t i) {
    return Datagram{7, 10'000 + i * 10, 1'190'487'600, i * 10'000'000, i * 5}.bytes(std::vector<Record>(5));
  };
  EXPECT_EQ(decode(netflow7(), one(0) + one(2) + one(1) + one(3)).lost(), 0u);
}

TEST_P(FixedStream, AfterDamageTheNextDatagramIsFound) {
  const int version = GetParam();
  const auto whole = stream(version, 60, 20);
  const auto all = decode(decoder_of(version), whole);
  const std::size_t datagram = size_of(version, 20);
  std::mt19937 random(3);
  // Bytes are overwritten, missing, or inserted, inside a datagram or at its start.
  for (const std::size_t at : {std::size_t{0}, datagram, 10 * datagram + 5, 20 * datagram + 400, 58 * datagram + 100})
    for (const std::size_t size : {1u, 13u, 200u, 3000u})
      for (const int kind : {0, 1, 2}) {
        std::string bytes = whole, noise;
        for (std::size_t i = 0; i < size; ++i) noise += static_cast<char>(random());
        if (kind == 0) bytes.replace(at, std::min(size, bytes.size() - at), noise.substr(0, std::min(size, bytes.size() - at)));
        if (kind == 1) bytes.erase(at, size);
        if (kind == 2) bytes.insert(at, noise);
        const auto d = decode(decoder_of(version), bytes);
        const auto touched = 20 * (size / datagram + 3);
        EXPECT_GE(d.flows.size() + touched, all.flows.size()) << at << " " << size << " " << kind;
        EXPECT_LE(d.flows.size(), all.flows.size() + 2) << at << " " << size << " " << kind;
        EXPECT_TRUE(decode(decoder_of(version), bytes, {.chunk = 977}) == d) << at << " " << size << " " << kind;
        std::size_t sound = 0;
        for (const auto& f : d.flows) sound += f[MOLE_COLUMN_BYTES] == f[MOLE_COLUMN_PACKETS] * 100;
        EXPECT_GE(sound + 20 * (size / datagram + 1), d.flows.size());
      }
}

TEST_P(FixedStream, ThatIsCutShortKeepsItsWholeRecords) {
  const int version = GetParam();
  const auto whole = stream(version, 3, 10);
  const std::size_t datagram = size_of(version, 10);
  for (std::size_t size = 0; size <= whole.size(); size += 17) {
    const auto d = decode(decoder_of(version), whole.substr(0, size));
    const std::size_t rest = size % datagram, header = version == 1 ? 16 : 24;
    EXPECT_EQ(d.flows.size(), size / datagram * 10 + (rest > header ? (rest - header) / 52 : 0)) << size;
    EXPECT_EQ(d.skipped.empty(), rest == 0) << size;
  }
}

TEST_P(FixedStream, MissingBytesAtAGapAreDamage) {
  const int version = GetParam();
  const std::size_t datagram = size_of(version, 20);
  auto bytes = stream(version, 60, 20);
  bytes.erase(20 * datagram + 300, 5 * datagram);
  const auto d = decode(decoder_of(version), bytes, {.gaps = {20 * datagram + 300}});
  EXPECT_GE(d.flows.size(), 54u * 20);
  EXPECT_EQ(d.lost(), 0u) << "lost in damage, not in the network";
  EXPECT_FALSE(d.skipped.empty());
}

TEST_P(FixedStream, AcceptsAnyBytes) {
  std::mt19937 random(5);
  const auto whole = stream(GetParam(), 12, 12);
  for (int round = 0; round < 100; ++round) {
    std::string bytes = whole;
    for (int flips = 0; flips < 1 + round % 9; ++flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (round % 3 == 0) bytes.erase(random() % bytes.size(), random() % 80);
    const auto once = decode(decoder_of(GetParam()), bytes);
    EXPECT_TRUE(decode(decoder_of(GetParam()), bytes, {.chunk = 1 + random() % 300}) == once) << round;
  }
}

}  // namespace
}  // namespace mole::testing
