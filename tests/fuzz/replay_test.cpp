// Runs the fuzz targets on damaged files in every build.
#include "runtime/decode/bzip2_writer.hpp"
#include "runtime/decode/compressor.hpp"
#include "runtime/decode/segment_scanner.hpp"
#include "tests/capture/packets.hpp"
#include "tests/decode/nfcapd_writer.hpp"
#include "tests/decode/support.hpp"
#include "tests/export/writer.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/captures.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

namespace mole::runtime::test {
namespace {

void run_target(void (*target)(const std::uint8_t*, std::size_t), const std::string& bytes) {
  target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

// Flips bits, and removes, repeats, truncates and overwrites pieces.
std::string mutate(std::string bytes, std::mt19937_64& random) {
  for (std::uint64_t times = 1 + random() % 4; times > 0 && !bytes.empty(); --times) {
    const std::size_t at = random() % bytes.size(), length = std::min<std::size_t>(random() % 64, bytes.size() - at);
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(at, bytes.substr(random() % bytes.size(), length));
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes.replace(at, length, noise(length, random()));
    }
  }
  return bytes;
}

TEST(FuzzReplay, ContentSourceSurvivesDamagedFiles) {
  const std::vector<std::string> seeds{"",
                                       "BZh9",
                                       bzip2_compress(""),
                                       bzip2_compress("content"),
                                       bzip2_compress(datagrams(20, 30), 1),
                                       bzip2_compress("one") + bzip2_compress(noise(2000)) + bzip2_compress("two"),
                                       bzip2_compress(std::string(3'000'000, '\0'), 1)};
  std::mt19937_64 random(11);
  for (const auto& seed : seeds) {
    run_target(fuzz_content, seed);
    for (int i = 0; i < 150; ++i) run_target(fuzz_content, mutate(seed, random));
  }
}

TEST(FuzzReplay, CompressedSourceSurvivesDamagedFiles) {
  std::mt19937_64 random(14);
  using runtime::Compression;
  for (const auto compression : {Compression::gzip, Compression::xz, Compression::zstd, Compression::lz4}) {
    const auto one = [&](std::string_view bytes) { return compress(bytes, compression); };
    for (const auto& seed : {one(""), one("content"), one(datagrams(20, 30)), one("one") + one(noise(2000)) + one("two"),
                             one(std::string(2'000'000, '\0'))}) {
      run_target(fuzz_compressed, seed);
      for (int i = 0; i < 150; ++i) run_target(fuzz_compressed, mutate(seed, random));
    }
  }
}

// Formats a block as input of a target: one byte for the offset of its first bit and the number of unused bits at its end, then
// its bytes.
std::vector<std::string> blocks_of(const std::string& file) {
  const TempFolder folder;
  SegmentScanner scanner(std::move(*FileBytes::open(folder.file("a.bz2", file))));
  std::vector<std::string> blocks;
  Segment segment;
  while (*scanner.next(segment)) {
    if (segment.kind != Segment::Kind::block) continue;
    const auto spare = segment.bytes.size() * 8 - segment.from % 8 - (segment.to - segment.from);
    blocks.push_back(static_cast<char>(segment.from % 8 + spare * 8) + std::string(segment.bytes.begin(), segment.bytes.end()));
  }
  return blocks;
}

// MOLE_FUZZ_ROUNDS sets the number of inputs per block.
TEST(FuzzReplay, DecodersAgreeOnDamagedBlocks) {
  const char* wanted = std::getenv("MOLE_FUZZ_ROUNDS");
  const int rounds = wanted ? std::atoi(wanted) : 600;
  std::string few;
  for (int i = 0; i < 3000; ++i) few += static_cast<char>('a' + i * i % 7 % 3);
  std::mt19937_64 random(13);
  for (const auto& text : {std::string("content"), few, noise(400, 2), datagrams(20, 30), std::string(100'000, '\0'),
                           std::string(300, 'a') + noise(50, 9) + std::string(300, 'b')})
    for (const auto& seed : blocks_of(bzip2_compress(text, 1))) {
      run_target(fuzz_block, seed);
      for (int i = 0; i < rounds; ++i) run_target(fuzz_block, mutate(seed, random));
    }
}

TEST(FuzzReplay, NetFlow5DecoderSurvivesDamagedContent) {
  const std::vector<std::string> seeds{"", noise(3000), datagrams(30), datagrams(100, 30),
                                       datagrams(10, 1) + noise(500) + datagrams(10, 7)};
  std::mt19937_64 random(12);
  for (const auto& seed : seeds) {
    run_target(fuzz_netflow5, seed);
    for (int i = 0; i < 2000; ++i) run_target(fuzz_netflow5, mutate(seed, random));
  }
}

TEST(FuzzReplay, DecodersOfTemplatesSurviveDamagedContent) {
  using namespace mole::testing;
  std::mt19937_64 random(21);
  const std::vector<FieldSpec> fields{{8, 4}, {27, 16}, {1, 4}, {2, 4}, {2, 4, 29305}, {293, 0xffff}};
  const std::string inner = variable("a.example"), list = be(3, 1) + be(257, 2) + be(4 + inner.size(), 2) + inner;
  const std::string record = be(1, 4) + be(2, 16) + be(300, 4) + be(3, 4) + be(1, 4) + variable(list);
  std::string v9, ipfix;
  for (std::uint32_t i = 0; i < 20; ++i) {
    v9 += Message{i}.v9((i % 5 == 1 ? v9_template(256, simple_fields) : "") + set(256, simple_records(1, 3)));
    ipfix += Message{i * 2}.ipfix((i % 5 == 1 ? ipfix_template(256, fields) + ipfix_template(257, {{179, 0xffff, 6871}}) : "") +
                                  set(256, record + record));
  }
  for (int i = 0; i < 300; ++i) {
    run_target(fuzz_netflow9, mutate(v9, random));
    run_target(fuzz_ipfix, mutate(ipfix, random));
  }
}

TEST(FuzzReplay, DecodersOfFixedRecordsSurviveDamagedContent) {
  using mole::testing::be;
  std::mt19937_64 random(22);
  std::string v1, v7;
  for (std::uint32_t i = 0; i < 20; ++i) {
    const std::string times = be(10'000 + i, 4) + be(1'190'487'600 + i, 4) + be(0, 4);
    v1 += be(1, 2) + be(2, 2) + times + noise(104, i);
    v7 += be(7, 2) + be(2, 2) + times + be(2 * i, 4) + be(0, 4) + noise(104, i);
  }
  for (int i = 0; i < 300; ++i)
    for (const auto& seed : {v1, v7}) run_target(fuzz_netflow1_7, mutate(seed, random));
}

TEST(FuzzReplay, PcapDecoderSurvivesDamagedContent) {
  using namespace mole::testing;
  std::vector<std::string> frames;
  for (std::uint32_t i = 0; i < 3; ++i) {
    frames.push_back(ethernet(ip(udp(v5_datagram(2 * i)))));
    frames.push_back(ethernet(ip(udp(v9_datagram(i, 100))), {0x8100}));
    frames.push_back(ethernet(ip(udp(ipfix_datagram(2 * i, 200)))));
    for (const auto& part : fragments(udp(v5_datagram(100 + 30 * i, 30)), 600, {}, i)) frames.push_back(ethernet(part));
  }
  std::vector<std::string> seeds{"", std::string(3000, '\x0a')};
  for (const bool big : {false, true}) {
    seeds.push_back(pcap(frames, {.big = big}));
    seeds.push_back(section(big) + interface(1, big));
    for (const auto& frame : frames) seeds.back() += enhanced(frame, big);
  }
  std::mt19937_64 random(14);
  for (const auto& seed : seeds) {
    run_target(fuzz_pcap, seed);
    for (int i = 0; i < 60; ++i) run_target(fuzz_pcap, mutate(seed, random));
  }
}

// Each file is given to every decoder, whatever its format.
TEST(FuzzReplay, EveryDecoderSurvivesRealFiles) {
  if (!mole::testing::have_captures()) return;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(mole::testing::data_folder()))
    if (entry.is_regular_file() && entry.path().extension() != ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty());
  std::mt19937_64 random(23);
  for (const auto& file : files) {
    SCOPED_TRACE(file.string());
    std::string head(16'384, '\0');  // bounds the time
    std::ifstream in(file, std::ios::binary);
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    for (const auto target : {fuzz_netflow5, fuzz_netflow1_7, fuzz_netflow9, fuzz_ipfix, fuzz_nfcapd, fuzz_pcap}) {
      run_target(target, head);
      for (int i = 0; i < 2; ++i) run_target(target, mutate(head, random));
    }
  }
}

TEST(FuzzReplay, NfcapdDecoderSurvivesDamagedContent) {
  std::mt19937_64 random(19);
  std::vector<std::string> seeds{"", noise(500)};
  for (const int layout : {1, 2})
    for (const auto compression : all_compressions) {
      NfFile file{layout, compression, {{1, {}}}, std::vector<std::vector<NfFlow>>(2), 3};
      for (auto& block : file.blocks)
        for (int i = 0; i < 5; ++i) block.push_back(random_flow(random, layout));
      if (layout == 2 || compression != Compression::zstd) seeds.push_back(file.bytes());
    }
  for (const auto& seed : seeds) {
    run_target(fuzz_nfcapd, seed);
    for (int i = 0; i < 20; ++i) run_target(fuzz_nfcapd, mutate(seed, random));
  }
}

TEST(FuzzReplay, CsvDecoderSurvivesDamagedContent) {
  const std::string header = "ts,te,sa,da,sp,dp,pr,ipkt,ibyt,flg,tr\n";
  std::string rows;
  for (int i = 0; i < 30; ++i)
    rows += "2007-09-22 19:00:00,1190487601.5," + std::string(i % 3 == 0 ? "2001:db8::1" : "10.0.0.1") +
            ",192.0.2.1,\"1234\",80,TCP," + std::to_string(i) + ",120,.AP.SF,2007-09-22 19:00:05\n";
  std::mt19937_64 random(22);
  for (const auto& seed : {std::string(), header, header + rows, rows, header + noise(500) + "\n" + rows})
    for (int i = 0; i < 400; ++i) run_target(fuzz_csv, i == 0 ? seed : header + mutate(seed, random));
}

TEST(FuzzReplay, ParquetDecoderSurvivesDamagedContent) {
  std::mt19937_64 random(23);
  const std::string seed = "PAR1" + noise(300) + std::string("\x40\0\0\0PAR1", 8);
  for (const auto& bytes : {std::string(), std::string("PAR1"), std::string("PAR1PAR1"), seed}) {
    run_target(fuzz_parquet, bytes);
    for (int i = 0; i < 5; ++i) run_target(fuzz_parquet, mutate(bytes, random));
  }
}

}  // namespace
}  // namespace mole::runtime::test
