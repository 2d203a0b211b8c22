// Compares every record of the real v5 captures with the output of independent tools.
#include "runtime/decode/bzip2_writer.hpp"
#include "tests/decode/support.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace mole::runtime::test {
namespace {
namespace fs = std::filesystem;

std::vector<std::string> truth_of(const fs::path& data, const std::string& name) {
  std::vector<std::string> lines;
  const std::string command = "gzip -dc '" + (data / "truth" / (name + ".records.csv.gz")).string() + "'";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return lines;
  char buffer[1024];
  bool header = true;
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) {
    std::string line(buffer);
    if (!std::exchange(header, false)) {
      std::size_t end = 0;  // the first nine fields
      for (int comma = 0; comma < 9; ++comma) end = line.find(',', end) + 1;
      line.resize(end - 1);
      lines.push_back(line);
    }
  }
  EXPECT_EQ(::pclose(pipe), 0) << name;
  return lines;
}

std::vector<std::string> sorted(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

void expect_truth(const fs::path& data, const std::string& file, const std::string& name) {
  const auto read = read_flows(data / file);
  EXPECT_EQ(sorted(read.flows), sorted(truth_of(data, name))) << file;
  EXPECT_EQ(read.report.state, task::FileState::sound) << file;
  EXPECT_EQ(read.report.flows, read.flows.size());
}

TEST(Truth, EveryRecordOfSingleCapturesIsRead) {
  const auto data = test_data();
  if (data.empty()) return;
  expect_truth(data, "netflow5/netflow5.dat", "v5_softflowd");
  expect_truth(data, "netflow5/netflow5_test_juniper_mx80.dat", "v5_juniper_mx80");
  expect_truth(data, "replay/replay_v5.dat", "replay_v5");
}

// Its header claims 55582 records: tshark shows 30 records of garbage, nfdump and Data Mole none.
TEST(Truth, ADatagramWithAnImpossibleCountIsRejected) {
  const auto data = test_data();
  if (data.empty()) return;
  const auto read = read_flows(data / "netflow5/netflow5_test_invalid01.dat");
  EXPECT_TRUE(read.flows.empty());
  EXPECT_EQ(read.report.state, task::FileState::unreadable);
  ASSERT_EQ(read.report.lost_content.size(), 1u);
  EXPECT_EQ(read.report.lost_content[0].from, 0u);
  EXPECT_EQ(read.report.lost_content[0].to, 1464u);
}

TEST(Truth, EveryRecordOfTheArchiveIsRead) {
  const auto data = test_data();
  if (data.empty()) return;
  const auto files = nlohmann::json::parse(std::ifstream(data / "archive" / "files.json"));
  std::size_t damaged = 0;
  for (const auto& entry : files) {
    const std::string name = entry.at("file");
    if (!fs::exists(data / "archive" / name)) continue;
    const std::string hour = name.substr(0, name.find('.'));
    const auto truth = sorted(truth_of(data, "archive_" + hour));
    const auto read = read_flows(data / "archive" / name);
    const bool sound = entry.at("readable_whole_datagrams") == entry.at("datagrams");
    if (sound) {
      EXPECT_EQ(sorted(read.flows), truth) << name;
      EXPECT_EQ(read.report.state, task::FileState::sound) << name;
      EXPECT_EQ(read.report.datagrams, entry.at("datagrams")) << name;
    } else {
      ++damaged;
      EXPECT_EQ(read.report.state, task::FileState::damaged) << name;
      EXPECT_FALSE(read.report.lost_compressed.empty() && read.report.lost_content.empty()) << name;
      const auto have = sorted(read.flows);
      EXPECT_TRUE(std::includes(have.begin(), have.end(), truth.begin(), truth.end()))
          << name << ": readable records are missing";
      const std::string router = name.substr(0, 5);
      const auto all = sorted(truth_of(data, "archive_" + router + "_all_hours_undamaged"));
      EXPECT_TRUE(std::includes(all.begin(), all.end(), have.begin(), have.end())) << name << ": records that do not exist";
    }
    EXPECT_EQ(read.report.flows_lost, 0u) << name;
  }
  EXPECT_EQ(damaged, 3u);
}

TEST(Truth, OneAndSeveralThreadsReadTheSameFlows) {
  const auto data = test_data();
  if (data.empty()) return;
  for (const auto& entry : fs::directory_iterator(data / "archive")) {
    if (entry.path().extension() != ".bz2") continue;
    const auto one = read_flows(entry.path(), {}, 1), four = read_flows(entry.path(), {}, 4);
    EXPECT_EQ(one.flows, four.flows);
    EXPECT_EQ(nlohmann::json(one.report), nlohmann::json(four.report));
  }
}

}  // namespace
}  // namespace mole::runtime::test
