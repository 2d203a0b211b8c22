#include "cli/simulate/archive.hpp"
#include "cli/simulate/event.hpp"
#include "cli/simulate/exporter.hpp"
#include "cli/simulate/network.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

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

// Returns the expected number of flows, without noise, from hour `from` to hour `to` of a day.
double expected(const SimulationSpec& spec, Micros day, int from, int to) {
  double sum = 0;
  for (int q = 4 * from; q < 4 * to; ++q) sum += static_cast<double>(expected_milliflows(spec, day + q * quarter_us)) / 1000;
  return sum;
}

struct Record {
  std::uint32_t source, destination, packets, bytes, source_port, destination_port, flags, protocol, source_as, destination_as;
  Micros first;
};

std::vector<Record> records_of(const std::string& content) {
  std::vector<Record> records;
  for (std::size_t at = 0; at < content.size();) {
    const auto count = big_endian(content, at + 2, 2), uptime = big_endian(content, at + 4, 4);
    const auto now = big_endian(content, at + 8, 4) * second_us + big_endian(content, at + 12, 4) / 1000;
    for (std::size_t i = 0; i < count; ++i) {
      const auto r = at + 24 + 48 * i;
      const auto field = [&](std::size_t offset, std::size_t size) { return big_endian(content, r + offset, size); };
      records.push_back({field(0, 4), field(4, 4), field(16, 4), field(20, 4), field(32, 2), field(34, 2), field(37, 1),
                         field(38, 1), field(40, 2), field(42, 2), now - static_cast<Micros>(uptime - field(24, 4)) * 1000});
    }
    at += 24 + 48 * count;
  }
  return records;
}

class Simulation : public ::testing::Test {
 protected:
  std::map<std::string, std::string> write(const SimulationSpec& spec, const char* name, unsigned threads) {
    const auto done = simulate_archive(spec, folder_ / name, threads, [](auto, auto) {});
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / name))
      if (entry.is_regular_file()) files[entry.path().lexically_relative(folder_ / name)] = *read_file(entry.path());
    return files;
  }
  mole::testing::TempFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
};

TEST_F(Simulation, WritesTheSameBytesForTheSameSeedOnAnyNumberOfThreads) {
  auto spec = two_routers("2007-09-24/PT6H");
  spec.gaps = {*parse_hour_of_router("19991@2007-09-24T03")};
  spec.damages = {*parse_damage("19993@2007-09-24T04:flip")};
  const auto one = write(spec, "one", 1);
  EXPECT_EQ(one, write(spec, "three", 3));
  spec.seed = 43;
  EXPECT_NE(one, write(spec, "other", 1));
}

TEST_F(Simulation, NamesFilesByRouterSequenceAndHourAndSkipsTheSequenceOfAGap) {
  auto spec = two_routers("2007-09-24/PT3H");
  spec.first_sequence = 40895;
  spec.gaps = {*parse_hour_of_router("19991@2007-09-24T01:20:00Z")};
  std::vector<std::string> names;
  for (const auto& [name, bytes] : write(spec, "a", 2)) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"19991_00040895_1190592000.dat.bz2", "19991_00040897_1190599200.dat.bz2",
                                             "19993_00040895_1190592000.dat.bz2", "19993_00040896_1190595600.dat.bz2",
                                             "19993_00040897_1190599200.dat.bz2", "routes/rib.2007-09-23.txt",
                                             "routes/rib.2007-09-24.txt", "simulated.json"}));
}

TEST_F(Simulation, RecordsGapsAndDamageInTheGroundTruth) {
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

TEST_F(Simulation, RefusesAFolderWithADifferentArchive) {
  write(two_routers("2007-09-24/PT1H"), "a", 1);
  write(two_routers("2007-09-24/PT1H"), "a", 1);  // writing the same archive again is allowed
  const auto other = simulate_archive(two_routers("2007-09-24/PT2H"), folder_ / "a", 1, [](auto, auto) {});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("contains a different archive"), std::string::npos);
}

