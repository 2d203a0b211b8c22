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

// The routers of a to d whose flows can pass.
std::string passing(std::string_view text) {
  std::string out;
  for (const char* router : {"a", "b", "c", "d"})
    if (may_pass(*parse_filter(text), router)) out += router;
  return out;
}

// The columns that decide for flows of router a.
std::vector<std::string> deciding(std::string_view text) {
  std::vector<std::string> out;
  for (const int column : columns_read(*parse_filter(text), "a")) out.emplace_back(flow_column_name(column));
  return out;
}

TEST(Filter, ReadsTheColumnsThatDecideForARouter) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(deciding(""), Names{});
  EXPECT_EQ(deciding("dst port 53"), Names{"dst_port"});
  EXPECT_EQ(deciding("not dst port 53"), Names{"dst_port"});
  EXPECT_EQ(deciding("router a and dst port 53"), Names{"dst_port"});
  EXPECT_EQ(deciding("router b and dst port 53"), Names{});
  EXPECT_EQ(deciding("router a or dst port 53"), Names{});
  EXPECT_EQ(deciding("not router b and dst port 53"), Names{"dst_port"});
  EXPECT_EQ(deciding("(router b and dst port 53) or (router a and proto tcp)"), Names{"protocol"});
  EXPECT_EQ(deciding("not (router b and dst port 53) and proto tcp"), Names{"protocol"});
}

TEST(Filter, ExcludesRoutersOfWhichNoFlowCanPass) {
  EXPECT_EQ(passing(""), "abcd");
  EXPECT_EQ(passing("proto tcp"), "abcd");
  EXPECT_EQ(passing("router a"), "a");
  EXPECT_EQ(passing("router in [a, b] and proto tcp"), "ab");
  EXPECT_EQ(passing("router a or proto tcp"), "abcd");
  EXPECT_EQ(passing("router a or (router b and not port 53)"), "ab");
  EXPECT_EQ(passing("not router a"), "bcd");
  EXPECT_EQ(passing("router != a"), "bcd");
  EXPECT_EQ(passing("not (router a and proto tcp)"), "abcd");
  EXPECT_EQ(passing("not (router a or proto tcp)"), "bcd");
  EXPECT_EQ(passing("router in [a, b] and not router b and bytes > 9"), "a");
  EXPECT_EQ(passing("router x"), "");
}

