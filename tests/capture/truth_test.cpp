// Compares every record of real captures with the output of independent tools.
#include "tests/capture/support.hpp"
#include "tests/support/captures.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace mole::testing {
namespace {
using nlohmann::json;

struct Times {
  std::string first, last;
  auto operator<=>(const Times&) const = default;
};
// The times of flows, by their other fields "src,dst,sport,dport,proto,bytes,packets".
using Records = std::map<std::string, std::vector<Times>>;

void add(Records& records, const std::string& line) {
  std::vector<std::string> fields;
  std::stringstream in(line);
  for (std::string field; std::getline(in, field, ',');) fields.push_back(field);
  fields.resize(std::max<std::size_t>(fields.size(), 9));
  // A missing number is 0, a missing address 0.0.0.0; ICMP has no ports.
  for (std::size_t i = 0; i < 7; ++i)
    if (fields[i].empty()) fields[i] = i < 2 ? "0.0.0.0" : "0";
  if (fields[4] == "1" || fields[4] == "58") fields[2] = fields[3] = "0";
  std::string key;
  for (std::size_t i = 0; i < 7; ++i) key += fields[i] + ',';
  records[key].push_back({fields[7], fields[8] == "0" ? "" : fields[8]});
}

Records truth_of(const std::string& name) {
  Records records;
  std::FILE* pipe = ::popen(("gzip -dc '" + (data_folder() / "truth" / (name + ".records.csv.gz")).string() + "'").c_str(), "r");
  if (pipe == nullptr) return records;
  char buffer[1024];
  bool header = true;
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr)
    if (!std::exchange(header, false)) add(records, buffer);
  EXPECT_EQ(::pclose(pipe), 0) << name;
  return records;
}

void expect_same(Records read, Records truth, const std::string& name) {
  for (auto& [flow, times] : truth) {
    auto& other = read[flow];
    EXPECT_EQ(other.size(), times.size()) << name << ": " << flow;
    // The truth lacks times that its tools cannot compute.
    for (const auto part : {&Times::first, &Times::last})
      if (std::any_of(times.begin(), times.end(), [&](const Times& t) { return (t.*part).empty(); }))
        for (auto* list : {&times, &other})
          for (auto& t : *list) (t.*part).clear();
    std::sort(times.begin(), times.end());
    std::sort(other.begin(), other.end());
    EXPECT_TRUE(other == times) << name << ": times of " << flow;
  }
  EXPECT_EQ(read.size(), truth.size()) << name << ": flows that the truth does not have";
}

TEST(CaptureTruth, EveryRecordOfTheVendorsCapturesIsRead) {
  if (!have_captures()) return;
  std::size_t cases = 0;
  for (const auto& entry : json::parse(std::ifstream(data_folder() / "cases.json"))) {
    const std::string name = entry.at("case");
    if (!std::string(entry.at("files")[0]).ends_with(".pcap")) continue;
    ++cases;
    std::string bytes;  // several captures are read as one
    for (const std::string file : entry.at("files")) {
      std::ifstream in(data_folder() / file, std::ios::binary);
      bytes.append(std::istreambuf_iterator<char>(in), {});
    }
    const json truth = json::parse(std::ifstream(data_folder() / "truth" / (name + ".json")));
    const auto read = decode_capture(bytes);
    for (const std::size_t chunk : {1u, 7u, 1460u}) EXPECT_TRUE(decode_capture(bytes, {.chunk = chunk}) == read) << name;
    // Both tools drop the 11 flows that precede their template in the same datagram (docs/formats/netflow9.md).
    if (name == "v9_akvorado_bundle") {
      EXPECT_EQ(read.flows.size(), truth.at("tshark").at("records").get<std::size_t>() + 11);
      continue;
    }
    EXPECT_EQ(read.datagrams.size(), truth.at("datagrams")) << name;
    EXPECT_EQ(read.flows.size(), truth.at("tshark").at("records")) << name;
    EXPECT_EQ(read.sum(MOLE_COLUMN_BYTES), truth.at("tshark").at("bytes")) << name;
    EXPECT_EQ(read.sum(MOLE_COLUMN_PACKETS), truth.at("tshark").value("packets", 0u)) << name;
    Records records;
    for (const auto& line : read.lines()) add(records, line);
    expect_same(records, truth_of(name), name);
  }
  EXPECT_EQ(cases, 11u);
}

}  // namespace
}  // namespace mole::testing
