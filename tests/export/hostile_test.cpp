// Input that would overflow numbers, or use up memory or time, if it were not limited.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include "plugins/decoders/export/collector.hpp"
#include "plugins/decoders/export/plan.hpp"
#include "plugins/decoders/export/rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <span>

namespace mole::testing {
namespace {

namespace exported = plugins::flow_export;

const std::string largest(8, '\xff');

TEST(Export, HostileTimesDoNotOverflow) {
  struct Case {
    std::vector<FieldSpec> fields;
    std::string record;
  };
  for (const Case& c :
       {Case{{{150, 8}, {151, 8}}, largest + largest}, Case{{{152, 8}, {153, 8}}, largest + largest},
        Case{{{154, 8}, {155, 8}}, largest + largest}, Case{{{158, 8}, {159, 8}}, std::string("\x80", 1) + be(0, 7) + largest},
        Case{{{152, 8}, {161, 8}}, largest + largest}, Case{{{152, 8}, {162, 8}}, largest + largest},
        Case{{{153, 8}, {161, 8}}, be(0, 8) + largest}, Case{{{153, 8}, {162, 8}}, be(0, 8) + largest},
        Case{{{153, 8}, {161, 8}}, be(0, 8) + std::string("\x7f", 1) + be(0, 7)},
        Case{{{22, 4}, {21, 4}, {160, 8}}, be(1, 4) + be(0xffffffff, 4) + largest},
        Case{{{22, 8}, {21, 8}, {160, 8}}, largest + largest + be(1, 8)},
        Case{{{152, 0xffff}, {161, 0xffff}}, variable(largest) + variable(largest)}, Case{{{322, 8}, {4, 1}}, largest + be(6, 1)},
        Case{{{323, 8}, {4, 1}}, largest + be(6, 1)}}) {
    const auto d = decode(ipfix(), Message{}.ipfix(ipfix_template(256, c.fields) + set(256, c.record)),
                          {.elements = {{"time", 0, c.fields[0].id, MOLE_TYPE_TIME}}});
    ASSERT_EQ(d.flows.size(), 1u) << c.fields[0].id;
    for (const std::int64_t us : {d.flows[0].start_us, d.flows[0].end_us}) {
      EXPECT_LE(us, exported::max_us) << c.fields[0].id << " " << c.fields[1].id;
      EXPECT_GE(us, -exported::max_us) << c.fields[0].id << " " << c.fields[1].id;
    }
  }
  const auto late = decode(ipfix(), Message{}.ipfix(ipfix_template(256, {{152, 8}, {153, 8}}) + set(256, largest + largest)));
  EXPECT_EQ(late.flows[0].start_us, exported::max_us);
  EXPECT_EQ(late.flows[0].end_us, exported::max_us);
}

TEST(Export, HostileStartsOfTheExporterAndReverseFlowsDoNotOverflow) {
  for (const std::string& start : {largest, std::string("\x80", 1) + be(0, 7), std::string("\x7f", 1) + largest.substr(1)}) {
    const auto d = decode(ipfix(), Message{}.ipfix(ipfix_options(257, 1, {{149, 4}, {160, 8}}) + set(257, be(0, 4) + start) +
                                                   ipfix_template(256, {{22, 4}, {21, 4}}) + set(256, be(1, 4) + be(2, 4))));
    ASSERT_EQ(d.flows.size(), 1u);
    EXPECT_EQ(d.flows[0].end_us, exported::max_us);
  }
  const auto d = decode(ipfix(),
                        Message{}.ipfix(ipfix_template(256, {{152, 8}, {153, 8}, {21, 8, 6871}, {2, 4}, {2, 4, 29305}}) +
                                        set(256, be(1, 8) + be(2, 8) + largest + be(1, 4) + be(1, 4))),
                        {.biflows = "split"});
  ASSERT_EQ(d.flows.size(), 2u);
  EXPECT_EQ(d.flows[1].start_us, exported::max_us);
}

TEST(Export, TheStartInARecordIsBeforeAWrapOfSysUptime) {
  const std::uint64_t uptime = (std::uint64_t{1} << 32) + 5000;  // at the export, 49.7 days after the start
  const std::uint64_t export_ms = 1'700'000'000'000;
  for (const bool in_record : {true, false}) {
    const std::string start = be(export_ms - uptime, 8), times = be(0xffffffff - 1999, 4) + be(1000, 4);
    const std::string sets = in_record ? ipfix_template(256, {{22, 4}, {21, 4}, {160, 8}}) + set(256, times + start)
                                       : ipfix_options(257, 1, {{149, 4}, {160, 8}}) + set(257, be(0, 4) + start) +
                                             ipfix_template(256, {{22, 4}, {21, 4}}) + set(256, times);
    const auto d = decode(ipfix(), Message{}.ipfix(sets));
    ASSERT_EQ(d.flows.size(), 1u);
    EXPECT_EQ(d.flows[0].start_us, 1'699'999'993'000'000) << in_record;
    EXPECT_EQ(d.flows[0].end_us, 1'699'999'996'000'000) << in_record;
  }
}

TEST(Export, RowsThatAreKeptCountTheMemoryOfTheirValues) {
  exported::KeptRows kept;
  kept.allocate({}, exported::max_kept_rows);
  std::size_t values = 0;
  for (; !kept.full() && values < exported::max_kept_bytes; ++values) kept.put(0, 0, "", 0);
  EXPECT_LE(values, exported::max_kept_bytes / 16);
}

TEST(Export, SamplingIntervalsAreLimitedOverAllDomains) {
  const auto announce = [](std::uint32_t domain, std::uint32_t first, std::uint32_t count, std::uint32_t interval) {
    std::string records;
    for (std::uint32_t i = 0; i < count; ++i) records += be(first + i, 8) + be(interval, 4);
    return Message{0, domain}.ipfix(ipfix_options(300, 1, {{302, 8}, {34, 4}}) + set(300, records));
  };
  const auto use = [](std::uint32_t domain, std::uint32_t selector) {
    return Message{0, domain}.ipfix(ipfix_template(256, {{302, 8}}) + set(256, be(selector, 8)));
  };
  std::string bytes;
  for (std::uint32_t domain = 1; domain < 11; ++domain)
    for (std::uint32_t i = 0; i < 2; ++i) bytes += announce(domain, i * 4000, 4000, 100);
  bytes += announce(10, 0, 1, 200) + announce(1, 0, 1, 300);
  bytes += use(1, 7999) + use(10, 7999) + use(1, 0);
  const auto d = decode(ipfix(), bytes);
  ASSERT_EQ(d.flows.size(), 3u);
  EXPECT_EQ(d.flows[0][MOLE_COLUMN_SAMPLING], 100u);
  EXPECT_EQ(d.flows[1][MOLE_COLUMN_SAMPLING], 1u) << "more than 65536 in all domains";
  EXPECT_EQ(d.flows[2][MOLE_COLUMN_SAMPLING], 300u) << "a known one is updated";
}

TEST(Export, ManySmallTemplatesAreLimited) {
  std::string bytes;
  for (std::uint32_t domain = 0; domain < 8; ++domain)
    for (std::uint16_t id = 256; id < 256 + 4000; id = static_cast<std::uint16_t>(id + 1000)) {
      std::string records;
      for (std::uint16_t i = 0; i < 1000; ++i) records += template_record(static_cast<std::uint16_t>(id + i), {{2, 4}});
      bytes += Message{0, domain}.ipfix(set(2, records));
    }
  bytes += Message{0, 0}.ipfix(set(256, be(1, 4))) + Message{0, 7}.ipfix(set(4255, be(2, 4)));
  const auto d = decode(ipfix(), bytes);
  ASSERT_EQ(d.flows.size(), 1u) << "those of the first domains were forgotten";
  EXPECT_EQ(d.flows[0][MOLE_COLUMN_PACKETS], 2u);
}

// A host that only counts the bytes of values in a batch.
struct CountingHost {
  mole_flow_builder raw{};
  mole_element element{0, 82, MOLE_TYPE_TEXT, {"name", 4}};
  std::size_t bytes = 0, values = 0, largest = 0;

  CountingHost() {
    raw.struct_size = sizeof raw;
    raw.capacity = 1 << 16;
    raw.elements = &element;
    raw.element_count = 1;
    raw.element_values = this;
    raw.put = [](void* self, std::uint32_t, std::uint32_t, const void*, std::uint64_t size) {
      auto& host = *static_cast<CountingHost*>(self);
      host.bytes += size + 32;
      ++host.values;
      host.largest = std::max(host.largest, host.bytes);
      return std::int32_t{MOLE_OK};
    };
  }
};

TEST(Export, ABatchEndsBeforeItsValuesUseUpTheMemoryOfTheHost) {
  mole_decode_sink raw_sink{nullptr, [](void*, std::int64_t, std::uint32_t, std::uint64_t, std::uint32_t) {},
                            [](void*, std::uint64_t, std::uint64_t, mole_text) {}, nullptr};
  Sink sink(&raw_sink);
  const std::string define = Message{0}.ipfix(ipfix_template(256, {{2, 4}, {82, 0xffff}}));
  const std::string message = Message{1}.ipfix(set(256, be(1, 4) + variable(std::string(60'000, 'x'))));
  constexpr std::size_t wanted = 3000;
  exported::Collector collector(sink);
  CountingHost host;
  FlowBuilder out(&host.raw);
  std::size_t added = 0, rows = 0;
  while (!collector.ended()) {
    host.raw.rows = 0;
    host.bytes = 0;
    while (collector.write(out)) {
      const std::string& next = added == 0 ? define : message;
      if (added++ <= wanted)
        collector.add({std::as_bytes(std::span(next)), 0});
      else
        collector.finish();
    }
    rows += host.raw.rows;
  }
  EXPECT_EQ(host.values, wanted);
  EXPECT_EQ(rows, wanted);
  EXPECT_LE(host.largest, std::size_t{65} << 20);
  EXPECT_GE(host.largest, std::size_t{64} << 20);
}

double seconds_to_decode(const mole_decoder_v1& decoder, const std::string& bytes) {
  const std::clock_t start = std::clock();
  decode(decoder, bytes);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST(Export, HostileMessagesAreReadInLinearTime) {
  std::string zeros, withdrawals, waiting;
  for (std::uint32_t i = 0; i < 40; ++i) {
    zeros += Message{0}.ipfix(set(2, be(0, 65'000) + be(1, 4)));
    if (i == 0) {
      std::string records;
      for (std::uint16_t id = 256; id < 256 + 4000; ++id) records += template_record(id, {{2, 4}});
      withdrawals += Message{0}.ipfix(set(2, records));
    }
    std::string withdrawal, sets;
    for (std::uint32_t k = 0; k < 16'000; ++k) withdrawal += be(9000, 2) + be(0, 2);
    for (std::uint32_t k = 0; k < 8'000; ++k) sets += set(static_cast<std::uint16_t>(256 + k % 2), be(1, 4));
    withdrawals += Message{0}.ipfix(set(2, withdrawal));
    if (i < 4) waiting += Message{8'000 * i}.ipfix(sets);
  }
  EXPECT_LT(seconds_to_decode(ipfix(), zeros), 10);
  EXPECT_LT(seconds_to_decode(ipfix(), withdrawals), 10);
  EXPECT_LT(seconds_to_decode(ipfix(), waiting), 10);
}

}  // namespace
}  // namespace mole::testing