TEST(Filter, ListsTheRoutersItNames) {
  EXPECT_EQ(routers_named(*parse_filter("router b or not (router in [c, a] and proto tcp) or router b")),
            (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(routers_named(*parse_filter("proto tcp and dnsQName = 'a'")).empty());
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

TEST(Filter, ASideMayBeEitherOrBoth) {
  EXPECT_EQ(canonical("src or dst port 53"), canonical("port 53"));
  EXPECT_EQ(canonical("dst or src port 53"), canonical("port 53"));
  EXPECT_EQ(canonical("src and dst port 53"), "(src_port = 53 and dst_port = 53)");
  EXPECT_EQ(canonical("dst && src as in [1, 2]"), "(src_as in [1, 2] and dst_as in [1, 2])");
  EXPECT_EQ(canonical("src and dst net 10.1.0.0/16"), "(src_addr in [10.1.0.0/16] and dst_addr in [10.1.0.0/16])");
  EXPECT_EQ(canonical("src and dst port != 53"), "(src_port != 53 or dst_port != 53)");  // the negation of "="
  EXPECT_EQ(canonical("src or dst port 53 and proto tcp"), "((src_port = 53 or dst_port = 53) and protocol = 6)");
}

TEST(Filter, ACommentEndsWithItsLine) {
  EXPECT_EQ(canonical("proto tcp # and port 80\nand port 53#x"), canonical("proto tcp and port 53"));
  EXPECT_EQ(canonical("router \"a#b\""), "router in [\"a#b\"]");
  EXPECT_TRUE(parse_filter("# nothing")->any());
}

TEST(Filter, SupportsEveryPrimitive) {
  EXPECT_EQ(canonical("dst port in [443, 80 80]"), "dst_port in [80, 443]");
  EXPECT_EQ(canonical("src port > 1024"), "src_port > 1024");
  EXPECT_EQ(canonical("src net 10.1.2.3/8"), "src_addr in [10.0.0.0/8]");
  EXPECT_EQ(canonical("dst net 2001:db8::/32"), "dst_addr in [2001:db8::/32]");
  EXPECT_EQ(canonical("src ip in [1.2.3.4, 10.0.0.0/8]"), "src_addr in [1.2.3.4/32, 10.0.0.0/8]");
  EXPECT_EQ(canonical("src as 559"), "src_as = 559");
  EXPECT_EQ(canonical("in if 3 or out if 4"), "(in_if = 3 or out_if = 4)");
  EXPECT_EQ(canonical("flags AS"), "flags SA");
  EXPECT_EQ(canonical("flags 18"), "(protocol = 6 and tcp_flags = 18)");
  EXPECT_EQ(canonical("tcp_flags 18"), "tcp_flags = 18");
  EXPECT_EQ(canonical("bytes > 2k or packets le 3M or bps >= 1g or pps lt 1t"),
            "(bytes > 2000 or packets <= 3000000 or bps >= 1000000000 or pps < 1000000000000)");
  EXPECT_EQ(canonical("in bytes > 5 and in packets ge 2"), "(bytes > 5 and packets >= 2)");
  EXPECT_EQ(canonical("src tos 16"), "tos = 16");
  EXPECT_EQ(canonical("icmp-type 8 or icmp-code in [3, 1]"), "(icmp-type = 8 or icmp-code in [1, 3])");
  EXPECT_EQ(canonical("proto eigrp"), "protocol = 88");
  EXPECT_EQ(canonical("proto 0hop or proto UDP-L"), "(protocol = 114 or protocol = 136)");
  EXPECT_EQ(canonical("net 172.16/12"), canonical("net 172.16.0.0/12"));
  EXPECT_EQ(canonical("src net 10.1.2/24"), "src_addr in [10.1.2.0/24]");
  EXPECT_EQ(canonical("src net 10.1.2.3 255.255.0.0"), "src_addr in [10.1.0.0/16]");
  EXPECT_EQ(canonical("src net in [10.1.0.0 255.255.0.0, 10.2/15]"), "src_addr in [10.1.0.0/16, 10.2.0.0/15]");
  EXPECT_EQ(canonical("duration >= 1000"), "duration >= 1000");
  EXPECT_EQ(canonical("router 19991"), "router in [\"19991\"]");
  EXPECT_EQ(canonical("router in [\"b 2\", a]"), "router in [\"a\", \"b 2\"]");
  EXPECT_EQ(canonical("proto in [tcp, udp]"), "protocol in [6, 17]");
  EXPECT_EQ(canonical("next ip 10.0.0.1"), "next_hop in [10.0.0.1/32]");
}

// The examples of docs/guide/filters.md: the lines of its second code block.
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
        "proto icmp6 or tos 3", "sampling > 1", "flags SA and not (flags AFRPUEC or not flags X)", "flags 18 or tcp_flags 3",
        "icmp-type 3 and icmp-code 1", "bps > 1k or pps > 2", "not (not (flags S))"}) {
    const auto once = parse_filter(text);
    ASSERT_TRUE(once) << text << ": " << once.error().message;
    EXPECT_EQ(canonical(once->canonical()), once->canonical()) << text;
  }
}

