#include "runtime/decode/bzip2_writer.hpp"
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace mole::runtime::test {
namespace {

constexpr std::uint32_t hour = 1190487600;

FlowFile decode(const std::string& bytes, TimeRange covers = {}) {
  const TempFolder folder;
  return read_flows(folder.file("a.dat", bytes), covers);
}

TEST(NetFlow5, ReadsEveryColumn) {
  const TempFolder folder;
  Datagram datagram{.sequence = 77, .count = 1, .sampling = 0x4000 | 1000};
  auto source = open_content(folder.file("a.dat", datagram.bytes()));
  FlowReader reader(task::File{}, std::move(*source), &netflow5(), nullptr, ColumnSet().set(), 19991);
  FlowBatch batch;
  ASSERT_TRUE(*reader.next(batch));
  ASSERT_EQ(batch.rows, 1u);
  EXPECT_EQ(batch.address_family, 4u);
  EXPECT_EQ(batch.column<std::int64_t>(MOLE_COLUMN_START)[0], (std::int64_t{hour} - 1000) * 1'000'000);
  EXPECT_EQ(batch.column<std::int64_t>(MOLE_COLUMN_END)[0], (std::int64_t{hour} - 500) * 1'000'000);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_SRC_ADDR)[0], 0x0a000001u);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_DST_ADDR)[0], 0xc0000201u);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_NEXT_HOP)[0], 0x0a0000feu);
  EXPECT_EQ(batch.column<std::uint16_t>(MOLE_COLUMN_SRC_PORT)[0], 77);
  EXPECT_EQ(batch.column<std::uint16_t>(MOLE_COLUMN_DST_PORT)[0], 443);
  EXPECT_EQ(batch.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL)[0], 6);
  EXPECT_EQ(batch.column<std::uint64_t>(MOLE_COLUMN_PACKETS)[0], 7u);
  EXPECT_EQ(batch.column<std::uint64_t>(MOLE_COLUMN_BYTES)[0], 1000u);
  EXPECT_EQ(batch.column<std::uint16_t>(MOLE_COLUMN_TCP_FLAGS)[0], 0x12);
  EXPECT_EQ(batch.column<std::uint8_t>(MOLE_COLUMN_TOS)[0], 8);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_SRC_AS)[0], 64500u);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_DST_AS)[0], 65000u);
  EXPECT_EQ(batch.column<std::uint8_t>(MOLE_COLUMN_SRC_MASK)[0], 24);
  EXPECT_EQ(batch.column<std::uint8_t>(MOLE_COLUMN_DST_MASK)[0], 16);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_IN_IF)[0], 3u);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_OUT_IF)[0], 4u);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_SAMPLING)[0], 1000u);
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_ROUTER)[0], 19991u);
  EXPECT_FALSE(*reader.next(batch));
}

TEST(NetFlow5, UnsampledFlowsHaveSamplingIntervalOne) {
  const TempFolder folder;
  auto source = open_content(folder.file("a.dat", Datagram{}.bytes()));
  FlowReader reader(task::File{}, std::move(*source), &netflow5(), nullptr, ColumnSet().set(MOLE_COLUMN_SAMPLING), 0);
  FlowBatch batch;
  ASSERT_TRUE(*reader.next(batch));
  EXPECT_EQ(batch.column<std::uint32_t>(MOLE_COLUMN_SAMPLING)[0], 1u);
  EXPECT_EQ(batch.columns[MOLE_COLUMN_BYTES], nullptr) << "a column that was not requested";
}

TEST(NetFlow5, TimesAreCorrectAcrossAWrapOfSysUptime) {
  // 5000 ms after the wrap; the flow began 2000 ms before it and ended 1000 ms after it.
  const auto read =
      decode(Datagram{.nanoseconds = 250'999'999, .uptime_ms = 5000, .count = 1, .first_ms = 0u - 2000, .last_ms = 1000}.bytes());
  ASSERT_EQ(read.flows.size(), 1u);
  EXPECT_TRUE(read.flows[0].ends_with(",1190487593250,1190487596250")) << read.flows[0];
}

TEST(NetFlow5, AFlowMayBeginJustAfterItsDatagram) {
  const auto read = decode(Datagram{.uptime_ms = 5000, .count = 1, .first_ms = 5003, .last_ms = 5003}.bytes());
  ASSERT_EQ(read.flows.size(), 1u);
  EXPECT_TRUE(read.flows[0].ends_with(",1190487600003,1190487600003")) << read.flows[0];
}

