// Compares every record of the real NetFlow v9 and IPFIX captures with the output of independent tools.
#include "tests/export/support.hpp"
#include "tests/support/captures.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

namespace mole::testing {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line)
    if (c == ',')
      fields.emplace_back();
    else
      fields.back() += c;
  return fields;
}

// Records of a case, by tshark. A missing number is 0, a missing address 0.0.0.0; a missing time stays empty.
std::vector<std::string> truth_of(const std::string& name) {
  std::vector<std::string> lines;
  std::FILE* pipe = ::popen(("gzip -dc '" + (data_folder() / "truth" / (name + ".records.csv.gz")).string() + "'").c_str(), "r");
  if (pipe == nullptr) return lines;
  char buffer[1024];
  bool header = true;
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) {
    if (std::exchange(header, false)) continue;
    auto fields = split(buffer);
    for (std::size_t i = 0; i < 7; ++i)
      if (fields[i].empty()) fields[i] = i < 2 ? "0.0.0.0" : "0";
    if (fields[4] == "1" || fields[4] == "58") fields[2] = fields[3] = "0";
    std::string line;
    for (std::size_t i = 0; i < 9; ++i) line += (i == 0 ? "" : ",") + fields[i];
    lines.push_back(line);
  }
  EXPECT_EQ(::pclose(pipe), 0) << name;
  return lines;
}

