#include "cli/simulate/archive.hpp"
#include "cli/simulate/profile.hpp"
#include "sdk/descriptor/durable_file.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace mole::cli {
namespace {

SimulationSpec two_routers(const char* range = "2007-09-24/P1D") {  // a Monday
  SimulationSpec spec;
  spec.seed = 42;
  spec.range = *parse_range(range);
  spec.routers = {19991, 19993};
  spec.flows_per_hour = 400;
  return spec;
}

std::uint32_t big_endian(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

struct Header {
  std::uint32_t version, count, uptime, seconds, nanos, sequence, engine;
};

std::vector<Header> headers_of(const std::string& content) {
  std::vector<Header> headers;
  for (std::size_t at = 0; at < content.size(); at += 24 + 48 * headers.back().count)
    headers.push_back({big_endian(content, at, 2), big_endian(content, at + 2, 2), big_endian(content, at + 4, 4),
                       big_endian(content, at + 8, 4), big_endian(content, at + 12, 4), big_endian(content, at + 16, 4),
                       big_endian(content, at + 20, 2)});
  return headers;
}

std::uint64_t flows_of_day(Micros day, int from, int to) {
  std::uint64_t sum = 0;
  for (int h = from; h < to; ++h) sum += flows_of_hour(10'000, day + h * hour_us);
  return sum;
}

class Simulation : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/mole-simulate-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::map<std::string, std::string> write(const SimulationSpec& spec, const char* name, unsigned threads) {
    const auto done = simulate_archive(spec, folder_ / name, threads, [](auto, auto) {});
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / name))
      files[entry.path().filename()] = *read_file(entry.path());
    return files;
  }
  std::filesystem::path folder_;
};

TEST_F(Simulation, GivesTheSameBytesForTheSameSeedOnAnyNumberOfThreads) {
  auto spec = two_routers("2007-09-24/PT6H");
  spec.gaps = {*parse_hour_of_router("19991@2007-09-24T03")};
  spec.damages = {*parse_damage("19993@2007-09-24T04:flip")};
  const auto one = write(spec, "one", 1);
  EXPECT_EQ(one, write(spec, "three", 3));
  spec.seed = 43;
  EXPECT_NE(one, write(spec, "other", 1));
}

TEST_F(Simulation, NamesFilesByRouterNumberAndHourAndUsesUpTheNumberOfAGap) {
  auto spec = two_routers("2007-09-24/PT3H");
  spec.first_sequence = 40895;
  spec.gaps = {*parse_hour_of_router("19991@2007-09-24T01:20:00Z")};
  std::vector<std::string> names;
  for (const auto& [name, bytes] : write(spec, "a", 2)) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"19991_00040895_1190592000.dat.bz2", "19991_00040897_1190599200.dat.bz2",
                                             "19993_00040895_1190592000.dat.bz2", "19993_00040896_1190595600.dat.bz2",
                                             "19993_00040897_1190599200.dat.bz2", "simulated.json"}));
}

TEST_F(Simulation, TellsTheTruthAboutGapsAndDamage) {
  auto spec = two_routers("2007-09-24/PT3H");
  spec.gaps = {*parse_hour_of_router("19991@2007-09-24T01")};
  spec.damages = {*parse_damage("19993@2007-09-24T01"), *parse_damage("19993@2007-09-24T02:cut")};
  const auto files = write(spec, "a", 1);
  const auto truth = nlohmann::json::parse(files.at("simulated.json"));
  const auto file = [&](std::size_t i) { return truth["files"][i]; };
  EXPECT_TRUE(file(1)["missing"]);
  EXPECT_EQ(file(4)["damage"]["kind"], "truncate");
  EXPECT_EQ(file(4)["damage"]["compressed"][0], files.at(file(4)["file"]).size());
  EXPECT_EQ(file(5)["damage"]["content"][1], file(5)["content_bytes"]);
  EXPECT_EQ(file(5)["damage"]["content"][0], file(5)["content_bytes"].get<int>() - 700);
  std::uint64_t of_files = 0, received = 0, measured = 0;
  for (const auto& f : truth["files"]) of_files += f["missing"] ? 0 : f["bytes"].get<std::uint64_t>();
  for (const auto& i : truth["intervals"]) {
    received += i["received"]["bytes"].get<std::uint64_t>();
    measured += i["measured"]["bytes"].get<std::uint64_t>();
  }
  EXPECT_EQ(of_files, received);
  EXPECT_EQ(measured - received, file(1)["bytes"].get<std::uint64_t>());
}

TEST_F(Simulation, LeavesAnotherArchiveAlone) {
  write(two_routers("2007-09-24/PT1H"), "a", 1);
  write(two_routers("2007-09-24/PT1H"), "a", 1);  // the same one again is harmless
  const auto other = simulate_archive(two_routers("2007-09-24/PT2H"), folder_ / "a", 1, [](auto, auto) {});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("holds another simulated archive"), std::string::npos);
}