// As nfdump computes them.
TEST(NetFlow5, AFlowMayBeAsOldAsTheClockAllows) {
  constexpr std::uint32_t day = 86'400'000;
  for (const std::uint32_t days : {0u, 1u, 24u, 25u, 30u, 40u, 49u}) {
    const Datagram datagram{.uptime_ms = 40 * day, .count = 1, .first_ms = (40 - days) * day, .last_ms = 40 * day - 500};
    const auto read = decode(datagram.bytes());
    ASSERT_EQ(read.flows.size(), 1u);
    const std::int64_t start = (std::int64_t{hour} - days * std::int64_t{86'400}) * 1000, end = std::int64_t{hour} * 1000 - 500;
    EXPECT_TRUE(read.flows[0].ends_with("," + std::to_string(start) + "," + std::to_string(end))) << read.flows[0];
  }
}

TEST(NetFlow5, CountsFlowsLostBySequence) {
  Datagram second{.seconds = hour + 1, .sequence = 2 + 10};
  const auto read = decode(Datagram{}.bytes() + second.bytes());
  EXPECT_EQ(read.report.flows_lost, 10u);
  EXPECT_EQ(read.evidence.count({std::int64_t{hour} * second_us, std::int64_t{hour + 1} * second_us}).received, 2u);
  const auto later = read.evidence.count({std::int64_t{hour + 1} * second_us, std::int64_t{hour + 2} * second_us});
  EXPECT_EQ(later.received, 2u);
  EXPECT_EQ(later.lost, 10u);
  EXPECT_EQ(read.report.state, task::FileState::sound);
}

TEST(NetFlow5, SequenceNumbersWrap) {
  const auto read =
      decode(Datagram{.sequence = 0u - 1}.bytes() + Datagram{.sequence = 1}.bytes() + Datagram{.sequence = 6}.bytes());
  EXPECT_EQ(read.report.flows_lost, 3u);
}

TEST(NetFlow5, EachEngineHasItsOwnSequence) {
  std::string bytes;
  for (std::uint32_t i = 0; i < 10; ++i)
    for (std::uint16_t engine : {0x0001, 0x0100}) bytes += Datagram{.sequence = i * 2 + engine * 1000u, .engine = engine}.bytes();
  EXPECT_EQ(decode(bytes).report.flows_lost, 0u);
}

// Two exporters of one engine number, their datagrams in turn.
TEST(NetFlow5, ExportersOfOneFileHaveTheirOwnSequences) {
  struct Case {
    std::uint32_t sequence, uptime_ms;  // of the second exporter
    const char* what;
  };
  for (const Case& c :
       {Case{400'000, 3'000'000, "another boot time"}, Case{3'100'000, 90'000'000, "a boot time and a near sequence"},
        Case{400'000, 10'000'000, "the same boot time"}, Case{500'000'000, 10'001'000, "a boot time a second apart"},
        Case{400'000, 0, "no boot time"}, Case{3'000'100, 10'000'000, "the same boot time and a near sequence"},
        Case{2'999'000, 10'002'000, "a boot time two seconds apart and a near sequence"}}) {
    std::string bytes;
    Datagram a{.sequence = 3'000'000, .count = 5}, b{.uptime_ms = c.uptime_ms, .sequence = c.sequence, .count = 5};
    for (std::uint32_t i = 0; i < 360; ++i) {
      bytes += a.bytes() + b.bytes();
      for (Datagram* d : {&a, &b}) d->seconds += 10, d->sequence += 5, d->uptime_ms += d->uptime_ms == 0 ? 0 : 10'000;
      if (i == 100) a.sequence += 70;
    }
    const auto read = decode(bytes);
    EXPECT_EQ(read.report.flows_lost, 70u) << c.what;
    EXPECT_EQ(read.report.flows, 3600u);
  }
}

TEST(NetFlow5, ACorrectedClockIsNotLoss) {
  std::string bytes;
  Datagram d;
  for (std::uint32_t i = 0; i < 100; ++i) {
    if (i == 50) d.seconds += 8 * 3600;
    bytes += d.bytes();
    d.seconds += 1, d.sequence += 2, d.uptime_ms += 1000;
  }
  EXPECT_EQ(decode(bytes).report.flows_lost, 0u);
}

TEST(NetFlow5, ARestartIsNotLoss) {
  const Datagram before{.uptime_ms = 100'000'000, .sequence = 5'000'000};
  for (const std::uint32_t sequence : {0u, 100u, 6'000'000u}) {
    const auto read = decode(before.bytes() + Datagram{.seconds = hour + 300, .uptime_ms = 20'000, .sequence = sequence}.bytes());
    EXPECT_EQ(read.report.flows_lost, 0u) << sequence;
    EXPECT_EQ(read.report.flows, 4u);
  }
}

TEST(NetFlow5, AWrapOfSysUptimeIsNotARestart) {
  const auto read = decode(Datagram{.uptime_ms = 0u - 500, .sequence = 100}.bytes() +
                           Datagram{.seconds = hour + 1, .uptime_ms = 500, .sequence = 112}.bytes());
  EXPECT_EQ(read.report.flows_lost, 10u);
}

TEST(NetFlow5, AReorderedDatagramIsNotLoss) {
  const auto read = decode(Datagram{.sequence = 100}.bytes() + Datagram{.sequence = 104}.bytes() +
                           Datagram{.sequence = 102}.bytes() + Datagram{.sequence = 106}.bytes());
  EXPECT_EQ(read.report.flows_lost, 0u);
  EXPECT_EQ(read.report.flows, 8u);
}

TEST(NetFlow5, AnImplausibleJumpIsNotLoss) {
  const auto read = decode(Datagram{.sequence = 0}.bytes() + Datagram{.sequence = 1'500'000'000}.bytes() +
                           Datagram{.sequence = 1'500'000'002}.bytes());
  EXPECT_EQ(read.report.flows_lost, 0u);
}

TEST(NetFlow5, ATruncatedDatagramAtTheEndIsReported) {
  const std::string bytes = datagrams(3);
  const std::size_t one = Datagram{}.bytes().size();
  for (const std::size_t left : {std::size_t{1}, std::size_t{23}, std::size_t{24}, one - 1}) {
    const auto read = decode(bytes.substr(0, 2 * one + left));
    EXPECT_EQ(read.report.flows, 4u);
    EXPECT_EQ(read.report.state, task::FileState::damaged);
    ASSERT_EQ(read.report.lost_content.size(), 1u);
    EXPECT_EQ(read.report.lost_content[0].from, 2 * one);
    EXPECT_EQ(read.report.lost_content[0].to, 2 * one + left);
  }
}

TEST(NetFlow5, FindsTheNextDatagramAfterUnrelatedBytes) {
  const std::string bytes = datagrams(20, 30);
  const std::size_t one = Datagram{.count = 30}.bytes().size();
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{200'000}}) {
    const auto read = decode(bytes.substr(0, 10 * one) + std::string(size, '\x05') + bytes.substr(10 * one));
    EXPECT_EQ(read.report.flows, 600u) << size;
    ASSERT_EQ(read.report.lost_content.size(), 1u);
    EXPECT_EQ(read.report.lost_content[0].from, 10 * one);
    EXPECT_EQ(read.report.lost_content[0].to, 10 * one + size);
    EXPECT_EQ(read.report.flows_lost, 0u);
  }
}

TEST(NetFlow5, DatagramsWithoutRecordsAreValid) {
  std::string bytes;
  std::uint32_t sequence = 1;
  for (const std::uint16_t count : {0, 5, 0, 0, 5, 0, 5, 0}) {
    bytes += Datagram{.sequence = sequence, .count = count}.bytes();
    sequence += count;
  }
  for (const std::size_t from : {std::size_t{0}, std::size_t{7}}) {  // the second begins inside an empty datagram
    const auto read = decode(bytes.substr(from));
    EXPECT_EQ(read.report.flows, 15u);
    EXPECT_EQ(read.report.datagrams, from == 0 ? 8u : 7u);
    EXPECT_EQ(read.report.flows_lost, 0u);
  }
}

// What is accepted in step is accepted after damage, too.
TEST(NetFlow5, FindsDatagramsWithAnyClockAfterDamage) {
  const auto stream = [](std::int64_t skew, std::uint32_t step, std::uint32_t nanoseconds) {
    std::vector<std::string> out;
    Datagram a{.count = 5, .engine = 1}, b{.nanoseconds = nanoseconds, .count = 5, .engine = 2};
    b.seconds = static_cast<std::uint32_t>(b.seconds + skew);
    for (std::uint32_t i = 0; i < 360; ++i)
      for (Datagram* d : {&a, &b}) {
        out.push_back(d->bytes());
        d->seconds += step, d->uptime_ms += 1000 * step, d->sequence += 5;
      }
    return out;
  };
  for (const auto& s : {stream(0, 10, 0), stream(8 * 3600, 10, 0), stream(-3 * 86'400, 10, 0), stream(-1'190'000'000, 10, 0),
                        stream(0, 7200, 0), stream(0, 10, 4'000'000'000u)}) {
    std::string bytes;
    for (const auto& one : s) bytes += one;
    bytes.erase(20 * s[0].size(), 100);
    const auto read = decode(bytes);
    EXPECT_EQ(read.report.flows, 3595u);
    EXPECT_EQ(read.report.flows_lost, 0u);
    EXPECT_EQ(read.report.state, task::FileState::damaged);
  }
}

TEST(NetFlow5, ADatagramWithMissingBytesDoesNotTakeThemFromTheNext) {
  std::string bytes = datagrams(100, 5);
  const std::size_t one = Datagram{.count = 5}.bytes().size();
  bytes.erase(20 * one + 60, 100);
  const auto read = decode(bytes);
  EXPECT_EQ(read.report.flows, 99u * 5);
  ASSERT_EQ(read.report.lost_content.size(), 1u);
  EXPECT_EQ(read.report.lost_content[0].from, 20 * one);
  EXPECT_EQ(read.report.lost_content[0].to, 21 * one - 100);
  EXPECT_EQ(read.report.flows_lost, 0u);
}

// At the start, in the middle, before the end and where the content source's chunk ends; in the header and in a record.
TEST(NetFlow5, NoRecordMixesTwoDatagrams) {
  const std::size_t one = Datagram{.count = 5}.bytes().size(), chunk = std::size_t{1} << 20;
  for (const std::uint32_t n : {2u, 3u, 3980u}) {
    const std::string whole = datagrams(n, 5);
    const auto sound = decode(whole).flows;
    for (const std::size_t number :
         {std::size_t{0}, std::size_t{1}, n / std::size_t{2}, n - std::size_t{2}, chunk / one - 1, chunk / one}) {
      if (number + 1 >= n) continue;
      for (const auto& [at, size] : {std::pair{10, 20}, {60, 48}, {60, 100}, {100, 163}}) {
        std::string bytes = whole;
        bytes.erase(number * one + static_cast<std::size_t>(at), static_cast<std::size_t>(size));
        auto expected = sound;
        expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(number * 5),
                       expected.begin() + static_cast<std::ptrdiff_t>(number * 5 + 5));
        const auto read = decode(bytes);
        EXPECT_TRUE(read.flows == expected) << size << " bytes cut from datagram " << number << " of " << n;
        EXPECT_EQ(read.report.state, task::FileState::damaged);
        EXPECT_EQ(read.report.flows_lost, 0u);
      }
    }
  }
}

TEST(NetFlow5, FindsADatagramBetweenTwoDamagedOnes) {
  const std::string whole = datagrams(100, 5);
  const std::size_t one = Datagram{.count = 5}.bytes().size();
  for (const std::size_t at : {std::size_t{0}, std::size_t{3}, std::size_t{60}}) {
    std::string bytes = whole;
    bytes.erase(22 * one + at, 100);
    bytes.erase(20 * one + 60, 100);
    EXPECT_EQ(decode(bytes).report.flows, 98u * 5) << at;
  }
}

TEST(NetFlow5, RepeatedDatagramsAreNotLoss) {
  std::vector<std::string> sent;
  Datagram d{.sequence = 500, .count = 5};
  for (int i = 0; i < 40; ++i) {
    sent.push_back(d.bytes());
    d.seconds += 1, d.uptime_ms += 1000, d.sequence += 5;
  }
  std::string bytes;
  for (std::size_t i = 0; i < sent.size(); ++i) bytes += sent[i] + sent[i] + sent[i / 2];
  const auto read = decode(bytes);
  EXPECT_EQ(read.report.flows, 600u);
  EXPECT_EQ(read.report.flows_lost, 0u);
}

TEST(NetFlow5, OvertakenDatagramsAreNotLoss) {
  std::vector<std::string> sent;
  Datagram d{.sequence = 500, .count = 5};
  for (int i = 0; i < 1000; ++i) {
    sent.push_back(d.bytes());
    d.uptime_ms += 10, d.sequence += 5;
    if (i % 100 == 99) d.seconds += 1;
  }
  for (const std::size_t distance : {1u, 2u, 20u}) {
    std::string bytes;
    for (std::size_t i = 0; i < sent.size(); i += 2 * distance)
      for (std::size_t k = 0; k < 2 * distance; ++k)
        bytes += sent[std::min(i + (k + distance) % (2 * distance), sent.size() - 1)];
    EXPECT_EQ(decode(bytes).report.flows_lost, 0u) << distance;
  }
}

// The sequence number begins again, SysUptime does not.
TEST(NetFlow5, LossAfterARestartOfTheSequenceIsCounted) {
  std::string bytes;
  Datagram d{.sequence = 500'000, .count = 5};
  for (int i = 0; i < 40; ++i) {
    if (i == 20) d.sequence = 0;
    if (i == 30) d.sequence += 15;
    bytes += d.bytes();
    d.seconds += 10, d.uptime_ms += 10'000, d.sequence += 5;
  }
  EXPECT_EQ(decode(bytes).report.flows_lost, 15u);
}

TEST(NetFlow5, LossAcrossUnrelatedBytesIsReportedAsDamage) {
  const std::string bytes = datagrams(20, 30);
  const std::size_t one = Datagram{.count = 30}.bytes().size();
  std::string damaged = bytes;
  // Overwrites the end of a datagram, the whole next one and the start of a third.
  std::memset(damaged.data() + 9 * one + 500, 0xee, 2 * one);
  const auto read = decode(damaged);
  // A datagram with a valid header and overwritten records cannot be distinguished from a valid one.
  EXPECT_EQ(read.report.flows, 18u * 30);
  EXPECT_EQ(read.report.flows_lost, 0u);
  EXPECT_EQ(read.report.state, task::FileState::damaged);
}

TEST(NetFlow5, RandomBytesGiveNoFlows) {
  const auto read = decode(noise(1'000'000));
  EXPECT_EQ(read.report.flows, 0u);
  EXPECT_EQ(read.report.state, task::FileState::unreadable);
}

TEST(NetFlow5, RecognisesAChainOfHeaders) {
  const auto recognises = [](const std::string& bytes) {
    return netflow5().recognises(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) == 1;
  };
  EXPECT_TRUE(recognises(datagrams(3)));
  EXPECT_TRUE(recognises(datagrams(100, 30).substr(0, 4096)));
  EXPECT_FALSE(recognises(""));
  EXPECT_FALSE(recognises(datagrams(1).substr(0, 20)));
  EXPECT_FALSE(recognises(noise(4096)));
  EXPECT_FALSE(recognises(datagrams(1) + noise(500)));
}

// Every datagram inside undamaged blocks is decoded, whatever happens to the others.
TEST(NetFlow5, DamagedBlocksLoseOnlyTheirOwnDatagrams) {
  const TempFolder folder;
  std::string content;
  Datagram d{.count = 30};
  std::mt19937_64 random(3);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = d.bytes();
    for (std::size_t r = 24; r < bytes.size(); r += 48)  // incompressible addresses
      for (std::size_t b = 0; b < 24; ++b) bytes[r + b] = static_cast<char>(random() & 0xff);
    content += bytes;
    d.sequence += 30;
    d.seconds += 1;
    d.uptime_ms += 1000;
  }
  const std::string file = bzip2_compress(content, 1);
  const auto whole =
      read_flows(folder.file("a.dat.bz2", file), {std::int64_t{hour} * second_us, std::int64_t{hour + 1000} * second_us});
  ASSERT_EQ(whole.flows.size(), 30'000u);
  ASSERT_EQ(whole.report.readable.size(), 1u);
  std::string damaged = file;
  for (std::size_t i = 0; i < 16; ++i) damaged[file.size() / 2 + i] = static_cast<char>(~damaged[file.size() / 2 + i]);
  const auto read =
      read_flows(folder.file("b.dat.bz2", damaged), {std::int64_t{hour} * second_us, std::int64_t{hour + 1000} * second_us});
  EXPECT_EQ(read.report.state, task::FileState::damaged);
  EXPECT_EQ(read.report.flows_lost, 0u) << "lost in damage, not by the network";
  EXPECT_GT(read.flows.size(), 30'000u - 100'000 / 48 - 100);
  EXPECT_LT(read.flows.size(), 30'000u);
  auto at = whole.flows.begin();
  for (const auto& flow : read.flows) {
    at = std::find(at, whole.flows.end(), flow);
    ASSERT_NE(at, whole.flows.end()) << "not a flow of the file, or out of order";
    ++at;
  }
  ASSERT_EQ(read.report.readable.size(), 2u);
  const auto& readable = read.report.readable;
  EXPECT_EQ(readable[0].from, std::int64_t{hour} * second_us);
  EXPECT_EQ(readable[1].to, std::int64_t{hour + 1000} * second_us);
  const auto missing = static_cast<std::int64_t>(30'000 - read.flows.size()) / 30;  // datagrams, one per second
  EXPECT_EQ(readable[1].from - readable[0].to, (missing + 1) * second_us);
}

}  // namespace
}  // namespace mole::runtime::test
