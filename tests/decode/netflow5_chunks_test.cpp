// The netflow5 decoder gives equal flows, losses and messages however the bytes are divided into chunks.
#include "tests/decode/support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

namespace mole::runtime::test {
namespace {

constexpr std::uint32_t hour = 1190487600;
constexpr TimeRange hour_range{std::int64_t{hour} * second_us, std::int64_t{hour + 3600} * second_us};

// Content with gaps: before the byte at each of these positions, bytes are missing.
struct Stream {
  std::string bytes;
  std::vector<std::size_t> gaps;  // sorted
};

// Divides the content into chunks of at most the sizes that `size` returns, and at gaps. Each chunk is a separate copy, so that a
// sanitizer detects reads past its end or after the next call.
class ChunkedSource final : public ContentSource {
 public:
  ChunkedSource(const Stream& stream, std::function<std::size_t()> size)
      : ContentSource(stream.bytes.size()), stream_(stream), size_(std::move(size)) {}

  Result<std::optional<Chunk>> next() override {
    const std::size_t at = content_bytes_;
    if (at == stream_.bytes.size()) return std::optional<Chunk>();
    const auto& gaps = stream_.gaps;
    const auto next_gap = std::upper_bound(gaps.begin(), gaps.end(), at);
    const std::size_t end = std::min(next_gap == gaps.end() ? stream_.bytes.size() : *next_gap, at + size_());
    chunk_ = std::vector<std::uint8_t>(stream_.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                       stream_.bytes.begin() + static_cast<std::ptrdiff_t>(end));
    content_bytes_ = end;
    return std::optional(Chunk{chunk_, at, std::binary_search(gaps.begin(), gaps.end(), at)});
  }