// Removes the times that the truth does not have from the lines of flows with the same other fields.
std::vector<std::string> without_missing_times(std::vector<std::string> lines, const std::vector<std::string>& truth) {
  std::map<std::string, std::pair<bool, bool>> missing;
  const auto key = [](const std::vector<std::string>& f) {
    std::string k;
    for (std::size_t i = 0; i < 7; ++i) k += f[i] + ',';
    return k;
  };
  for (const auto& line : truth) {
    const auto f = split(line);
    auto& m = missing[key(f)];
    m.first |= f[7].empty();
    m.second |= f[8].empty() || f[8] == "0";
  }
  for (auto& line : lines) {
    auto f = split(line);
    const auto found = missing.find(key(f));
    if (found == missing.end()) continue;
    if (found->second.first) f[7].clear();
    if (found->second.second) f[8].clear();
    line = key(f) + f[7] + ',' + f[8];
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::uint32_t number(const std::string& bytes, std::size_t at, std::size_t size, bool little = false) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << 8 * (little ? i : size - 1 - i);
  return value;
}

// The UDP payloads of a capture of Ethernet frames, with their senders.
std::string payloads_of(const std::string& pcap) {
  std::string out;
  const bool little = number(pcap, 0, 4) != 0xa1b2c3d4;
  for (std::size_t at = 24; at + 16 <= pcap.size();) {
    const std::size_t size = number(pcap, at + 8, 4, little);
    const std::string frame = pcap.substr(at + 16, size);
    at += 16 + size;
    std::size_t ip = 14;
    std::uint32_t type = number(frame, 12, 2);
    while (type == 0x8100) type = number(frame, ip + 2, 2), ip += 4;
    std::string sender(10, '\0');
    std::size_t udp = 0;
    if (type == 0x0800 && frame[ip + 9] == 17) {
      sender += "\xff\xff" + frame.substr(ip + 12, 4);
      udp = ip + (static_cast<std::size_t>(frame[ip]) & 15) * 4;
    } else if (type == 0x86dd && frame[ip + 6] == 17) {
      sender = frame.substr(ip + 8, 16);
      udp = ip + 40;
    } else {
      continue;
    }
    const std::string payload = frame.substr(udp + 8, number(frame, udp + 4, 2) - 8);
    const auto version = number(payload, 0, 2);
    if (version == 9 || version == 10) out += framed(payload, sender, static_cast<std::uint16_t>(number(frame, udp, 2)));
  }
  return out;
}

Decoded decode_case(const json& entry, const DecodeOptions& options = {}) {
  std::string bytes;
  bool capture = false;
  for (const std::string file : entry.at("files")) {
    const std::string content = read_file(data_folder() / file);
    capture = file.ends_with(".pcap");
    bytes += capture ? payloads_of(content) : content;
  }
  const auto version = number(bytes, 0, 2);
  return decode(capture ? datagrams() : version == 9 ? netflow9() : ipfix(), bytes, options);
}

json cases() { return json::parse(std::ifstream(data_folder() / "cases.json")); }

void expect_records(const Decoded& read, const std::string& name) {
  auto truth = truth_of(name);
  const auto lines = without_missing_times(read.lines(), truth);
  truth = without_missing_times(truth, truth);
  std::vector<std::string> only_truth, only_read;
  std::set_difference(truth.begin(), truth.end(), lines.begin(), lines.end(), std::back_inserter(only_truth));
  std::set_difference(lines.begin(), lines.end(), truth.begin(), truth.end(), std::back_inserter(only_read));
  only_truth.resize(std::min<std::size_t>(only_truth.size(), 3));
  only_read.resize(std::min<std::size_t>(only_read.size(), 3));
  EXPECT_EQ(only_read, only_truth) << name;
  EXPECT_EQ(lines.size(), truth.size()) << name;
}

TEST(ExportTruth, EveryRecordOfTheVendorsCapturesIsRead) {
  if (!have_captures()) return;
  // tshark stops at a field whose length it does not know; nfdump reads all 16 records.
  const std::set<std::string> by_nfdump{"v9_h3c"};
  // Both drop 11 records that come before their template in the same datagram.
  const std::set<std::string> with_more{"v9_akvorado_bundle"};
  for (const auto& entry : cases()) {
    const std::string name = entry.at("case"), folder = entry.at("dir");
    if (folder == "netflow5") continue;
    const json truth = json::parse(std::ifstream(data_folder() / "truth" / (name + ".json")));
    const auto read = decode_case(entry);
    const json& sums = truth.at(by_nfdump.contains(name) ? "nfdump" : "tshark");
    if (with_more.contains(name)) {
      auto truth_lines = truth_of(name);
      std::sort(truth_lines.begin(), truth_lines.end());
      const auto lines = read.lines();
      EXPECT_TRUE(std::includes(lines.begin(), lines.end(), truth_lines.begin(), truth_lines.end())) << name;
      EXPECT_EQ(read.flows.size(), 21u) << name;
      continue;
    }
    EXPECT_EQ(read.flows.size(), sums.at("records")) << name;
    EXPECT_EQ(read.sum(MOLE_COLUMN_BYTES), sums.at("bytes")) << name;
    EXPECT_EQ(read.sum(MOLE_COLUMN_PACKETS), sums.value("packets", 0u)) << name;
    EXPECT_GE(read.datagrams.size(), truth.at("datagrams")) << name;
    if (!by_nfdump.contains(name)) expect_records(read, name);
  }
}

TEST(ExportTruth, EveryRecordOfTheReplayedHourIsRead) {
  if (!have_captures()) return;
  struct Case {
    const char *file, *truth;
    const mole_decoder_v1& decoder;
  };
  for (const Case& c :
       {Case{"replay/replay_v9.dat", "replay_v9_count_raised", netflow9()},
        Case{"replay/replay_ipfix.dat", "replay_ipfix", ipfix()}, Case{"replay/replay_ipfix_ms.dat", "replay_ipfix_ms", ipfix()},
        Case{"replay/replay_ipfix_biflow.dat", "replay_ipfix_biflow", ipfix()},
        Case{"yaf/replay_biflow.yaf", "yaf_biflow", ipfix()}, Case{"yaf/replay_uniflow.yaf", "yaf_uniflow", ipfix()},
        Case{"yaf/replay_dpi.yaf", "yaf_dpi", ipfix()}}) {
    const auto read = decode(c.decoder, read_file(data_folder() / c.file));
    expect_records(read, c.truth);
    EXPECT_TRUE(read.skipped.empty()) << c.file << ": " << (read.skipped.empty() ? "" : read.skipped[0].reason);
    EXPECT_EQ(read.lost(), 0u) << c.file;
  }
}

TEST(ExportTruth, ChunksMakeNoDifference) {
  if (!have_captures()) return;
  for (const auto& entry : cases()) {
    if (entry.at("dir") == "netflow5" || entry.at("dir") == "ipfix_files") continue;
    const auto whole = decode_case(entry);
    for (const std::size_t chunk : {1u, 7u, 100u, 1460u})
      EXPECT_TRUE(decode_case(entry, {.chunk = chunk}) == whole) << entry.at("case");
  }
}

}  // namespace
}  // namespace mole::testing