TEST(Filter, ListsTheColumnsItReads) {
  EXPECT_EQ(parse_filter("bpp > 3 and router a and not port 5")->columns(),
            (std::vector<int>{MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_PORT, MOLE_COLUMN_PACKETS, MOLE_COLUMN_BYTES}));
  EXPECT_EQ(parse_filter("not flags S")->columns(), (std::vector<int>{MOLE_COLUMN_PROTOCOL, MOLE_COLUMN_TCP_FLAGS}));
  EXPECT_EQ(parse_filter("icmp-code 1")->columns(),
            (std::vector<int>{MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_PORT, MOLE_COLUMN_PROTOCOL}));
  EXPECT_EQ(parse_filter("bps 1 or pps 1")->columns(),
            (std::vector<int>{MOLE_COLUMN_START, MOLE_COLUMN_END, MOLE_COLUMN_PACKETS, MOLE_COLUMN_BYTES}));
  EXPECT_TRUE(parse_filter("router a")->columns().empty());
}

TEST(Filter, ErrorsNameTheColumn) {
  EXPECT_EQ(canonical("proto tcp and"), "filter, column 14: expected a condition, found the end");
  EXPECT_TRUE(canonical("proto tcp und port 3").starts_with("filter, column 11: expected 'and', 'or' or the end, found 'und'"));
  EXPECT_TRUE(canonical("(port 3").starts_with("filter, column 8: expected ')'"));
  EXPECT_TRUE(canonical("colour 3").starts_with("filter, column 1: unknown word 'colour'"));
  EXPECT_TRUE(canonical("port abc").starts_with("filter, column 6: expected a number, found 'abc'"));
  EXPECT_TRUE(canonical("src net 10.0.0.1").starts_with("filter, column 17: a net needs a prefix length"));
  EXPECT_TRUE(canonical("ip 10.0.0.1/33").starts_with("filter, column 4: expected a prefix length"));
  EXPECT_TRUE(canonical("port in []").find("at least one") != std::string::npos);
  EXPECT_TRUE(canonical("port in [1, 2").find("expected a number") != std::string::npos);
  EXPECT_TRUE(canonical("router \"abc").starts_with("filter, column 8: a quoted name"));
  EXPECT_TRUE(canonical("proto 256").find("at most 255") != std::string::npos);
  EXPECT_EQ(
      canonical("proto udpp and port 53"),
      "filter, column 7: expected a protocol's number or its name in nfdump, such as tcp, udp, icmp, icmp6, gre, esp or sctp, "
      "found 'udpp'");
  for (const char* port : {"port 70000", "port 66k", "src port in [80, 65536]", "dst_port > 70000"})
    EXPECT_TRUE(canonical(port).find("_port is at most 65535") != std::string::npos) << port;
  for (const char* byte : {"tos 256", "tos < 256", "mask 256", "icmp-type 256", "icmp-code in [1, 256]"})
    EXPECT_TRUE(canonical(byte).find("is at most 255") != std::string::npos) << byte;
  for (const char* word : {"as 4294967296", "if 4294967296", "dst as in [4294967296]"})
    EXPECT_TRUE(canonical(word).find("is at most 4294967295") != std::string::npos) << word;
  EXPECT_TRUE(canonical("src and port 80").starts_with("filter, column 9: expected 'dst'"));
  EXPECT_TRUE(canonical("dst tos 16").starts_with("filter, column 5: expected port, ip, host, net, as or mask"));
  EXPECT_TRUE(canonical("router ip 10.0.0.1").find("by its name in the manifest") != std::string::npos);
  EXPECT_EQ(canonical("router \"ip\""), "router in [\"ip\"]");
  EXPECT_TRUE(canonical("router > a").find("no order") != std::string::npos);
  EXPECT_TRUE(canonical("icmp-type > 3").find("no order") != std::string::npos);
  EXPECT_TRUE(canonical("flags = SA").find("expected a number, found 'SA'") != std::string::npos);
  EXPECT_TRUE(canonical("net 10.1/24").find("a prefix length of 0 to 16") != std::string::npos);
  EXPECT_TRUE(canonical("net 10.1.0.0 255.0.255.0").find("a zero bit before a one bit") != std::string::npos);
  EXPECT_TRUE(canonical("net 2001:db8:: 255.0.0.0").find("prefix length or a netmask") != std::string::npos);
  EXPECT_TRUE(canonical("out bytes > 3").find("expected 'if' after 'out'") != std::string::npos);
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