TEST(TrafficShape, HasEightyPercentInTheDaytimeAndThirtyPercentOnWeekends) {
  const Micros monday = *parse_time("2007-09-24"), saturday = *parse_time("2007-09-22"), sunday = *parse_time("2007-09-23");
  auto spec = two_routers();
  spec.flows_per_hour = 10'000;
  const auto whole = expected(spec, monday, 0, 24);
  EXPECT_NEAR(whole, 240'000, 1);
  EXPECT_NEAR(expected(spec, monday, 7, 19) / whole, 0.80, 0.01);
  EXPECT_NEAR(expected(spec, saturday, 0, 24) / whole, 0.30, 0.001);
  EXPECT_NEAR(expected(spec, sunday, 0, 24) / whole, 0.30, 0.001);
}

TEST(TrafficShape, GrowsEveryYear) {
  auto spec = two_routers();
  spec.growth_per_million = 250'000;
  const auto begin = expected(spec, spec.range.from, 0, 24),
             later = expected(spec, spec.range.from + 2 * 364 * day_us, 0, 24);  // also a Monday
  EXPECT_NEAR(later / begin, 1.5, 0.005);
}

TEST(TrafficShape, HasTheRequestedNoise) {
  auto spec = two_routers();
  spec.flows_per_hour = 1'000'000;
  for (const std::uint64_t noise : {0U, 50'000U, 200'000U}) {
    spec.noise_per_million = noise;
    double sum = 0, squares = 0;
    const int n = 4 * 24 * 100;
    for (int q = 0; q < n; ++q) {
      const auto at = spec.range.from + q * quarter_us;
      const auto ratio =
          static_cast<double>(flows_of_quarter(spec, 19991, at)) * 1000 / static_cast<double>(expected_milliflows(spec, at));
      sum += ratio;
      squares += ratio * ratio;
    }
    EXPECT_NEAR(sum / n, 1, 0.02);
    EXPECT_NEAR(std::sqrt(squares / n - sum / n * sum / n), static_cast<double>(noise) / 1e6,
                0.12 * static_cast<double>(noise) / 1e6 + 0.001);
  }
}

TEST(TrafficShape, HasTheServiceMixOfTheReport) {
  Random random(1);
  std::map<std::uint16_t, double> share;
  const int n = 200'000;
  for (int i = 0; i < n; ++i) {
    const auto c = draw_request(random);
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

TEST(ExportedHour, IsNetFlowV5WithContinuousSequenceNumbers) {
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

// Counts the records of each data set; without lists and padding of the length of a record.
TEST(ExportedHour, IsIpfixWhoseSequenceNumbersCountOptionsRecords) {
  for (const bool in_options : {true, false}) {
    auto spec = two_routers();
    spec.format = SimulatedFormat::ipfix;
    spec.sampling = 100;
    spec.sampling_in = in_options ? SamplingSource::options : SamplingSource::record;
    const auto content = export_hour(spec, 0, spec.range.from + 9 * hour_us, 0).content;
    const auto at = [&](std::size_t i, std::size_t size) {
      std::uint32_t number = 0;
      while (size-- > 0) number = number << 8 | static_cast<unsigned char>(content[i++]);
      return number;
    };
    std::map<std::uint32_t, std::size_t> sizes;  // of the records of a template
    std::uint32_t next = at(8, 4), options = 0;
    for (std::size_t message = 0; message < content.size(); message += at(message + 2, 2)) {
      ASSERT_EQ(at(message + 8, 4), next) << message;
      for (std::size_t set = message + 16; set < message + at(message + 2, 2); set += at(set + 2, 2)) {
        const auto id = at(set, 2);
        for (std::size_t t = set + 4; id < 256 && t + 4 < set + at(set + 2, 2);) {
          auto& size = sizes[at(t, 2)];
          const std::size_t fields = at(t + 2, 2);
          size = 0;
          t += id == 3 ? 6 : 4;
          for (std::size_t i = 0; i < fields; ++i, t += 4) size += at(t + 2, 2);
        }
        if (id < 256) continue;
        const auto records = static_cast<std::uint32_t>((at(set + 2, 2) - 4) / sizes.at(id));
        next += records;
        if (id == 258) options += records;
      }
    }
    EXPECT_EQ(options > 0, in_options);
  }
}

TEST(ExportedHour, HasTheRequestedShareOfFlowsThatBeganBeforeTheHour) {
  auto spec = two_routers();
  spec.flows_per_hour = 20'000;
  spec.late_per_million = 250'000;
  const Micros noon = spec.range.from + 12 * hour_us;
  const auto exported = export_hour(spec, 0, noon, 0);
  std::uint64_t late = 0;
  Micros oldest = noon;
  for (const auto& r : records_of(exported.content)) {
    late += r.first < noon;
    oldest = std::min(oldest, r.first);
  }
  EXPECT_NEAR(static_cast<double>(late) / static_cast<double>(exported.truth.received.flows), 0.25, 0.015);
  EXPECT_GE(oldest, noon - active_timeout - 10 * second_us);
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

TEST(ExportedHour, LosesDatagramsWithoutChangingTheTraffic) {
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

TEST(ExportedHour, AnswersMostRequestsQuickly) {
  auto spec = two_routers();
  spec.flows_per_hour = 5'000;
  const auto records = records_of(export_hour(spec, 0, spec.range.from + 12 * hour_us, 0).content);
  std::size_t answered = 0, requests = 0;
  for (std::size_t i = 0; i + 1 < records.size(); ++i) {
    const auto& request = records[i];
    const auto& reply = records[i + 1];
    if (request.protocol != 6 || (i > 0 && records[i - 1].destination == request.source)) continue;
    ++requests;
    const bool pair = reply.source == request.destination && reply.source_port == request.destination_port;
    if (!pair) continue;
    ++answered;
    ASSERT_GE(reply.first, request.first);
    ASSERT_LE(reply.first, request.first + second_us / 5);
  }
  EXPECT_NEAR(static_cast<double>(answered) / static_cast<double>(requests), 0.9, 0.02);
}

TEST(Routes, MatchTheAsNumbersOfTheRecords) {
  auto spec = two_routers("2007-09-24/P2D");
  for (const Micros at : {spec.range.from + 2 * hour_us, spec.range.from + 26 * hour_us})
    for (const auto& r : records_of(export_hour(spec, 0, at, 0).content)) {
      ASSERT_EQ(r.source_as, as_of(r.source, r.first));
      ASSERT_EQ(r.destination_as, as_of(r.destination, r.first));
      ASSERT_NE(r.source_as, 0);
    }
  const auto monday = routing_table(spec.range.from), tuesday = routing_table(spec.range.from + day_us);
  EXPECT_TRUE(monday.starts_with("10.19.0.0/16 64512\n100.64.0.0/20 "));
  EXPECT_EQ(std::count(monday.begin(), monday.end(), '\n'), 1 + 1024 + 32);
  EXPECT_NE(monday, tuesday);
  EXPECT_EQ(as_of(0x08080808, 0), 0);
}

TEST(Event, IsParsedAndFormatted) {
  EXPECT_EQ(event_text(*parse_event("scan@2007-09-23T10:00/2h")), "scan@2007-09-23T10:00:00Z/2h:0.3");
  EXPECT_EQ(event_text(*parse_event("outage@2007-09-23/1d:0.7@19991")), "outage@2007-09-23T00:00:00Z/1d:0.7@19991");
  EXPECT_EQ(event_text(*parse_event("crowd@@1190592000/15m@7")), "crowd@2007-09-24T00:00:00Z/15m:1@7");
  for (const auto* bad : {"", "scan", "flood@2007-09-23/1h", "scan@2007-09-23", "scan@yesterday/1h", "scan@2007-09-23/0s",
                          "scan@2007-09-23/90s", "scan@2007-09-23/1h:0", "scan@2007-09-23/1h:-1", "scan@2007-09-23/1h:x",
                          "outage@2007-09-23/1h:1.5", "scan@2007-09-23/1h@r1", "scan@2007-09-23/1h:nan"}) {
    const auto event = parse_event(bad);
    ASSERT_FALSE(event) << bad;
    EXPECT_EQ(event.error().code, Code::invalid);
    EXPECT_NE(event.error().message.find("write KIND@TIME/LENGTH"), std::string::npos);
  }
}

std::multiset<std::string> lines_of(const std::vector<Record>& records) {
  std::multiset<std::string> lines;
  for (const auto& r : records)
    lines.insert(fmt::format("{} {} {} {} {} {} {} {}", r.source, r.destination, r.source_port, r.destination_port, r.packets,
                             r.bytes, r.flags, r.first));
  return lines;
}

TEST(Event, AddsFlowsWithoutChangingTheOthers) {
  auto spec = two_routers();
  spec.flows_per_hour = 2'000;
  const auto before = [&] {
    std::multiset<std::string> all;
    for (int h = 9; h < 13; ++h) all.merge(lines_of(records_of(export_hour(spec, 0, spec.range.from + h * hour_us, 0).content)));
    return all;
  }();
  for (const auto* text :
       {"scan@2007-09-24T10:20/70m:0.5", "portscan@2007-09-24T10:20/70m:0.5", "crowd@2007-09-24T10:20/70m:0.5"}) {
    spec.events = {*parse_event(text)};
    std::vector<Record> records;
    std::uint64_t added = 0;
    for (int h = 9; h < 13; ++h) {
      const auto hour = export_hour(spec, 0, spec.range.from + h * hour_us, 0);
      EXPECT_EQ(flows_of_hour(spec, 0, spec.range.from + h * hour_us), hour.truth.measured.flows);
      added += hour.by_event[0];
      const auto of_hour = records_of(hour.content);
      records.insert(records.end(), of_hour.begin(), of_hour.end());
    }
    EXPECT_EQ(added, 1166u) << text;  // half of 2000 per hour, for 70 minutes
    EXPECT_EQ(records.size(), before.size() + added);
    const auto after = lines_of(records);
    EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end())) << text;
    const auto parties = parties_of(spec, 0);
    std::set<std::uint32_t> sources, targets, ports;
    for (const auto& r : records) {
      const bool crowd = spec.events[0].kind == EventKind::crowd;
      if (crowd ? r.destination != parties.destination || r.destination_port != 80 : r.source != parties.source) continue;
      if (!crowd && (r.flags != 2 || r.bytes != 48)) continue;
      sources.insert(r.source);
      targets.insert(r.destination);
      ports.insert(r.destination_port);
    }
    switch (spec.events[0].kind) {
      case EventKind::scan:
        EXPECT_GE(targets.size(), added);
        EXPECT_LT(ports.size(), 10u);
        break;
      case EventKind::portscan:
        EXPECT_GE(ports.size(), added);
        EXPECT_LT(targets.size(), 10u);
        break;
      default:
        EXPECT_GT(sources.size(), 200u);
        EXPECT_EQ(targets.size(), 1u);
    }
  }
}

TEST(Event, OutageRemovesAllFlowsOfSomeAutonomousSystems) {
  auto spec = two_routers();
  spec.flows_per_hour = 5'000;
  const auto eleven = spec.range.from + 11 * hour_us;
  const auto baseline = export_hour(spec, 0, eleven, 0);
  spec.events = {*parse_event("outage@2007-09-24T11:00/30m:0.5@19991")};
  const auto reduced = export_hour(spec, 0, eleven, 0);
  EXPECT_EQ(reduced.truth.measured.flows + reduced.by_event[0], baseline.truth.measured.flows);
  EXPECT_EQ(flows_of_hour(spec, 0, eleven), reduced.truth.measured.flows);
  EXPECT_EQ(export_hour(spec, 1, eleven, 0).by_event[0], 0u);  // the other router is not affected
  const auto share = [&](Micros t) {
    return static_cast<double>(reduced.by_interval.at(t).measured.flows) /
           static_cast<double>(baseline.by_interval.at(t).measured.flows);
  };
  EXPECT_NEAR(share(eleven), 0.5, 0.2);  // a few ASes have much of the traffic
  EXPECT_EQ(share(eleven + 30 * minute_us), 1);
  std::set<std::uint32_t> left, all;
  const auto outside_as = [&](const Record& r) { return is_home(r.source) ? r.destination_as : r.source_as; };
  const auto during = [&](const Record& r) { return r.first >= eleven && r.first < eleven + 30 * minute_us; };
  std::map<std::uint32_t, int> flows_before, flows_after;
  for (const auto& r : records_of(baseline.content))
    if (during(r) && is_home(r.source) != is_home(r.destination)) ++flows_before[outside_as(r)];
  for (const auto& r : records_of(reduced.content))
    if (during(r) && is_home(r.source) != is_home(r.destination)) ++flows_after[outside_as(r)];
  for (const auto& [as, flows] : flows_after) EXPECT_EQ(flows, flows_before[as]);  // all or nothing
  EXPECT_LT(flows_after.size(), flows_before.size() * 3 / 4);
  // The sequence is continuous: nothing was lost between router and collector.
  const auto headers = headers_of(reduced.content);
  for (std::size_t i = 1; i < headers.size(); ++i) ASSERT_EQ(headers[i].sequence, headers[i - 1].sequence + headers[i - 1].count);
}

TEST_F(Simulation, RecordsEventsInTheGroundTruth) {
  auto spec = two_routers("2007-09-24/PT3H");
  spec.events = {*parse_event("scan@2007-09-24T01:00/1h:2"), *parse_event("outage@2007-09-24T01:00/1h@19993")};
  const auto truth = nlohmann::json::parse(write(spec, "a", 2).at("simulated.json"));
  ASSERT_EQ(truth["events"].size(), 2u);
  const auto scan = truth["events"][0];
  EXPECT_EQ(scan["kind"], "scan");
  EXPECT_EQ(scan["from"], "2007-09-24T01:00:00Z");
  EXPECT_EQ(scan["flows"]["19991"], 800);
  EXPECT_EQ(scan["flows"]["19993"], 800);
  EXPECT_TRUE(scan["source"].is_string());
  EXPECT_TRUE(scan["destination"].is_null());
  EXPECT_TRUE(truth["events"][1]["source"].is_null());
  EXPECT_FALSE(truth["events"][1]["flows"].contains("19991"));
  EXPECT_GT(truth["events"][1]["flows"]["19993"], 50);
  spec.events[0].span.to += 2 * day_us;
  const auto outside = simulate_archive(spec, folder_ / "b", 1, [](auto, auto) {});
  ASSERT_FALSE(outside);
  EXPECT_NE(outside.error().message.find("is not inside"), std::string::npos);
}

}  // namespace
}  // namespace mole::cli