TEST(TrafficShape, PutsFourFifthsIntoTheDayAndThirtyPercentIntoWeekends) {
  const Micros monday = *parse_time("2007-09-24"), saturday = *parse_time("2007-09-22"),
               sunday = *parse_time("2007-09-23");
  const auto whole = static_cast<double>(flows_of_day(monday, 0, 24));
  EXPECT_EQ(whole, 240'000);
  EXPECT_NEAR(static_cast<double>(flows_of_day(monday, 7, 19)) / whole, 0.80, 0.001);
  EXPECT_NEAR(static_cast<double>(flows_of_day(saturday, 0, 24)) / whole, 0.30, 0.001);
  EXPECT_NEAR(static_cast<double>(flows_of_day(sunday, 0, 24)) / whole, 0.30, 0.001);
}

TEST(TrafficShape, MixesLabelsAsTheReportDoes) {
  Random random(1);
  std::map<std::uint16_t, double> share;
  const int n = 200'000;
  for (int i = 0; i < n; ++i) {
    const auto c = draw_conversation(random);
    std::uint16_t label = 0;
    for (const std::uint16_t port : {80, 53, 443, 25, 22, 21})
      if (c.source_port == port || c.destination_port == port) label = port;
    share[label] += 1.0 / n;
    ASSERT_GE(c.bytes, c.packets * 28u);
    ASSERT_LE(c.bytes, c.packets * 1500u);
  }
  EXPECT_NEAR(share[0], 0.8039, 0.004);
  EXPECT_NEAR(share[80], 0.0812, 0.003);
  EXPECT_NEAR(share[53], 0.0704, 0.003);
  EXPECT_NEAR(share[443], 0.0194, 0.002);
}

TEST(ExportedHour, IsNetflowFiveWithASequenceThatContinues) {
  const auto spec = two_routers();
  const Micros nine = spec.range.from + 9 * hour_us;
  const auto first = export_hour(spec, 0, nine, 5000);
  const auto next = export_hour(spec, 0, nine + hour_us, 5000 + static_cast<std::uint32_t>(first.truth.measured.flows));
  auto headers = headers_of(first.content);
  EXPECT_EQ(headers.size(), first.datagrams);
  const auto border = headers.size();
  for (const auto& h : headers_of(next.content)) headers.push_back(h);
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto& h = headers[i];
    ASSERT_EQ(h.version, 5u);
    ASSERT_TRUE(h.count >= 1 && h.count <= 30);
    const Micros at = h.seconds * second_us + h.nanos / 1000, hour = i < border ? nine : nine + hour_us;
    ASSERT_TRUE(at >= hour && at < hour + hour_us);
    if (i == 0) continue;
    ASSERT_EQ(h.sequence, headers[i - 1].sequence + headers[i - 1].count);
    const Micros before = headers[i - 1].seconds * second_us + headers[i - 1].nanos / 1000;
    ASSERT_EQ(h.uptime - headers[i - 1].uptime, static_cast<std::uint32_t>((at - before) / 1000));
  }
}

TEST(ExportedHour, HoldsTheWishedShareOfFlowsThatBeganBefore) {
  auto spec = two_routers();
  spec.flows_per_hour = 20'000;
  const Micros noon = spec.range.from + 12 * hour_us;
  const auto exported = export_hour(spec, 0, noon, 0);
  std::uint64_t late = 0, oldest = 0;
  for (std::size_t at = 0; at < exported.content.size();) {
    const auto count = big_endian(exported.content, at + 2, 2), uptime = big_endian(exported.content, at + 4, 4);
    const auto now =
        big_endian(exported.content, at + 8, 4) * second_us + big_endian(exported.content, at + 12, 4) / 1000;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Micros age = static_cast<Micros>(uptime - big_endian(exported.content, at + 24 + 48 * i + 24, 4)) * 1000;
      late += now - age < noon;
      oldest = std::max<std::uint64_t>(oldest, static_cast<std::uint64_t>(age));
    }
    at += 24 + 48 * count;
  }
  EXPECT_NEAR(static_cast<double>(late) / static_cast<double>(exported.truth.received.flows), 0.25, 0.015);
  EXPECT_LE(oldest, static_cast<std::uint64_t>(active_timeout + 10 * second_us));
}

TEST(ExportedHour, WrapsTheUptimeOfTheSecondRouterInsideTheRange) {
  const auto spec = two_routers();
  std::uint32_t before = 0;
  int wraps = 0;
  for (Micros hour = spec.range.from; hour < spec.range.to; hour += hour_us)
    for (const auto& h : headers_of(export_hour(spec, 1, hour, 0).content)) {
      wraps += h.uptime < before;
      before = h.uptime;
    }
  EXPECT_EQ(wraps, 1);
}

TEST(ExportedHour, LosesDatagramsAsAskedWithoutChangingTheTraffic) {
  auto spec = two_routers();
  const auto whole = export_hour(spec, 0, spec.range.from + 9 * hour_us, 0);
  spec.loss_per_million = 200'000;
  const auto lossy = export_hour(spec, 0, spec.range.from + 9 * hour_us, 0);
  EXPECT_EQ(lossy.truth.measured, whole.truth.measured);
  EXPECT_LT(lossy.truth.received.flows, whole.truth.received.flows);
  std::uint32_t lost = 0, expected = headers_of(whole.content).front().sequence;
  for (const auto& h : headers_of(lossy.content)) {
    lost += h.sequence - expected;
    expected = h.sequence + h.count;
  }
  lost += headers_of(whole.content).back().sequence + headers_of(whole.content).back().count - expected;
  EXPECT_EQ(lost, lossy.truth.measured.flows - lossy.truth.received.flows);
}

}  // namespace
}  // namespace mole::cli
