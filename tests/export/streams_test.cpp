// Streams of NetFlow v9 and IPFIX written by these tests, with the flows that the RFCs define.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace mole::testing {
namespace {

std::vector<std::uint64_t> packets_of(const Decoded& d) {
  std::vector<std::uint64_t> out;
  for (const auto& f : d.flows) out.push_back(f[MOLE_COLUMN_PACKETS]);
  return out;
}
using Numbers = std::vector<std::uint64_t>;

TEST(Export, ReadsNumbersOfAnyLength) {
  for (std::uint16_t length = 1; length <= 8; ++length) {
    const std::uint64_t bytes = length == 8 ? 0x0102030405060708 : (std::uint64_t{1} << (8 * length)) - 2;
    const auto fields = std::vector<FieldSpec>{{8, 4}, {1, length}, {2, length}, {7, 2}};
    const std::string record = be(0x0a000001, 4) + be(bytes, length) + be(1, length) + be(53, 2);
    for (const auto& d : {decode(ipfix(), Message{}.ipfix(ipfix_template(256, fields) + set(256, record + record))),
                          decode(netflow9(), Message{}.v9(v9_template(256, fields) + set(256, record + record)))}) {
      ASSERT_EQ(d.flows.size(), 2u) << length;
      EXPECT_EQ(d.flows[1][MOLE_COLUMN_BYTES], bytes);
      EXPECT_EQ(d.flows[1][MOLE_COLUMN_PACKETS], 1u);
      EXPECT_EQ(d.flows[1][MOLE_COLUMN_SRC_PORT], 53u);
    }
  }
}

TEST(Export, ReadsFieldsOfVariableLength) {
  const std::string longest(300, 'x');
  const auto fields = std::vector<FieldSpec>{{8, 4}, {82, 0xffff}, {1, 4}, {83, 0xffff}, {2, 0xffff}};
  std::string records;
  for (const std::string& name : {std::string(), std::string("eth0"), longest})
    records += be(1, 4) + variable(name, name == "eth0") + be(77, 4) + variable("b") + variable(be(5, 3));
  for (const bool v9 : {false, true}) {
    const auto d = decode(v9 ? netflow9() : ipfix(),
                          v9 ? Message{}.v9(v9_template(300, fields) + set(300, records, 2))
                             : Message{}.ipfix(ipfix_template(300, fields) + set(300, records, 2)),
                          {.elements = {{"name", 0, 82, MOLE_TYPE_TEXT}}});
    ASSERT_EQ(d.flows.size(), 3u);
    EXPECT_EQ(d.sum(MOLE_COLUMN_BYTES), 3 * 77u);
    EXPECT_EQ(packets_of(d), (Numbers{5, 5, 5}));
    EXPECT_EQ(d.flows[1].elements.at("name"), std::vector<std::string>{"eth0"});
    EXPECT_EQ(d.flows[2].elements.at("name"), std::vector<std::string>{longest});
    EXPECT_TRUE(d.skipped.empty());
  }
}

TEST(Export, ATemplateIsReplacedByItsRedefinition) {
  const auto other = std::vector<FieldSpec>{{2, 4}, {8, 4}};
  const auto d = decode(ipfix(), Message{0}.ipfix(ipfix_template(256, simple_fields) + set(256, simple_record(7))) +
                                     Message{1}.ipfix(ipfix_template(256, other) + set(256, be(8, 4) + be(0x0a000008, 4))));
  EXPECT_EQ(packets_of(d), (Numbers{7, 8}));
}

TEST(Export, AWithdrawnTemplateIsForgotten) {
  for (const std::string& withdrawal : {set(2, be(256, 2) + be(0, 2)), set(2, be(2, 2) + be(0, 2))}) {
    const auto d =
        decode(ipfix(), Message{0}.ipfix(ipfix_template(256, simple_fields) + set(256, simple_record(7))) +
                            Message{1}.ipfix(withdrawal) + Message{1}.ipfix(set(256, simple_record(8))) + Message{2}.ipfix(""));
    EXPECT_EQ(packets_of(d), Numbers{7});
    EXPECT_EQ(d.lost(), 1u);
    ASSERT_EQ(d.skipped.size(), 1u);
    EXPECT_NE(d.skipped[0].reason.find("no template 256"), std::string::npos);
  }
}

TEST(Export, DataBeforeItsTemplateIsDecodedWhenTheTemplateArrives) {
  const auto d =
      decode(ipfix(), Message{0}.ipfix(set(256, simple_records(1, 3))) + Message{3}.ipfix(set(256, simple_records(4, 2))) +
                          Message{5}.ipfix(ipfix_template(256, simple_fields) + set(256, simple_record(6))));
  EXPECT_EQ(packets_of(d), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(d.lost(), 0u);
  EXPECT_TRUE(d.skipped.empty());
  const auto v9 = decode(netflow9(), Message{0}.v9(set(256, simple_records(1, 3))) +
                                         Message{1}.v9(v9_template(256, simple_fields) + set(256, simple_record(6))));
  EXPECT_EQ(packets_of(v9), (Numbers{1, 2, 3, 6}));
  EXPECT_EQ(v9.lost(), 0u);
}

TEST(Export, DataWithoutTemplateCountsAsLost) {
  const auto d =
      decode(ipfix(), Message{0}.ipfix(ipfix_template(256, simple_fields) + set(256, simple_record(1))) +
                          Message{1}.ipfix(set(257, simple_records(1, 5))) + Message{6}.ipfix(set(256, simple_record(9))));
  EXPECT_EQ(packets_of(d), (Numbers{1, 9}));
  EXPECT_EQ(d.lost(), 5u) << "the sequence shows how many";
  ASSERT_EQ(d.skipped.size(), 1u);
  EXPECT_EQ(d.skipped[0].size, 5 * 40u);
}

TEST(Export, DomainsHaveTheirOwnTemplatesAndSequences) {
  const auto other = std::vector<FieldSpec>{{2, 4}, {8, 4}};
  std::string bytes = Message{0, 1}.ipfix(ipfix_template(256, simple_fields)) + Message{500, 2}.ipfix(ipfix_template(256, other));
  for (std::uint32_t i = 0; i < 10; ++i)
    bytes += Message{i, 1}.ipfix(set(256, simple_record(3))) + Message{500 + i, 2}.ipfix(set(256, be(4, 4) + be(1, 4)));
  const auto d = decode(ipfix(), bytes);
  EXPECT_EQ(d.flows.size(), 20u);
  EXPECT_EQ(d.sum(MOLE_COLUMN_PACKETS), 70u);
  EXPECT_EQ(d.lost(), 0u);
  EXPECT_EQ(d.flows[0][MOLE_COLUMN_OBSERVATION_DOMAIN], 1u);
  EXPECT_EQ(d.flows[1][MOLE_COLUMN_OBSERVATION_DOMAIN], 2u);
}

TEST(Export, ExportersOfACaptureHaveTheirOwnTemplates) {
  const std::string a = be(0xffff0a000001, 16), b = be(0xffff0a000002, 16);
  const auto other = std::vector<FieldSpec>{{2, 4}, {8, 4}};
  std::string bytes;
  for (const bool v9 : {false, true}) {
    const auto write = [&](std::uint32_t sequence, const std::string& sets) {
      return v9 ? Message{sequence}.v9(sets) : Message{sequence}.ipfix(sets);
    };
    const auto define = [&](const std::vector<FieldSpec>& f) { return v9 ? v9_template(256, f) : ipfix_template(256, f); };
    bytes += framed(write(0, define(simple_fields)), a, 2055) + framed(write(0, define(other)), b, 2055) +
             framed(write(v9 ? 1 : 0, set(256, simple_record(3))), a, 2055) +
             framed(write(v9 ? 1 : 0, set(256, be(4, 4) + be(1, 4))), b, 2055);
  }
  const auto d = decode(datagrams(), bytes);
  ASSERT_EQ(packets_of(d), (Numbers{3, 4, 3, 4}));
  EXPECT_EQ(d.flows[0].exporter, "10.0.0.1");
  EXPECT_EQ(d.flows[1].exporter, "10.0.0.2");
  EXPECT_EQ(d.datagrams[0].exporter, 0u);
  EXPECT_EQ(d.datagrams[1].exporter, 1u);
  EXPECT_EQ(d.lost(), 0u);
}

TEST(Export, CountsLostRecordsAndDatagrams) {
  const std::string define = ipfix_template(256, simple_fields);
  const auto data = [&](std::uint32_t sequence) { return Message{sequence}.ipfix(set(256, simple_records(1, 10))); };
  EXPECT_EQ(decode(ipfix(), Message{0}.ipfix(define) + data(0) + data(10) + data(30) + data(40)).lost(), 10u);
  EXPECT_EQ(decode(ipfix(), Message{0xfffffff6}.ipfix(define) + data(0xfffffff6) + data(0) + data(10)).lost(), 0u) << "a wrap";
  EXPECT_EQ(decode(ipfix(), Message{0}.ipfix(define) + data(0) + data(20) + data(10) + data(30)).lost(), 0u) << "reordered";
  EXPECT_EQ(decode(ipfix(), Message{900'000}.ipfix(define) + data(900'000) + data(0) + data(10)).lost(), 0u) << "a restart";
  const auto v9 = [&](std::uint32_t sequence) { return Message{sequence}.v9(set(256, simple_records(1, 10))); };
  EXPECT_EQ(decode(netflow9(), Message{0}.v9(v9_template(256, simple_fields) + set(256, simple_records(1, 10))) + v9(1) + v9(2) +
                                   v9(5) + v9(6))
                .lost(),
            20u);
  EXPECT_EQ(decode(netflow9(), Message{0}.v9(v9_template(256, simple_fields)) + v9(1) + v9(3) + v9(2) + v9(4)).lost(), 0u);
}

TEST(Export, SequencesMayIncludeTheirOwnMessage) {
  std::string bytes;
  std::uint32_t sequence = 0;
  for (std::uint32_t i = 0; i < 20; ++i) {
    const std::uint32_t n = 1 + i * 7 % 5;
    sequence += n;
    bytes += Message{sequence}.ipfix((i == 0 ? ipfix_template(256, simple_fields) : "") + set(256, simple_records(1, n)));
  }
  EXPECT_EQ(decode(ipfix(), bytes).lost(), 0u);
}

TEST(Export, ReadsEveryKindOfTime) {
  const std::int64_t second = 1'699'999'990, us = second * 1'000'000;
  const std::uint64_t ntp = (static_cast<std::uint64_t>(second) + 2'208'988'800) << 32 | 0x80000000;
  struct Case {
    std::vector<FieldSpec> fields;
    std::string record;
    std::int64_t start_us, end_us;
  };
  const std::uint32_t export_s = 1'700'000'000;
  for (const Case& c : {
           Case{{{150, 4}, {151, 4}}, be(second, 4) + be(second + 3, 4), us, us + 3'000'000},
           Case{{{152, 8}, {153, 8}}, be(second * 1000 + 5, 8) + be(second * 1000 + 9, 8), us + 5000, us + 9000},
           Case{{{154, 8}, {155, 8}}, be(ntp, 8) + be(ntp + 0x40000000, 8), us + 500'000, us + 750'000},
           Case{{{156, 8}, {157, 8}}, be(ntp, 8) + be(ntp, 8), us + 500'000, us + 500'000},
           Case{{{158, 4}, {159, 4}}, be(10'000'000, 4) + be(1'000'000, 4), us, us + 9'000'000},
           Case{{{152, 8}, {161, 4}}, be(second * 1000, 8) + be(2500, 4), us, us + 2'500'000},
           Case{{{153, 8}, {162, 4}}, be(second * 1000, 8) + be(2500, 4), us - 2500, us},
           Case{{{22, 4}, {21, 4}, {160, 8}}, be(5000, 4) + be(7000, 4) + be(second * 1000 - 5000, 8), us, us + 2'000'000},
           Case{{{22, 4}, {21, 4}},
                be(5000, 4) + be(7000, 4),
                (export_s - 2) * std::int64_t{1'000'000},
                export_s * std::int64_t{1'000'000}},
           Case{{{323, 8}, {4, 1}}, be(second * 1000, 8) + be(6, 1), us, us},
           Case{{{4, 1}, {7, 2}}, be(6, 1) + be(80, 2), export_s * std::int64_t{1'000'000}, export_s * std::int64_t{1'000'000}},
       }) {
    const auto d = decode(ipfix(), Message{}.ipfix(ipfix_template(256, c.fields) + set(256, c.record)));
    ASSERT_EQ(d.flows.size(), 1u) << c.fields[0].id;
    EXPECT_EQ(d.flows[0].start_us, c.start_us) << c.fields[0].id;
    EXPECT_EQ(d.flows[0].end_us, c.end_us) << c.fields[0].id;
  }
}

TEST(Export, TheStartOfTheExporterMayBeInOptions) {
  const auto d = decode(
      ipfix(), Message{}.ipfix(ipfix_options(257, 1, {{149, 4}, {160, 8}}) + set(257, be(0, 4) + be(1'699'999'000'000, 8)) +
                               ipfix_template(256, {{22, 4}, {21, 4}}) + set(256, be(1000, 4) + be(2000, 4))));
  ASSERT_EQ(d.flows.size(), 1u);
  EXPECT_EQ(d.flows[0].start_us, 1'699'999'001'000'000);
  EXPECT_EQ(d.flows[0].end_us, 1'699'999'002'000'000);
}

TEST(Export, SysUptimeWraps) {
  const auto d = decode(netflow9(), Message{.uptime_ms = 5000}.v9(v9_template(256, {{22, 4}, {21, 4}}) +
                                                                  set(256, be(0xffffffff - 1999, 4) + be(1000, 4))));
  ASSERT_EQ(d.flows.size(), 1u);
  EXPECT_EQ(d.flows[0].start_us, 1'699'999'993'000'000);
  EXPECT_EQ(d.flows[0].end_us, 1'699'999'996'000'000);
}

TEST(Export, SamplingComesFromTheRecordThenFromOptions) {
  const auto one = [](const std::string& sets) {
    const auto d = decode(ipfix(), Message{}.ipfix(sets));
    return d.flows.size() == 1 ? d.flows[0][MOLE_COLUMN_SAMPLING] : 0;
  };
  EXPECT_EQ(one(ipfix_template(256, {{2, 4}, {8, 4}}) + set(256, be(1, 8))), 1u);
  EXPECT_EQ(one(ipfix_template(256, {{2, 4}, {34, 4}}) + set(256, be(1, 4) + be(100, 4))), 100u);
  EXPECT_EQ(one(ipfix_template(256, {{2, 4}, {305, 4}, {306, 4}}) + set(256, be(1, 4) + be(10, 4) + be(990, 4))), 100u);
  const std::string options = ipfix_options(300, 1, {{302, 8}, {305, 4}, {306, 4}}) + set(300, be(7, 8) + be(1, 4) + be(1999, 4));
  EXPECT_EQ(one(options + ipfix_template(256, {{2, 4}, {302, 8}}) + set(256, be(1, 4) + be(7, 8))), 2000u);
  EXPECT_EQ(one(options + ipfix_template(256, {{2, 4}, {302, 8}}) + set(256, be(1, 4) + be(8, 8))), 1u) << "another selector";
  const std::string all = ipfix_options(300, 1, {{149, 4}, {34, 4}, {35, 1}}) + set(300, be(0, 4) + be(512, 4) + be(2, 1), 3);
  EXPECT_EQ(one(all + ipfix_template(256, {{2, 4}, {8, 4}}) + set(256, be(1, 8))), 512u);
  const auto v9 = decode(netflow9(), Message{}.v9(set(1, be(300, 2) + be(4, 2) + be(8, 2) + be(1, 2) + be(4, 2) + be(48, 2) +
                                                             be(1, 2) + be(50, 2) + be(4, 2)) +
                                                  set(300, be(0, 4) + be(3, 1) + be(1000, 4), 3) +
                                                  v9_template(256, {{2, 4}, {48, 1}}) + set(256, be(1, 4) + be(3, 1))));
  ASSERT_EQ(v9.flows.size(), 1u);
  EXPECT_EQ(v9.flows[0][MOLE_COLUMN_SAMPLING], 1000u);
}

const std::vector<FieldSpec> biflow_fields{{8, 4}, {12, 4},       {7, 2},        {11, 2},  {4, 1},   {1, 4},
                                           {2, 4}, {1, 4, 29305}, {2, 4, 29305}, {152, 8}, {153, 8}, {21, 4, 6871}};
std::string biflow_record(std::uint32_t reverse_packets) {
  return be(0x0a000001, 4) + be(0x0a000002, 4) + be(1000, 2) + be(80, 2) + be(6, 1) + be(100, 4) + be(1, 4) +
         be(reverse_packets * 50, 4) + be(reverse_packets, 4) + be(1'700'000'000'000, 8) + be(1'700'000'000'900, 8) + be(40, 4);
}

TEST(Export, BiflowsAreKeptOrSplit) {
  const std::string bytes = Message{}.ipfix(ipfix_template(256, biflow_fields) + set(256, biflow_record(4) + biflow_record(0)));
  const auto kept = decode(ipfix(), bytes);
  ASSERT_EQ(kept.flows.size(), 2u);
  EXPECT_EQ(kept.flows[0][MOLE_COLUMN_REVERSE_PACKETS], 4u);
  EXPECT_EQ(kept.flows[0][MOLE_COLUMN_REVERSE_BYTES], 200u);
  EXPECT_EQ(kept.flows[1][MOLE_COLUMN_REVERSE_PACKETS], 0u);
  const auto split = decode(ipfix(), bytes, {.biflows = "split"});
  ASSERT_EQ(split.flows.size(), 3u);
  EXPECT_EQ(split.flows[0].line(), "10.0.0.1,10.0.0.2,1000,80,6,100,1,1700000000000,1700000000900");
  EXPECT_EQ(split.flows[1].line(), "10.0.0.2,10.0.0.1,80,1000,6,200,4,1700000000040,1700000000900");
  EXPECT_EQ(split.flows[0][MOLE_COLUMN_REVERSE_PACKETS], 0u);
  EXPECT_EQ(split.lost(), 0u);
}

TEST(Export, BothFamiliesMayAlternate) {
  std::string sets = ipfix_template(256, {{8, 4}, {12, 4}, {2, 4}}) + ipfix_template(257, {{27, 16}, {28, 16}, {2, 4}});
  for (std::uint32_t i = 0; i < 300; ++i) {
    sets += set(256, be(1, 4) + be(2, 4) + be(i, 4));
    sets += set(257, be(1, 16) + be(2, 16) + be(1000 + i, 4));
  }
  const auto d = decode(ipfix(), Message{}.ipfix(sets), {.capacity = 64});
  ASSERT_EQ(d.flows.size(), 600u);
  std::vector<std::uint64_t> four, six;
  for (const auto& f : d.flows) {
    (f.family == 4 ? four : six).push_back(f[MOLE_COLUMN_PACKETS]);
    EXPECT_EQ(f.src, f.family == 4 ? "0.0.0.1" : "::1");
  }
  EXPECT_EQ(four.size(), 300u);
  EXPECT_TRUE(std::is_sorted(four.begin(), four.end()) && std::is_sorted(six.begin(), six.end()));
}

TEST(Export, ARecordWithAddressesOfBothFamiliesHasTheOneThatIsNotZero) {
  const auto d = decode(ipfix(), Message{}.ipfix(ipfix_template(256, {{8, 4}, {12, 4}, {27, 16}, {28, 16}}) +
                                                 set(256, be(1, 4) + be(2, 4) + be(0, 32) + be(0, 8) + be(5, 16) + be(6, 16))));
  ASSERT_EQ(d.flows.size(), 2u);
  EXPECT_EQ(d.flows[0].src + " " + d.flows[0].dst, "0.0.0.1 0.0.0.2");
  EXPECT_EQ(d.flows[1].src + " " + d.flows[1].dst, "::5 ::6");
}

TEST(Export, FindsElementsAndFlagsInLists) {
  const std::string inner = be(3, 1) + variable("a.example") + be(0x02, 2) + be(0x10, 2);  // template 400
  const std::string basic =
      be(0xff, 1) + be(0x8000 | 179, 2) + be(0xffff, 2) + be(6871, 4) + variable("b.example") + variable("c");
  const std::string sub = be(0, 1) + be(400, 2) + inner;  // subTemplateList
  const std::string multi = be(3, 1) + be(400, 2) + be(4 + inner.size(), 2) + inner + be(999, 2) + be(6, 2) + be(1, 2);
  const auto nested = ipfix_template(400, {{4, 1}, {179, 0xffff, 6871}, {14, 2, 6871}, {15, 2, 6871}});
  const auto elements = std::vector<ElementWanted>{{"name", 6871, 179, MOLE_TYPE_TEXT}};
  const auto read = [&](std::uint16_t id, const std::string& list, bool flags) {
    const auto d = decode(ipfix(),
                          Message{}.ipfix(nested + ipfix_template(256, {{2, 4}, {id, 0xffff}}) +
                                          set(256, be(1, 4) + variable(list) + be(2, 4) + variable(""))),
                          {.elements = elements});
    EXPECT_EQ(d.flows.size(), 2u);
    EXPECT_EQ(d.flows[0][MOLE_COLUMN_TCP_FLAGS], flags ? 0x12u : 0u);
    EXPECT_EQ(d.flows[1][MOLE_COLUMN_TCP_FLAGS], 0u);
    EXPECT_FALSE(d.flows[1].elements.contains("name"));
    return d.flows[0].elements.contains("name") ? d.flows[0].elements.at("name") : std::vector<std::string>{};
  };
  EXPECT_EQ(read(291, basic, false), (std::vector<std::string>{"b.example", "c"}));
  EXPECT_EQ(read(292, sub, true), std::vector<std::string>{"a.example"});
  EXPECT_EQ(read(293, multi, true), std::vector<std::string>{"a.example"});
  std::string deep = sub;  // lists in lists, deeper than is read
  for (int i = 0; i < 20; ++i) deep = be(0xff, 1) + be(292, 2) + be(0xffff, 2) + variable(deep);
  EXPECT_EQ(read(291, deep, false), std::vector<std::string>{});
}

TEST(Export, ReadsTheOtherColumns) {
  const std::vector<FieldSpec> fields{{33, 2, 6871}, {58, 2}, {59, 2}, {70, 3}, {225, 4}, {226, 4}, {227, 2}, {228, 2},
                                      {136, 1},      {61, 1}, {4, 1},  {32, 2}, {18, 4},  {130, 4}, {6, 2},   {16, 4},
                                      {17, 4},       {9, 1},  {13, 1}, {10, 4}, {14, 4},  {5, 1}};
  const std::string record = be(80, 2) + be(10, 2) + be(20, 2) + be(0x12345f, 3) + be(0x0a000009, 4) + be(0x0a00000a, 4) +
                             be(4000, 2) + be(5000, 2) + be(2, 1) + be(1, 1) + be(1, 1) + be(0x0803, 2) + be(0x0a0000fe, 4) +
                             be(0x01020304, 4) + be(0x12, 2) + be(64500, 4) + be(64501, 4) + be(24, 1) + be(16, 1) + be(3, 4) +
                             be(4, 4) + be(8, 1);
  const auto d = decode(ipfix(), Message{.domain = 99}.ipfix(ipfix_template(256, fields) + set(256, record)));
  ASSERT_EQ(d.flows.size(), 1u);
  const Flow& f = d.flows[0];
  const std::map<int, std::uint64_t> expected{{MOLE_COLUMN_APPLICATION_LABEL, 80},
                                              {MOLE_COLUMN_SRC_VLAN, 10},
                                              {MOLE_COLUMN_DST_VLAN, 20},
                                              {MOLE_COLUMN_MPLS_LABEL, 0x12345},
                                              {MOLE_COLUMN_POST_SRC_PORT, 4000},
                                              {MOLE_COLUMN_POST_DST_PORT, 5000},
                                              {MOLE_COLUMN_END_REASON, 2},
                                              {MOLE_COLUMN_FLOW_DIRECTION, 1},
                                              {MOLE_COLUMN_ICMP_TYPE, 8},
                                              {MOLE_COLUMN_ICMP_CODE, 3},
                                              {MOLE_COLUMN_TCP_FLAGS, 0x12},
                                              {MOLE_COLUMN_SRC_AS, 64500},
                                              {MOLE_COLUMN_DST_AS, 64501},
                                              {MOLE_COLUMN_SRC_MASK, 24},
                                              {MOLE_COLUMN_DST_MASK, 16},
                                              {MOLE_COLUMN_IN_IF, 3},
                                              {MOLE_COLUMN_OUT_IF, 4},
                                              {MOLE_COLUMN_TOS, 8},
                                              {MOLE_COLUMN_OBSERVATION_DOMAIN, 99},
                                              {MOLE_COLUMN_SCALED, 0},
                                              {MOLE_COLUMN_SAMPLING, 1}};
  for (const auto& [column, value] : expected) EXPECT_EQ(f[column], value) << column;
  EXPECT_EQ(f.post_src + " " + f.post_dst + " " + f.next_hop + " " + f.exporter, "10.0.0.9 10.0.0.10 10.0.0.254 1.2.3.4");
}

TEST(Export, ColumnsThatARecordDoesNotHaveHaveTheirDefault) {
  const auto d = decode(netflow9(), Message{}.v9(v9_template(256, {{2, 4}, {1, 4}}) + set(256, be(1, 4) + be(2, 4))));
  ASSERT_EQ(d.flows.size(), 1u);
  for (const auto& [column, value] : d.flows[0].numbers) {
    if (column == MOLE_COLUMN_PACKETS || column == MOLE_COLUMN_BYTES) continue;
    EXPECT_EQ(value, column == MOLE_COLUMN_FLOW_DIRECTION ? 255u : column == MOLE_COLUMN_SAMPLING ? 1u : 0u) << column;
  }
}

TEST(Export, TheCountOfTheHeaderIsNotTrusted) {
  for (const std::uint16_t count : {0, 1, 65535}) {
    const std::string sets = v9_template(256, simple_fields) + set(256, simple_records(1, 9));
    EXPECT_EQ(decode(netflow9(), Message{}.v9(sets, count) + Message{1}.v9(set(256, simple_records(1, 4)), count)).flows.size(),
              13u);
  }
}

std::string long_stream(bool v9, std::uint32_t messages) {
  std::string bytes;
  for (std::uint32_t i = 0; i < messages; ++i) {
    Message m{v9 ? i : i * 10, 5, 1'700'000'000 + i};
    const std::string sets = (i % 20 == 0 ? v9 ? v9_template(256, simple_fields) : ipfix_template(256, simple_fields) : "") +
                             set(256, simple_records(1, 10));
    bytes += v9 ? m.v9(sets) : m.ipfix(sets);
  }
  return bytes;
}

TEST(Export, BytesMissingInsideAMessageLoseOnlyItsNeighbours) {
  for (const bool v9 : {false, true}) {
    const std::string whole = long_stream(v9, 100);
    for (const std::size_t cut : {1u, 3u, 40u, 333u, 1000u, 5000u}) {
      std::string bytes = whole;
      bytes.erase(20'000, cut);
      const auto d = decode(v9 ? netflow9() : ipfix(), bytes);
      EXPECT_GE(d.flows.size() + 10 * (cut / 400 + 3), 1000u) << v9 << " " << cut;
      for (const auto& f : d.flows) ASSERT_EQ(f[MOLE_COLUMN_BYTES], f[MOLE_COLUMN_PACKETS] * 100) << v9 << " " << cut;
      EXPECT_FALSE(d.skipped.empty());
      const auto gap = decode(v9 ? netflow9() : ipfix(), bytes, {.gaps = {20'000}});
      EXPECT_GE(gap.flows.size() + 10 * (cut / 400 + 3), 1000u) << v9 << " " << cut;
      EXPECT_EQ(gap.lost(), 0u) << "lost in damage, not in the network";
    }
  }
}

// Whatever the bytes are: the decoders end, read nothing out of bounds, and chunks make no difference.
TEST(Export, AnyBytesAreAccepted) {
  std::mt19937 random(1);
  for (const bool v9 : {false, true}) {
    const std::string whole =
        long_stream(v9, 12) + Message{0, 5, 1'700'000'020}.ipfix(ipfix_options(300, 1, {{302, 8}, {305, 4}}));
    for (int round = 0; round < 60; ++round) {
      std::string bytes = whole;
      for (int flips = 0; flips < 1 + round % 7; ++flips) bytes[random() % bytes.size()] = static_cast<char>(random());
      if (round % 3 == 0) bytes.erase(random() % bytes.size(), random() % 50);
      const auto& decoder = v9 ? netflow9() : ipfix();
      const auto once = decode(decoder, bytes, {.biflows = round % 2 == 0 ? "keep" : "split"});
      EXPECT_TRUE(decode(decoder, bytes, {.chunk = 1 + random() % 300, .biflows = round % 2 == 0 ? "keep" : "split"}) == once)
          << round;
    }
  }
}

TEST(Export, HostileLengthsAreReported) {
  const std::string define = ipfix_template(256, simple_fields);
  for (const std::string& bad : {be(256, 2) + be(0, 2), be(256, 2) + be(3, 2), be(256, 2) + be(60'000, 2),
                                 be(2, 2) + be(10, 2) + be(300, 2) + be(9000, 2), be(2, 2) + be(8, 2) + be(300, 2) + be(1, 2)}) {
    const auto d = decode(ipfix(), Message{}.ipfix(define + set(256, simple_records(1, 3)) + bad));
    EXPECT_EQ(d.flows.size(), 3u);
    EXPECT_FALSE(d.skipped.empty());
  }
  // A template without bytes describes no records.
  EXPECT_TRUE(decode(ipfix(), Message{}.ipfix(ipfix_template(256, {{2, 0}, {1, 0}}) + set(256, be(0, 40)))).flows.empty());
}

TEST(Export, MemoryIsLimitedForManyTemplatesAndDomains) {
  std::string bytes;
  for (std::uint32_t domain = 0; domain < 10'000; ++domain) bytes += Message{0, domain}.ipfix(ipfix_template(256, simple_fields));
  for (std::uint16_t id = 256; id < 10'256; ++id) bytes += Message{0, 1}.ipfix(ipfix_template(id, simple_fields));
  bytes += Message{0, 1}.ipfix(ipfix_template(256, simple_fields) + set(256, simple_record(1)));
  EXPECT_EQ(decode(ipfix(), bytes, {.only_bytes = false}).flows.size(), 1u);
}

}  // namespace
}  // namespace mole::testing