 private:
  const Stream& stream_;
  std::function<std::size_t()> size_;
  std::vector<std::uint8_t> chunk_;
};

FlowFile decode(const Stream& stream, std::function<std::size_t()> size) {
  task::File file;
  file.id = "a.dat";
  file.covers = hour_range;
  return read_flows(std::make_unique<ChunkedSource>(stream, std::move(size)), file);
}
FlowFile decode_whole(const Stream& stream) {
  return decode(stream, [&] { return stream.bytes.size(); });
}

// Everything that a file contributes to results and messages.
std::string outcome(const FlowFile& read) {
  std::string text;
  const auto line = [&](const std::string& name, std::uint64_t value) { text += name + ' ' + std::to_string(value) + '\n'; };
  line("datagrams", read.report.datagrams), line("flows", read.report.flows), line("lost", read.report.flows_lost);
  for (const auto& r : read.report.lost_content)
    text += "skipped " + std::to_string(r.from) + '-' + std::to_string(r.to) + ' ' + r.reason + '\n';
  for (const auto& r : read.report.readable) text += "readable " + std::to_string(r.from) + '-' + std::to_string(r.to) + '\n';
  for (const auto& s : read.evidence.seconds())
    if (s.count.lost > 0) line("lost in second " + std::to_string(s.second), s.count.lost);
  return text;
}

struct Sent {
  std::vector<std::string> datagrams;
  std::uint64_t lost = 0;
};

// Datagrams of up to three exporters within an hour; the network loses and reorders some.
Sent send(std::mt19937& random, std::size_t n, std::size_t max_overtaken, unsigned loss_percent) {
  std::vector<Datagram> exporters;
  for (std::uint32_t i = 0, count = 1 + random() % 3; i < count; ++i)
    exporters.push_back({.uptime_ms = 10'000'000 + i * 7'000'000,
                         .sequence = static_cast<std::uint32_t>(random()),
                         .engine = static_cast<std::uint16_t>(i)});
  Sent sent;
  std::vector<bool> known(exporters.size());
  std::vector<std::uint32_t> pending(exporters.size());
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t e = random() % exporters.size();
    auto& d = exporters[e];
    const auto second = static_cast<std::uint32_t>(i * 3600 / n);
    d.uptime_ms += (hour + second - d.seconds) * 1000, d.seconds = hour + second;
    d.count = static_cast<std::uint16_t>(random() % 4 == 0 ? random() % 31 : 30);
    if (random() % 100 >= loss_percent) {
      sent.datagrams.push_back(d.bytes());
      if (known[e]) sent.lost += pending[e];
      known[e] = true, pending[e] = 0;
    } else {
      pending[e] += d.count;
    }
    d.sequence += d.count;
  }
  for (std::size_t i = 1; max_overtaken > 0 && i + max_overtaken < sent.datagrams.size(); i += 1 + random() % 200) {
    const auto at = sent.datagrams.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(at, at + 1, at + 1 + static_cast<std::ptrdiff_t>(1 + random() % max_overtaken));  // sent first, arrives later
  }
  return sent;
}

std::string joined(const std::vector<std::string>& datagrams) {
  std::string bytes;
  for (const auto& d : datagrams) bytes += d;
  return bytes;
}

void damage(std::string& bytes, std::mt19937& random, int places) {
  for (int i = 0; i < places; ++i) {
    const std::size_t at = random() % bytes.size(), size = random() % 8 == 0 ? random() % 300'000 : random() % 3000;
    switch (random() % 4) {
      case 0:
        bytes.erase(at, size);
        break;
      case 1:
        bytes.insert(at, noise(size, random()));
        break;
      case 2:
        bytes.insert(at, std::string(size, random() % 2 == 0 ? '\0' : '\5'));
        break;
      default:
        bytes.replace(at, size, noise(std::min(size, bytes.size() - at), random()));
    }
  }
}

TEST(NetFlow5Chunks, ADatagramMayOvertakeOthersAcrossTheEndOfAChunk) {
  std::vector<std::string> sent;
  Datagram d{.sequence = 500, .count = 30};
  for (int i = 0; i < 170; ++i) {
    sent.push_back(d.bytes());
    d.uptime_ms += 10, d.sequence += 30;
  }
  const std::size_t one = sent[0].size();
  for (const std::size_t distance : {1u, 2u, 20u, 60u}) {
    auto datagrams = sent;
    std::rotate(datagrams.begin() + 100, datagrams.begin() + 101,
                datagrams.begin() + 101 + static_cast<std::ptrdiff_t>(distance));
    const Stream stream{joined(datagrams), {}};
    for (const std::size_t end : {std::size_t{99}, std::size_t{100}, 100 + distance / 2, 100 + distance, 101 + distance})
      for (const std::size_t rest : {std::size_t{0}, std::size_t{1}, std::size_t{11}, std::size_t{30}, one / 2})
        EXPECT_EQ(decode(stream, [&] { return end * one + rest; }).report.flows_lost, 0u)
            << distance << " overtook, the chunk ends " << rest << " bytes after datagram " << end;
  }
}

// The datagram before the gap is read again when the one after it is already known.
TEST(NetFlow5Chunks, LookingAheadDoesNotMoveDatagramsBehindAGap) {
  Datagram d{.count = 30};
  std::string bytes;
  for (std::uint32_t i = 0; i < 60; ++i) {
    if (i == 25) d.sequence += 90;  // lost, 5 datagrams before the gap
    bytes += d.bytes();
    d.seconds += 60, d.uptime_ms += 60'000, d.sequence += 30;
  }
  const std::size_t one = Datagram{.count = 30}.bytes().size();
  for (const std::size_t rest : {0u, 1u, 11u, 12u, 40u}) {
    Stream stream{bytes, {30 * one + rest}};
    if (rest > 0) stream.bytes.erase(30 * one + rest, one - rest);
    const auto read = decode_whole(stream);
    EXPECT_EQ(read.report.flows_lost, 90u);
    ASSERT_EQ(read.report.readable.size(), 2u) << rest;
    EXPECT_EQ(read.report.readable[0], (TimeRange{hour_range.from, std::int64_t{hour + 29 * 60} * second_us})) << rest;
    EXPECT_EQ(read.report.readable[1].from, std::int64_t{hour + (rest > 0 ? 31 : 30) * 60} * second_us) << rest;
  }
}

// Weak evidence at the end of the searched bytes is no reason to leave a better position unexamined.
TEST(NetFlow5Chunks, ALongDamagedPartDoesNotHideADatagram) {
  const std::string sound = datagrams(200, 30);
  const std::size_t one = Datagram{.count = 30}.bytes().size();
  const std::string before = sound.substr(0, 50 * one), after = sound.substr(100 * one);
  // Two consecutive headers that belong to nothing, shortly before the first datagram.
  const std::string decoy = Datagram{.seconds = 1, .uptime_ms = 3, .sequence = 77, .count = 0, .engine = 9}.bytes() +
                            Datagram{.seconds = 900'000'000, .uptime_ms = 4, .sequence = 777, .count = 0, .engine = 8}.bytes();
  for (std::size_t size = 100'000; size < 112'000; size += 200) {
    const auto read =
        decode({before + std::string(size, '\7') + decoy + std::string(900, '\7') + after, {}}, [] { return 5000; });
    EXPECT_EQ(read.report.flows, 150u * 30) << size;
    ASSERT_EQ(read.report.lost_content.size(), 1u) << size;
    EXPECT_EQ(read.report.lost_content[0].to - read.report.lost_content[0].from, size + decoy.size() + 900) << size;
  }
}

TEST(NetFlow5Chunks, LossesAreCountedWhateverTheChunks) {
  std::mt19937 random(5);
  for (int round = 0; round < 3; ++round) {
    const auto sent = send(random, 400, 0, 3);
    const Stream stream{joined(sent.datagrams), {}};
    for (const std::size_t size : {std::size_t{7}, std::size_t{1500}, std::size_t{100'000}, std::size_t{1} << 20})
      EXPECT_EQ(decode(stream, [&] { return size; }).report.flows_lost, sent.lost) << round << ' ' << size;
  }
}

TEST(NetFlow5Chunks, TheOutcomeDoesNotDependOnTheChunks) {
  std::mt19937 random(9);
  for (int round = 0; round < 30; ++round) {
    Stream stream{joined(send(random, 100 + random() % 500, random() % 70, random() % 5).datagrams), {}};
    if (round % 3 != 0) damage(stream.bytes, random, 1 + static_cast<int>(random() % 6));
    if (round % 4 == 3)
      for (int i = 0; i < 3; ++i) stream.gaps.push_back(1 + random() % (stream.bytes.size() - 1));
    std::sort(stream.gaps.begin(), stream.gaps.end());
    stream.gaps.erase(std::unique(stream.gaps.begin(), stream.gaps.end()), stream.gaps.end());
    if (round % 5 == 4) stream.bytes.resize(stream.bytes.size() - random() % 1000);
    std::erase_if(stream.gaps, [&](std::size_t gap) { return gap >= stream.bytes.size(); });
    const auto whole = decode_whole(stream);
    for (const std::size_t most : {30u, 3000u, 100'000u}) {
      const auto read = decode(stream, [&] { return 1 + random() % most; });
      ASSERT_EQ(outcome(read), outcome(whole)) << "round " << round << ", chunks of at most " << most << " bytes";
      ASSERT_TRUE(read.flows == whole.flows) << "round " << round << ", chunks of at most " << most << " bytes";
    }
  }
}

}  // namespace
}  // namespace mole::runtime::test
