// Filters and groups by information elements.
#include "runtime/metric/filter_eval.hpp"
#include "runtime/metric/flow_grouping.hpp"
#include "sdk/model/flow_columns.hpp"

#include <gtest/gtest.h>

#include <array>

namespace mole::runtime {
namespace {

// Four flows: no name, two names, one of them, and a name that is not UTF-8; labels 0, none, 53 and 80, and two addresses.
struct Flows {
  std::array<mole_text, 4> texts{mole_text{"a.example.", 10}, {"b.example.", 10}, {"b.example.", 10}, {"\xff", 1}};
  std::array<std::uint64_t, 3> labels{0, 53, 80};
  std::array<std::array<unsigned char, 16>, 2> addresses{
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3}, {0x20, 0x01, 0x0d, 0xb8}}};
  std::array<mole_values, 4> names{{{nullptr, 0}, {&texts[0], 2}, {&texts[2], 1}, {&texts[3], 1}}};
  std::array<mole_values, 4> entropies{{{&labels[0], 1}, {nullptr, 0}, {&labels[1], 1}, {&labels[2], 1}}};
  std::array<mole_values, 4> stations{{{&addresses[0], 1}, {&addresses[1], 1}, {&addresses[0], 2}, {nullptr, 0}}};
  std::array<Micros, 4> start{{hour_us, hour_us, hour_us, hour_us}};

  FlowBatch batch() const {
    FlowBatch out;
    out.rows = 4;
    const auto set = [&](const char* name, const void* values) {
      out.columns[static_cast<std::size_t>(flow_column_named(name))] = values;
    };
    set("start", start.data());
    set("dnsQName", names.data());
    set("payloadEntropy", entropies.data());
    set("staIPv4Address", stations.data());
    return out;
  }
};

std::string selected(const std::string& text) {
  const Flows flows;
  const auto filter = parse_filter(text);
  if (!filter) return filter.error().message;
  const auto again = parse_filter(filter->canonical());
  EXPECT_EQ(again ? again->canonical() : again.error().message, filter->canonical());
  FilterEvaluator evaluator(*filter);
  const auto* mask = evaluator.evaluate(flows.batch(), "r");
  std::string rows;
  for (int i = 0; i < 4; ++i)
    if (mask[i]) rows += std::to_string(i);
  return rows;
}

TEST(ElementFilter, ComparesTheValuesOfAFlow) {
  EXPECT_EQ(selected("dnsQName = \"a.example.\""), "1");
  EXPECT_EQ(selected("dnsqname b.example."), "12");
  EXPECT_EQ(selected("dnsName in [\"a.example.\", 'b.example.']"), "12");
  EXPECT_EQ(selected("not dnsQName = \"b.example.\""), "03");
  EXPECT_EQ(selected("dnsQName = \"B.example.\""), "");
  EXPECT_EQ(selected("dnsQName = \"\xff\""), "3");
  EXPECT_EQ(selected("payloadEntropy 0"), "0");
  EXPECT_EQ(selected("payloadEntropy >= 0"), "023");  // a flow without the element satisfies no comparison
  EXPECT_EQ(selected("payloadEntropy != 53"), "03");
  EXPECT_EQ(selected("dnsQName != \"a.example.\""), "123") << "one of the values in the flow differs";
  EXPECT_EQ(selected("dnsQName != b.example."), "13");
  EXPECT_EQ(selected("not dnsQName != b.example."), "02");
  EXPECT_EQ(selected("staIPv4Address != 10.0.0.0/8"), "12");
  EXPECT_EQ(selected("staIPv4Address != 192.0.2.0/24"), "012") << "flow 3 has no address";
  EXPECT_EQ(selected("payloadEntropy in [53, 80] and dnsQName = b.example."), "2");
  EXPECT_EQ(selected("staIPv4Address 10.0.0.0/8"), "02");
  EXPECT_EQ(selected("staIPv4Address in [2001:db8::/32, 10.1.2.3]"), "012");
}

TEST(ElementFilter, ComparesOctetsAsTheyArePrinted) {
  const std::array<mole_text, 3> octets{mole_text{"\x01\xff", 2}, {"", 0}, {"\x01", 1}};
  const std::array<mole_values, 4> rows{{{&octets[0], 1}, {&octets[1], 2}, {nullptr, 0}, {&octets[2], 1}}};
  FlowBatch batch;
  batch.rows = 4;
  batch.columns[static_cast<std::size_t>(flow_column_named("9/12232"))] = rows.data();
  const auto passing = [&](const std::string& text) {
    const auto filter = parse_filter(text);
    if (!filter) return filter.error().message;
    const auto again = parse_filter(filter->canonical());
    EXPECT_EQ(again ? again->canonical() : again.error().message, filter->canonical());
    FilterEvaluator evaluator(*filter);
    const auto* mask = evaluator.evaluate(batch, "r");
    std::string passed;
    for (int i = 0; i < 4; ++i)
      if (mask[i]) passed += std::to_string(i);
    return passed;
  };
  EXPECT_EQ(passing("9/12232 = 0x01ff"), "0");
  EXPECT_EQ(passing("9/12232 = 0x01FF"), "0");
  EXPECT_EQ(passing("9/12232 in [0x01, '0x']"), "13");
  EXPECT_EQ(passing("not 9/12232 0x01"), "02");
  EXPECT_EQ(passing("9/12232 != 0x01"), "01");
}

TEST(ElementFilter, SuggestsNearNames) {
  EXPECT_NE(selected("acmeThing = 1").find("ENTERPRISE/ID"), std::string::npos) << selected("acmeThing = 1");
  EXPECT_NE(selected("dnsQNam = x").find("did you mean dnsQName"), std::string::npos) << selected("dnsQNam = x");
}

TEST(ElementFilter, RejectsWhatItCannotCompare) {
  EXPECT_NE(selected("dnsQName > 5").find("use =, != or in"), std::string::npos) << selected("dnsQName > 5");
  EXPECT_NE(selected("payloadEntropy x").find("expected a number"), std::string::npos);
  EXPECT_NE(selected("basicList 5").find("unknown word"), std::string::npos);
}

TEST(ElementGroups, AreTheFirstValueAsText) {
  GroupingPlan plan;
  plan.by = *dimensions_named({"dnsQName", "payloadEntropy"});
  plan.range = {0, 4 * hour_us};
  plan.interval = hour_us;
  plan.lateness = hour_us;
  FlowGrouping grouping(plan, *IntervalGrid::over(plan.range, plan.interval));
  ASSERT_TRUE(grouping.start_file({"f", 1, 1, "r", 0, {hour_us, 2 * hour_us}, true, ""}));
  const Flows flows;
  const auto assignment = *grouping.assign(flows.batch());
  std::vector<Group> groups;
  for (int i = 0; i < 4; ++i) groups.push_back(grouping.group_of(assignment.slot_of_row[i]));
  EXPECT_EQ(groups, (std::vector<Group>{{"", "0"}, {"a.example.", ""}, {"b.example.", "53"}, {"0xff", "80"}}));
}

}  // namespace
}  // namespace mole::runtime
