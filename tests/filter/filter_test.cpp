#include "sdk/model/filter.hpp"
#include "sdk/model/durable_file.hpp"

#include "sdk/model/flow_columns.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace mole {
namespace {

std::string canonical(std::string_view text) {
  auto filter = parse_filter(text);
  return filter ? filter->canonical() : filter.error().message;
}

TEST(Filter, AnEmptyFilterMatchesEverything) {
  EXPECT_TRUE(parse_filter("")->any());
  EXPECT_TRUE(parse_filter("  \n ")->any());
  EXPECT_TRUE(parse_filter("any")->any());
}

TEST(Filter, HasOneCanonicalFormForManySpellings) {
  const std::string expected = "(protocol = 6 and dst_port = 443)";
  for (const char* text : {"proto tcp and dst port 443", "PROTO 6 && DST PORT = 443", "(proto tcp) and ((dst port 443))",
                           "protocol tcp and dst_port == 443", "protocolIdentifier 6 and destinationTransportPort 443"})
    EXPECT_EQ(canonical(text), expected) << text;
}

TEST(Filter, AndBindsTighterThanOr) {
  EXPECT_EQ(canonical("inet or inet6 and tos 1"), "(inet or (inet6 and tos = 1))");
  EXPECT_EQ(canonical("(inet or inet6) and tos 1"), "((inet or inet6) and tos = 1)");
  EXPECT_EQ(canonical("not inet and tos 1"), "(not inet and tos = 1)");
  EXPECT_EQ(canonical("tos 1 and tos 2 and (tos 3 and tos 4)"), "(tos = 1 and tos = 2 and tos = 3 and tos = 4)");
}

TEST(Filter, AFieldWithoutADirectionMatchesEitherSide) {
  EXPECT_EQ(canonical("port 53"), "(src_port = 53 or dst_port = 53)");
  EXPECT_EQ(canonical("port != 53"), "(src_port != 53 and dst_port != 53)");
  EXPECT_EQ(canonical("host 10.0.0.1"), "(src_addr in [10.0.0.1/32] or dst_addr in [10.0.0.1/32])");
}

TEST(Filter, SupportsEveryPrimitive) {
  EXPECT_EQ(canonical("dst port in [443, 80 80]"), "dst_port in [80, 443]");
  EXPECT_EQ(canonical("src port > 1024"), "src_port > 1024");
  EXPECT_EQ(canonical("src net 10.1.2.3/8"), "src_addr in [10.0.0.0/8]");
  EXPECT_EQ(canonical("dst net 2001:db8::/32"), "dst_addr in [2001:db8::/32]");
  EXPECT_EQ(canonical("src ip in [1.2.3.4, 10.0.0.0/8]"), "src_addr in [1.2.3.4/32, 10.0.0.0/8]");
  EXPECT_EQ(canonical("src as 559"), "src_as = 559");
  EXPECT_EQ(canonical("in if 3 or out if 4"), "(in_if = 3 or out_if = 4)");
  EXPECT_EQ(canonical("flags SA"), "flags 18");
  EXPECT_EQ(canonical("bytes > 2k"), "bytes > 2048");
  EXPECT_EQ(canonical("duration >= 1000"), "duration >= 1000");
  EXPECT_EQ(canonical("router 19991"), "router in [\"19991\"]");
  EXPECT_EQ(canonical("router in [\"b 2\", a]"), "router in [\"a\", \"b 2\"]");
  EXPECT_EQ(canonical("proto in [tcp, udp]"), "protocol in [6, 17]");
  EXPECT_EQ(canonical("next ip 10.0.0.1"), "next_hop in [10.0.0.1/32]");
}

// The examples of docs/guide/filters.md: the lines of its last code block.
TEST(Filter, ParsesTheExamplesOfTheGuide) {
  const auto page = read_file(FILTER_PAGE);
  ASSERT_TRUE(page) << page.error().message;
  std::istringstream lines(page->substr(page->find("```\n", page->find("routing table if"))));
  std::string line;
  std::getline(lines, line);
  int read = 0;
  while (std::getline(lines, line) && line != "```") {
    const auto filter = parse_filter(line);
    EXPECT_TRUE(filter) << line << ": " << filter.error().message;
    ++read;
  }
  EXPECT_EQ(read, 7);
}

TEST(Filter, RoundTripsItsCanonicalForm) {
  for (const char* text :
       {"any", "port 53", "not (proto udp or net 10.0.0.0/8) and flags S", "router in [\"b 2\", a] and bytes > 1g",
        "duration > 5 or bpp < 60", "inet6 and dst ip in [::1, ::ffff:1.2.3.4]", "port in [1,2,3] or as in [1 2]", "not not inet",
        "icmp6 or tos 3", "sampling > 1"}) {
    const auto once = canonical(text);
    if (parse_filter(text)) {
      EXPECT_EQ(canonical(once), once) << text;
    }
  }
}

TEST(Filter, ListsTheColumnsItReads) {
  EXPECT_EQ(parse_filter("bpp > 3 and router a and not port 5")->columns(),
            (std::vector<int>{MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_PORT, MOLE_COLUMN_PACKETS, MOLE_COLUMN_BYTES}));
  EXPECT_TRUE(parse_filter("router a")->columns().empty());
}

TEST(Filter, ErrorsNameTheColumn) {
  EXPECT_EQ(canonical("proto tcp and"), "filter, column 14: expected a condition, found the end");
  EXPECT_TRUE(canonical("proto tcp und port 3").starts_with("filter, column 11: expected 'and', 'or' or the end, found 'und'"));
  EXPECT_TRUE(canonical("(port 3").starts_with("filter, column 8: expected ')'"));
  EXPECT_TRUE(canonical("colour 3").starts_with("filter, column 1: unknown word 'colour'"));
  EXPECT_TRUE(canonical("port abc").starts_with("filter, column 6: expected a number, found 'abc'"));
  EXPECT_TRUE(canonical("src net 10.0.0.1").starts_with("filter, column 9: a net needs a prefix length"));
  EXPECT_TRUE(canonical("ip 10.0.0.1/33").starts_with("filter, column 4: expected a prefix length"));
  EXPECT_TRUE(canonical("port in []").find("at least one") != std::string::npos);
  EXPECT_TRUE(canonical("port in [1, 2").find("expected a number") != std::string::npos);
  EXPECT_TRUE(canonical("router \"abc").starts_with("filter, column 8: a quoted name"));
  EXPECT_TRUE(canonical("proto 256").find("at most 255") != std::string::npos);
  EXPECT_EQ(canonical("proto udpp and port 53"),
            "filter, column 7: expected a protocol's number or one of icmp, igmp, tcp, udp, gre, esp, ah, icmp6, ospf, sctp, "
            "found 'udpp'");
  for (const char* port : {"port 70000", "src port in [80, 65536]", "dst_port > 70000"})
    EXPECT_TRUE(canonical(port).find("a port is at most 65535") != std::string::npos) << port;
  EXPECT_TRUE(canonical("port 65535").find("filter,") == std::string::npos);
  EXPECT_TRUE(canonical("bytes > 18446744073709551615k").find("expected a number") != std::string::npos);
}

TEST(Filter, LimitsNesting) {
  EXPECT_FALSE(parse_filter(std::string(30000, '(')));
  std::string nots;
  for (int i = 0; i < 5000; ++i) nots += "not ";
  EXPECT_FALSE(parse_filter(nots + "any"));
  EXPECT_FALSE(parse_filter(std::string(100000, 'a')));
  std::string wide = "port 1";
  for (int i = 0; i < 4000; ++i) wide += " or port 1";
  EXPECT_TRUE(parse_filter(wide));
}

TEST(FlowColumns, HaveAliases) {
  EXPECT_EQ(flow_column_named("octetDeltaCount"), MOLE_COLUMN_BYTES);
  EXPECT_EQ(flow_column_named("sIP"), MOLE_COLUMN_SRC_ADDR);
  EXPECT_EQ(flow_column_named("DA"), MOLE_COLUMN_DST_ADDR);
  EXPECT_EQ(flow_column_named("colour"), -1);
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) EXPECT_EQ(flow_column_named(flow_column_name(c)), c);
}

}  // namespace
}  // namespace mole
