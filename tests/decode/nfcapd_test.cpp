// The nfcapd decoder on generated files: both layouts, all compressions, damage.
#include "tests/decode/nfcapd_writer.hpp"
#include "tests/export/support.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

namespace mole::runtime::test {
namespace {

constexpr std::size_t block_header = 12;

const std::map<std::uint16_t, NfExporter> three_exporters{
    {1, {9, v4_address(0xc0a80101), 7, {{-1, 100}, {2, 10}}}},
    {2, {5, v4_address(0xc0a80102), 3, {}}},
    {3, {10, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, 70'000, {{-2, 50}, {1, 4}}}}};

NfFile random_file(std::uint64_t seed, int layout, Compression compression, std::size_t blocks = 4, std::size_t flows = 60) {
  std::mt19937_64 random(seed);
  NfFile file{layout, compression, three_exporters, {}, 0};
  file.blocks.resize(blocks);
  for (auto& block : file.blocks)
    for (std::size_t i = 0; i < flows; ++i) block.push_back(random_flow(random, layout));
  return file;
}

// Calls f(layout, compression) for everything that nfdump can write.
template <class F>
void for_each_kind(F f) {
  for (const int layout : {1, 2})
    for (const auto compression : all_compressions)
      if (layout == 2 || compression != Compression::zstd) {
        SCOPED_TRACE("layout " + std::to_string(layout) + ", compression " + std::to_string(static_cast<int>(compression)));
        f(layout, compression);
      }
}

bool is_part_of(const std::vector<std::string>& some, const std::vector<std::string>& all) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

TEST(Nfcapd, ReadsEveryColumnOfEveryFlow) {
  for_each_kind([](int layout, Compression compression) {
    const auto file = random_file(7, layout, compression);
    for (const std::size_t chunk : {1u << 20, 1000u, 7u}) {
      const auto read = read_nfcapd(file.bytes(), chunk);
      EXPECT_EQ(read.lines, file.lines());
      EXPECT_EQ(read.report.state, task::FileState::sound);
    }
  });
}

std::string octets(std::uint64_t number, int size) {
  std::string out;
  for (int i = size - 1; i >= 0; --i) out += static_cast<char>(number >> 8 * i);
  return out;
}

TEST(Nfcapd, ReadsInformationElements) {
  const std::vector<mole::testing::ElementWanted> wanted{
      {"sourceMacAddress", 0, 56, MOLE_TYPE_BYTES},        {"postDestinationMacAddress", 0, 57, MOLE_TYPE_BYTES},
      {"destinationMacAddress", 0, 80, MOLE_TYPE_BYTES},   {"postSourceMacAddress", 0, 81, MOLE_TYPE_BYTES},
      {"bgpNextAdjacentAsNumber", 0, 128, MOLE_TYPE_U64},  {"collectionTimeMilliseconds", 0, 258, MOLE_TYPE_TIME},
      {"mplsTopLabelStackSection", 0, 70, MOLE_TYPE_BYTES}};
  for_each_kind([&](int layout, Compression compression) {
    const auto file = random_file(33, layout, compression, 2, 50);
    const auto read = mole::testing::decode(nfcapd_decoder(), file.bytes(), {.capacity = 7, .elements = wanted});
    std::vector<std::map<std::string, std::vector<std::string>>> expected;
    for (const auto& block : file.blocks)
      for (const bool six : {false, true})
        for (const auto& flow : block) {
          if (flow.v6 != six) continue;
          auto& values = expected.emplace_back();
          const auto put = [&](const char* name, std::uint64_t value, int size) {
            if (value != 0) values[name] = {octets(value, size)};
          };
          const auto native = [](std::uint64_t value) {
            return std::string(reinterpret_cast<const char*>(&value), sizeof value);
          };
          for (std::size_t i = 0; flow.macs && i < 4; ++i) put(wanted[i].name, (*flow.macs)[i], 6);
          if (flow.adjacent_as && flow.adjacent_as->first != 0)
            values["bgpNextAdjacentAsNumber"] = {native(flow.adjacent_as->first)};
          values["collectionTimeMilliseconds"] = {native(flow.received_ms * 1000)};
          if (flow.mpls) put("mplsTopLabelStackSection", *flow.mpls, 3);
        }
    ASSERT_EQ(read.flows.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(read.flows[i].elements, expected[i]) << i;
  });
}

// A column is absent if no flow of the file has the element.
TEST(Nfcapd, ColumnsOfElementsThatNoFlowHasAreAbsent) {
  constexpr std::array always{MOLE_COLUMN_START,    MOLE_COLUMN_SRC_ADDR, MOLE_COLUMN_PACKETS,
                              MOLE_COLUMN_DST_PORT, MOLE_COLUMN_SAMPLING, MOLE_COLUMN_EXPORTER_ADDR};
  constexpr std::array of_elements{MOLE_COLUMN_SRC_AS,       MOLE_COLUMN_DST_VLAN,      MOLE_COLUMN_NEXT_HOP,
                                   MOLE_COLUMN_MPLS_LABEL,   MOLE_COLUMN_POST_SRC_ADDR, MOLE_COLUMN_POST_DST_PORT,
                                   MOLE_COLUMN_REVERSE_BYTES};
  for_each_kind([&](int layout, Compression compression) {
    const auto is_absent = [&](const std::vector<NfFlow>& flows, int column, std::uint32_t capacity) {
      const NfFile file{layout, compression, {{1, {}}}, {flows}, 0};
      const auto read = mole::testing::decode(nfcapd_decoder(), file.bytes(), {.capacity = capacity});
      EXPECT_EQ(read.flows.size(), flows.size());
      return (read.absent >> column & 1) != 0;
    };
    std::vector<NfFlow> flows(3);
    NfFlow full;
    full.as = {1, 2};
    full.vlans = {3, 4};
    full.next_hop = v4_address(5);
    full.mpls = 6;
    full.nat4 = {v4_address(7), v4_address(8)};
    full.nat_ports = {9, 10};
    full.reverse = {11, 12};
    for (const std::uint32_t capacity : {1u, 4096u}) {
      for (const int column : always) EXPECT_FALSE(is_absent(flows, column, capacity)) << column;
      for (const int column : of_elements) EXPECT_TRUE(is_absent(flows, column, capacity)) << column;
      for (const int column : of_elements) EXPECT_FALSE(is_absent({flows[0], full, flows[1]}, column, capacity)) << column;
    }
  });
}

// The element of layout 2 with them has fields that records of layout 1 may lack.
TEST(Nfcapd, ColumnsThatRecordsOfLayout1LackAreAbsent) {
  NfFlow flow;  // of type 1 in layout 1, which has no end reason
  flow.misc = {1, 2, 24, 25, 0, 0};
  for (const int layout : {1, 2}) {
    const NfFile file{layout, Compression::none, {{1, {}}}, {{flow}}, 0};
    const auto absent = mole::testing::decode(nfcapd_decoder(), file.bytes(), {}).absent;
    EXPECT_EQ(absent >> MOLE_COLUMN_END_REASON & 1, layout == 1 ? 1u : 0u);
    for (const int column : {MOLE_COLUMN_IN_IF, MOLE_COLUMN_DST_MASK, MOLE_COLUMN_FLOW_DIRECTION})
      EXPECT_EQ(absent >> column & 1, 0u) << column;
  }
}

TEST(Nfcapd, ReadsBlocksOfMoreFlowsThanABatchHas) {
  NfFile file{2, Compression::lz4, {{1, {}}}, {std::vector<NfFlow>(66'000), std::vector<NfFlow>(3)}, 0};
  for (std::size_t i = 0; i < file.blocks[0].size(); ++i) {
    file.blocks[0][i].bytes = i;
    if (i % 1000 > 900) file.blocks[0][i].application = std::string(1 + i % 900, 'a');  // many shapes
  }
  const auto read = read_nfcapd(file.bytes());
  EXPECT_EQ(read.lines, file.lines());
}

TEST(Nfcapd, DamageOfABlockLosesThatBlockOnly) {
  for_each_kind([](int layout, Compression compression) {
    std::mt19937_64 random(3);
    const auto file = random_file(9, layout, compression, 5, 40);
    std::vector<std::size_t> at;
    const auto sound = file.bytes(&at);
    int also_lost = 0;  // rounds
    for (int round = 0; round < 60; ++round) {
      const std::size_t block = 1 + random() % 4, size = at[block + 1] - at[block];
      auto bytes = sound;
      switch (round % 6) {
        case 0:  // the bytes of the block
          for (std::size_t i = block_header; i < size; ++i) bytes[at[block] + i] = static_cast<char>(random());
          break;
        case 1:  // its size
          bytes[at[block] + 4 + random() % 4] ^= static_cast<char>(1 + random() % 255);
          break;
        case 2:  // its type
          bytes[at[block] + 8] = static_cast<char>(random() % 2 == 0 ? 77 : 0);
          break;
        case 3:  // bytes are missing
          bytes.erase(at[block] + random() % (size - 20), 1 + random() % 19);
          break;
        case 4:  // bytes are inserted
          bytes.insert(at[block] + random() % size, noise(1 + random() % 50, random()));
          break;
        default:  // its header
          bytes.replace(at[block], block_header, noise(block_header, random()));
      }
      const auto read = read_nfcapd(bytes, 1 + random() % 5000);
      also_lost += !is_part_of(file.lines(block), read.lines);
      EXPECT_EQ(read.report.state, task::FileState::damaged) << "round " << round;
      EXPECT_FALSE(read.report.lost_content.empty());
    }
    // Shifted bytes of layout 1 can look like records, whose types are small numbers.
    EXPECT_LE(also_lost, layout == 1 && compression == Compression::none ? 1 : 0);
  });
}

TEST(Nfcapd, GapsLoseTheBlocksAroundThemOnly) {
  for_each_kind([](int layout, Compression compression) {
    const auto file = random_file(10, layout, compression, 5, 40);
    std::vector<std::size_t> at;
    auto bytes = file.bytes(&at);
    const std::size_t from = at[2] + 100, to = at[2] + 300;
    bytes.erase(from, to - from);
    const auto read = read_nfcapd(bytes, 1000, {}, {from});
    EXPECT_TRUE(is_part_of(file.lines(2), read.lines));
    EXPECT_TRUE(is_part_of(read.lines, file.lines()));
    EXPECT_EQ(read.report.state, task::FileState::damaged);
  });
}

TEST(Nfcapd, TruncatedFilesGiveTheFlowsBeforeTheCut) {
  for_each_kind([](int layout, Compression compression) {
    std::mt19937_64 random(4);
    const auto file = random_file(11, layout, compression, 3, 30);
    std::vector<std::size_t> at;
    const auto sound = file.bytes(&at);
    const std::size_t end = at[3];  // without the appendix
    for (int round = 0; round < 12; ++round) {
      const std::size_t cut = round < 3 ? at[static_cast<std::size_t>(round)] : at[0] + random() % (end - at[0]);
      const auto read = read_nfcapd(sound.substr(0, cut));
      EXPECT_TRUE(is_part_of(read.lines, file.lines()));
      std::size_t whole = 0;
      while (at[whole + 1] <= cut) ++whole;
      EXPECT_GE(read.lines.size(), whole * 30);
      EXPECT_NE(read.report.state, task::FileState::sound) << cut;
      EXPECT_EQ(read.lines, read_nfcapd(sound.substr(0, cut), 100).lines);
    }
  });
}

TEST(Nfcapd, WrongCountsAreReported) {
  for_each_kind([](int layout, Compression compression) {
    const auto file = random_file(12, layout, compression, 3, 20);
    std::vector<std::size_t> at;
    const auto sound = file.bytes(&at);
    for (const int change : {-5, 1, 100}) {
      auto records = sound;
      records[at[1]] = static_cast<char>(records[at[1]] + change);
      const auto read = read_nfcapd(records);
      EXPECT_EQ(read.lines, file.lines());
      ASSERT_EQ(read.report.lost_content.size(), 1u);
      EXPECT_NE(read.report.lost_content[0].reason.find("records, but it contains"), std::string::npos);
      auto blocks = sound;
      blocks[layout == 1 ? 8u : 36u] += static_cast<char>(change < 0 ? -1 : change);
      EXPECT_EQ(read_nfcapd(blocks).lines, file.lines());
    }
  });
}

TEST(Nfcapd, HostileSizesAreRefusedInLittleMemory) {
  auto file = random_file(13, 2, Compression::zstd, 2, 20);
  std::vector<std::size_t> at;
  auto bytes = file.bytes(&at);
  const auto big = compress_block(Compression::zstd, std::string(40 << 20, '\0'));
  std::string block(block_header, '\0');
  block[0] = 1, block[8] = 3;
  for (std::size_t i = 0; i < 4; ++i) block[4 + i] = static_cast<char>(big.size() >> (8 * i) & 0xff);
  bytes.insert(at[1], block + big);
  auto read = read_nfcapd(bytes);
  EXPECT_EQ(read.lines, file.lines());
  ASSERT_EQ(read.report.lost_content.size(), 1u);
  EXPECT_EQ(read.report.lost_content[0].reason, "damaged block");

  bytes = file.bytes(&at);
  bytes.replace(at[1] + 4, 4, "\xff\xff\xff\x7f");
  read = read_nfcapd(bytes);
  EXPECT_EQ(read.lines, file.lines(1));
  EXPECT_NE(read.report.lost_content.at(0).reason.find("16 MiB"), std::string::npos);

  // Headers of blocks of 4 MiB, one after the other.
  std::string headers;
  for (int i = 0; i < 100'000; ++i) headers += std::string("\x10\0\0\0\0\0\x40\0\x03\0\0\0", 12);
  for (const auto compression : all_compressions) {
    file.compression = compression;
    bytes = file.bytes(&at);
    bytes.replace(at[1], std::string::npos, headers);
    EXPECT_TRUE(is_part_of(file.lines(1), read_nfcapd(bytes).lines));
  }
}

TEST(Nfcapd, UnknownRecordsAndElementsAreSkipped) {
  NfFile file{2, Compression::none, {{1, {}}}, {{NfFlow{}, NfFlow{}}}, 0};
  std::vector<std::size_t> at;
  auto bytes = file.bytes(&at);
  const auto insert = [&](const std::string& record) {
    auto longer = bytes;
    longer.insert(at[1], record);
    longer[at[0]] += 1;  // records
    const std::size_t size = at[1] - at[0] - block_header + record.size();
    longer[at[0] + 4] = static_cast<char>(size & 0xff), longer[at[0] + 5] = static_cast<char>(size >> 8);
    return read_nfcapd(longer);
  };
  EXPECT_EQ(insert(std::string("\x03\0\x08\0abcd", 8)).report.state, task::FileState::sound);  // port histogram
  const auto later = insert(std::string("\x10\0\x08\0abcd", 8));
  EXPECT_EQ(later.lines, file.lines());
  ASSERT_EQ(later.report.lost_content.size(), 1u);
  EXPECT_NE(later.report.lost_content[0].reason.find("1 records of unknown types"), std::string::npos);
  for (const auto& damaged : {std::string("\x0b\0\x0c\0\x01\0\0\0\x01\0\0\x09", 12),                   // element missing
                              std::string("\x0b\0\x14\0\x01\0\0\0\x01\0\0\x09\x01\0\x08\0abcd", 20),   // too short for its fields
                              std::string("\x0b\0\x10\0\x01\0\0\0\x01\0\0\x09\x1d\0\xff\xff", 16)}) {  // longer than the record
    const auto read = insert(damaged);
    EXPECT_EQ(read.lines, file.lines());
    ASSERT_EQ(read.report.lost_content.size(), 1u);
    EXPECT_EQ(read.report.lost_content[0].reason, "1 damaged records in a block");
  }
}

TEST(Nfcapd, FilesThatCannotBeReadSayWhy) {
  const auto file = random_file(14, 2, Compression::none, 1, 3);
  const auto reason = [](const std::string& bytes) {
    const auto read = read_nfcapd(bytes);
    EXPECT_TRUE(read.lines.empty());
    EXPECT_EQ(read.report.state, task::FileState::unreadable);
    return read.report.lost_content.empty() ? std::string() : read.report.lost_content[0].reason;
  };
  const auto with = [&](std::size_t at, const std::string& text) { return file.bytes().replace(at, text.size(), text); };
  EXPECT_NE(reason(with(0, std::string("\xa5\x0c\0\x02", 4))).find("big-endian"), std::string::npos);
  EXPECT_NE(reason(with(2, "\x03")).find("layout 3"), std::string::npos);
  EXPECT_NE(reason(with(17, "\x01")).find("encrypted"), std::string::npos);
  EXPECT_NE(reason(with(16, "\x09")).find("unknown compression 9"), std::string::npos);
  EXPECT_NE(reason(with(0, "ab")).find("does not begin with the header"), std::string::npos);
  EXPECT_NE(reason(file.bytes().substr(0, 30)).find("truncated"), std::string::npos);
}

TEST(Nfcapd, IsRecognisedInBothByteOrdersAndNothingElseIs) {
  const auto recognises = [](const std::string& bytes) {
    return nfcapd_decoder().recognises(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                       std::min<std::size_t>(bytes.size(), 4096)) != 0;
  };
  for_each_kind(
      [&](int layout, Compression compression) { EXPECT_TRUE(recognises(random_file(1, layout, compression, 1, 1).bytes())); });
  EXPECT_TRUE(recognises(std::string("\xa5\x0c\0\x01\0\0\0\0", 8)));
  for (const auto& other : {std::string(), std::string("\x0c\xa5", 2), std::string("\x0c\xa5\0\0", 4), datagrams(3), noise(100)})
    EXPECT_FALSE(recognises(other));
}

TEST(Nfcapd, ASoundFileOfFiveMinutesIsReadableForItsWholeTime) {
  const TimeRange covers{1190487600 * second_us, 1190487900 * second_us};
  for (const bool received : {true, false}) {
    NfFile file{2, Compression::lz4, {{1, {}}}, {{}, {}}, 0};
    for (std::uint64_t i = 0; i < 600; ++i) {
      NfFlow flow;
      flow.last_ms = 1190487600'000 + i * 500;
      flow.first_ms = flow.last_ms - 20'000;
      flow.received_ms = received ? flow.last_ms + 200 : 0;
      file.blocks[i / 300].push_back(flow);
    }
    file.blocks[1][100].last_ms += 400ull * 86'400'000;  // the wrong clock of one flow changes nothing
    file.blocks[1][100].received_ms = 0;
    const auto read = read_nfcapd(file.bytes(), 1000, covers);
    ASSERT_EQ(read.evidence.readable_ranges().size(), 1u);
    EXPECT_EQ(read.evidence.readable_ranges()[0].from, covers.from);
    EXPECT_EQ(read.evidence.readable_ranges()[0].to, covers.to);
    const auto all = read.evidence.count(covers);
    EXPECT_GE(all.received, 599u);
    EXPECT_EQ(all.lost, 0u);
    if (received) {
      EXPECT_EQ(read.evidence.count({covers.from + 60 * second_us, covers.from + 90 * second_us}).received, 60u);
    }
    // Without the second block, only the time of the first one is readable.
    std::vector<std::size_t> at;
    const auto bytes = file.bytes(&at);
    const auto half = read_nfcapd(bytes.substr(0, at[1]), 1000, covers);
    ASSERT_EQ(half.evidence.readable_ranges().size(), 1u);
    EXPECT_NEAR(static_cast<double>(half.evidence.readable_ranges()[0].to - covers.from) / second_us, 150, 2);
  }
}

TEST(Nfcapd, AnEmptyFileIsSoundAndReadable) {
  const TimeRange covers{1190487600 * second_us, 1190487900 * second_us};
  for_each_kind([&](int layout, Compression compression) {
    const auto read = read_nfcapd(NfFile{layout, compression, {}, {}, 0}.bytes(), 1000, covers);
    EXPECT_EQ(read.report.state, task::FileState::sound);
    EXPECT_EQ(read.evidence.readable_ranges().size(), 1u);
  });
}

TEST(Nfcapd, ReplayedTrafficHasTheTimeOfItsFlows) {
  NfFlow flow;
  flow.received_ms = flow.last_ms + 19ull * 365 * 86'400'000;
  const auto read = read_nfcapd(NfFile{2, Compression::none, {{1, {}}}, {{flow, flow}}, 0}.bytes());
  EXPECT_EQ(read.report.exported_last, static_cast<Micros>(flow.last_ms) * 1000);
}

TEST(Nfcapd, SequenceFailuresAreLostFlows) {
  for_each_kind([](int layout, Compression compression) {
    auto file = random_file(15, layout, compression, 2, 20);
    file.sequence_failures = 7;
    EXPECT_EQ(read_nfcapd(file.bytes()).report.flows_lost, 7u);
    file.sequence_failures = 1 << 30;
    EXPECT_EQ(read_nfcapd(file.bytes()).report.flows_lost, 40u);
  });
}

// The first nine columns of a line, with the ports of ICMP messages 0, as the ground truth has them.
std::string key_of(const std::string& line) {
  std::istringstream in(line);
  std::array<std::string, 9> cells;
  for (auto& cell : cells) in >> cell;
  if (cells[6] == "1" || cells[6] == "58") cells[4] = cells[5] = "0";
  std::string key;
  for (const auto& cell : cells) key += cell + ' ';
  return key;
}

std::string address_of(const std::string& text) {
  Address a{};
  a[10] = a[11] = 0xff;
  if (::inet_pton(AF_INET, text.c_str(), a.data() + 12) != 1) ::inet_pton(AF_INET6, text.c_str(), a.data());
  std::string line;
  for (const auto byte : a) line += std::to_string(byte) + '.';
  return line;
}

std::vector<std::string> truth_of(const std::filesystem::path& data, const std::string& name) {
  std::vector<std::string> lines;
  std::FILE* pipe = ::popen(("gzip -dc '" + (data / "truth" / (name + ".records.csv.gz")).string() + "'").c_str(), "r");
  char buffer[1024];
  for (bool header = true; std::fgets(buffer, sizeof buffer, pipe) != nullptr; header = false) {
    if (header) continue;
    std::istringstream in(buffer);
    std::array<std::string, 9> c;  // src, dst, sport, dport, proto, bytes, packets, first_ms, last_ms
    for (auto& cell : c) {
      std::getline(in, cell, ',');
      if (cell.empty()) cell = "0";
    }
    c[8].erase(c[8].find_last_not_of("\r\n") + 1);
    lines.push_back(key_of(c[7] + "000 " + c[8] + "000 " + address_of(c[0]) + ' ' + address_of(c[1]) + ' ' + c[2] + ' ' + c[3] +
                           ' ' + c[4] + ' ' + c[6] + ' ' + c[5]));
  }
  EXPECT_EQ(::pclose(pipe), 0) << name;
  std::sort(lines.begin(), lines.end());
  return lines;
}

// The first lines that only one of the sorted lists has; an empty string if they are equal.
std::string difference(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
  std::vector<std::string> only;
  std::set_symmetric_difference(ours.begin(), ours.end(), theirs.begin(), theirs.end(), std::back_inserter(only));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(only.size(), 6); ++i)
    text += (std::binary_search(ours.begin(), ours.end(), only[i]) ? "mole " : "other ") + only[i] + '\n';
  return text;
}

TEST(Nfcapd, FilesOfNfdumpHaveEveryRecordOfTheTruth) {
  const auto data = test_data();
  if (data.empty()) return;
  const std::map<std::string, std::string> files{{"v5_", "replay_v5"},
                                                 {"v9_bz2_", "replay_v9_count_raised"},
                                                 {"v9_lzo_", "replay_v9_count_raised"},
                                                 {"ipfix_ms_lz4_", "replay_ipfix_ms"},
                                                 {"ipfix_biflow_", "replay_ipfix_biflow"}};
  for (const auto& [file, truth] : files) {
    std::ifstream in(data / "nfcapd" / (file + "nfcapd.200709222100"), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    auto read = read_nfcapd(bytes, 10'000);
    std::transform(read.lines.begin(), read.lines.end(), read.lines.begin(), key_of);
    std::sort(read.lines.begin(), read.lines.end());
    EXPECT_EQ(difference(read.lines, truth_of(data, truth)), "") << file;
    EXPECT_EQ(read.report.state, task::FileState::sound) << file;
    EXPECT_EQ(read.report.flows_lost, 0u) << file;
  }
}

std::string plain(const std::string& address) {
  return address == address_of("::") || address == address_of("0.0.0.0") ? "-" : address;
}

TEST(Nfcapd, NfdumpReadsTheSameFields) {
  for_each_kind([](int layout, Compression compression) {
    if (compression == Compression::zstd) return;  // since nfdump 1.7.3
    auto file = random_file(21, layout, compression, 3, 100);
    if (layout == 1)
      for (auto& block : file.blocks)
        for (auto& flow : block) flow.src_port |= 1;  // nfdump 1.7 does not read record type 1
    const TempFolder folder;
    const auto path = folder.file("nfcapd.200709222100", file.bytes());
    std::vector<std::string> theirs, ours;
    std::FILE* pipe = ::popen(("nfdump -6 -r '" + path.string() + "' -o csv").c_str(), "r");
    char buffer[2048];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) {
      std::istringstream in(buffer);
      std::vector<std::string> c;
      for (std::string cell; std::getline(in, cell, ',');) c.push_back(cell);
      if (c.size() < 40 || c[0] == "ts") continue;
      std::string line = plain(address_of(c[3])) + ' ' + plain(address_of(c[4])) + ' ' + c[5];
      for (const std::size_t i : {10u, 11u, 12u, 13u, 14u, 15u, 16u, 17u, 18u, 19u, 20u, 22u, 25u, 26u}) line += ' ' + c[i];
      theirs.push_back(line + ' ' + plain(address_of(c[23])));
    }
    EXPECT_EQ(::pclose(pipe), 0);
    for (const auto& read : read_nfcapd(file.bytes()).lines) {
      std::istringstream in(read);
      std::vector<std::string> c;
      for (std::string cell; in >> cell;) c.push_back(cell);
      std::string line = plain(c[2]) + ' ' + plain(c[3]) + ' ' + c[4];
      for (const std::size_t i : {10u, 7u, 8u, 29u, 30u, 16u, 17u, 11u, 12u, 13u, 14u}) line += ' ' + c[i];
      ours.push_back(line + ' ' + (c[34] == "255" ? "0" : c[34]) + ' ' + c[22] + ' ' + c[23] + ' ' + plain(c[15]));
    }
    std::sort(theirs.begin(), theirs.end());
    std::sort(ours.begin(), ours.end());
    EXPECT_EQ(difference(ours, theirs), "");
  });
}

TEST(Nfcapd, AnyDamageAndChunkingIsSurvived) {
  for_each_kind([](int layout, Compression compression) {
    std::mt19937_64 random(17);
    const auto sound = random_file(18, layout, compression, 3, 15).bytes();
    for (int round = 0; round < 20; ++round) {
      auto bytes = sound;
      for (std::uint64_t n = 1 + random() % 5; n > 0; --n) bytes[random() % bytes.size()] = static_cast<char>(random());
      if (round % 3 == 0) bytes.erase(random() % bytes.size(), random() % 100);
      if (round % 7 == 0) bytes.resize(random() % bytes.size());
      const auto one = read_nfcapd(bytes), other = read_nfcapd(bytes, 1 + random() % 300);
      EXPECT_EQ(one.lines, other.lines);
      EXPECT_EQ(nlohmann::json(one.report), nlohmann::json(other.report));
    }
  });
}

}  // namespace
}  // namespace mole::runtime::test
