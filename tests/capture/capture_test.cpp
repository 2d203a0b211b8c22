// Export datagrams in captures of every file format, link layer and network layer.
#include "tests/capture/support.hpp"

#include "plugins/decoders/pcap/pcap.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <set>

namespace mole::testing {
namespace {

const std::string v6_sender = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\x05';

std::vector<std::uint64_t> ports(const Decoded& read) {
  std::vector<std::uint64_t> ports;
  for (const auto& flow : read.flows) ports.push_back(flow[MOLE_COLUMN_SRC_PORT]);
  return ports;
}
std::vector<std::uint64_t> range(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}
std::string reasons(const Decoded& read) {
  std::string text;
  for (const auto& s : read.skipped) text += std::to_string(s.offset) + '+' + std::to_string(s.size) + ": " + s.reason + '\n';
  return text;
}
std::string frame_of(const std::string& payload, const Sender& from = {}) { return ethernet(ip(udp(payload, from), from)); }

// `n` v5 datagrams of two flows.
std::vector<std::string> frames(std::uint32_t n, std::uint32_t first = 0) {
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < n; ++i) out.push_back(frame_of(v5_datagram(first + 2 * i)));
  return out;
}

TEST(Capture, ReadsPcapOfBothByteOrdersAndResolutions) {
  for (const bool big : {false, true})
    for (const bool nanoseconds : {false, true}) {
      const auto read = decode_capture(pcap(frames(3), {.big = big, .nanoseconds = nanoseconds}));
      EXPECT_EQ(ports(read), range(0, 6)) << big << nanoseconds;
      EXPECT_TRUE(read.skipped.empty()) << reasons(read);
      ASSERT_EQ(read.datagrams.size(), 3u);
      EXPECT_EQ(read.datagrams[0].exported_us, 1'700'000'000'000'000);
      EXPECT_EQ(read.lost(), 0u);
    }
}

TEST(Capture, ReadsEveryKindOfPcapngBlock) {
  const auto f = frames(5);
  for (const bool big : {false, true}) {
    const std::string first = section(big) + interface(1, big) + block(4, number(0, 4), big) + enhanced(f[0], big) +
                              simple(f[1], big) + obsolete(f[2], big) + block(5, number(0, 12), big) + block(0xbad, "abc", big);
    // A section of the other byte order with interfaces of its own; the time unit of the second one is 2^-20 s.
    const std::string second = section(!big) + interface(113, !big) + interface(1, !big, 0x80 + 20) + enhanced(f[3], !big, 1) +
                               interface(101, !big) + enhanced(ip(udp(v5_datagram(8))), !big, 2);
    const auto read = decode_capture(first + second);
    EXPECT_EQ(ports(read), range(0, 10));
    EXPECT_TRUE(read.skipped.empty()) << reasons(read);
  }
}

TEST(Capture, ReportsPacketsOfInterfacesThatAreNotDescribed) {
  const auto f = frames(2);
  const auto read = decode_capture(section(false) + interface(1, false) + enhanced(f[0], false, 3) + enhanced(f[1], false));
  EXPECT_EQ(ports(read), range(2, 2));
  ASSERT_EQ(read.skipped.size(), 1u);
  EXPECT_EQ(read.skipped[0].size, f[0].size());
}

TEST(Capture, ReadsEveryLinkLayer) {
  const std::string datagram = ip(udp(v5_datagram(0)));
  const std::string type = number(0x0800, 2);
  struct Case {
    std::uint32_t link_type;
    std::string frame;
  };
  for (const Case& c :
       {Case{1, ethernet(datagram)},
        {1, ethernet(datagram, {0x8100})},
        {1, ethernet(datagram, {0x88a8, 0x8100})},
        {1, ethernet(datagram) + std::string(40, '\0')},  // padding
        {1, std::string(12, 'm') + number(datagram.size() + 8, 2) + number(0xaaaa03, 3) + number(0, 3) + type + datagram},
        {1, std::string(12, 'm') + number(0x8847, 2) + number(0x00010040, 4) + number(0x00020140, 4) + datagram},
        {1, std::string(12, 'm') + number(0x8864, 2) + number(0x110000010000, 6) + number(0x0021, 2) + datagram},
        {113, std::string(14, '\0') + type + datagram},
        {276, type + std::string(18, '\0') + datagram},
        {276, number(0x8100, 2) + std::string(18, '\0') + number(100, 2) + type + datagram},
        {0, number(2, 4, false) + datagram},
        {108, number(2, 4) + datagram},
        {9, number(0xff030021, 4) + datagram},
        {9, number(0x0021, 2) + datagram},
        {50, number(0xff030021, 4) + datagram},
        {104, number(0x0f00, 2) + type + datagram},
        {12, datagram},
        {14, datagram},
        {101, datagram},
        {228, datagram}}) {
    const auto read = decode_capture(pcap({c.frame}, {.link_type = c.link_type}));
    EXPECT_EQ(ports(read), range(0, 2)) << "link type " << c.link_type;
    EXPECT_TRUE(read.skipped.empty()) << reasons(read);
  }
  const Sender from{v6_sender};
  const std::string in_v6 = ip(udp(v5_datagram(0), from), from);
  for (const Case& c : {Case{1, ethernet(in_v6)}, {229, in_v6}, {101, in_v6}, {0, number(30, 4, false) + in_v6}})
    EXPECT_EQ(ports(decode_capture(pcap({c.frame}, {.link_type = c.link_type}))), range(0, 2)) << "link type " << c.link_type;
}

TEST(Capture, ReportsLinkTypesThatItDoesNotRead) {
  const auto read = decode_capture(pcap({std::string(100, 'x')}, {.link_type = 105}));
  ASSERT_EQ(read.skipped.size(), 1u);
  EXPECT_EQ(read.skipped[0].offset, 40u);
  EXPECT_EQ(read.skipped[0].size, 100u);
  EXPECT_NE(read.skipped[0].reason.find("link type 105"), std::string::npos);
}

TEST(Capture, ReadsOptionsAndExtensionHeaders) {
  EXPECT_EQ(ports(decode_capture(pcap({ethernet(ip(udp(v5_datagram(0)), {}, {.options = std::string(8, '\x01')}))}))),
            range(0, 2));
  const Sender from{v6_sender};
  // Hop-by-hop options, destination options of 16 bytes, authentication of 12 bytes, UDP.
  const std::string headers =
      number(60, 1) + number(0, 7) + number(51, 1) + number(1, 1) + number(0, 14) + number(17, 1) + number(1, 1) + number(0, 10);
  EXPECT_EQ(ports(decode_capture(pcap({ethernet(ip(udp(v5_datagram(0), from), from, {.options = headers}))}))), range(0, 2));
}

TEST(Capture, PutsFragmentsTogether) {
  std::mt19937 random(7);
  for (const auto& from : {Sender{}, Sender{v6_sender}})
    for (const std::size_t size : {8u, 104u, 1400u, 1464u}) {
      auto parts = fragments(udp(v5_datagram(0, 30)), size, from);
      for (int round = 0; round < 4; ++round) {
        std::string bytes = pcap_header();
        for (const auto& part : parts) bytes += pcap_packet(ethernet(part));
        const auto read = decode_capture(bytes + pcap_packet(frame_of(v5_datagram(30), from)));
        EXPECT_EQ(ports(read), range(0, 32)) << size;
        EXPECT_TRUE(read.skipped.empty()) << reasons(read);
        std::shuffle(parts.begin(), parts.end(), random);
      }
    }
}

TEST(Capture, FragmentsWaitForHalfAMinute) {
  const auto parts = fragments(udp(v5_datagram(0, 30)), 800);
  for (const std::uint32_t seconds : {29u, 32u}) {
    const auto read = decode_capture(pcap_header() + pcap_packet(ethernet(parts[0])) +
                                     pcap_packet(ethernet(parts[1]), 1'700'000'000 + seconds));
    EXPECT_EQ(read.flows.size(), seconds < 30 ? 30u : 0u);
  }
}

TEST(Capture, RepeatedFragmentsAreUsedOnce) {
  std::vector<std::string> f;
  for (const auto& part : fragments(udp(v5_datagram(0, 30)), 800)) f.insert(f.end(), 2, ethernet(part));
  const auto read = decode_capture(pcap(f));
  EXPECT_EQ(ports(read), range(0, 30));
  EXPECT_TRUE(read.skipped.empty()) << reasons(read);
}

TEST(Capture, ReportsFragmentsThatAreMissing) {
  const auto parts = fragments(udp(v5_datagram(0, 30)), 800);
  for (std::size_t missing = 0; missing < parts.size(); ++missing) {
    std::vector<std::string> f{frame_of(v5_datagram(0, 0 + 2))};
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (i != missing) f.push_back(ethernet(parts[i]));
    f.push_back(frame_of(v5_datagram(32)));
    const auto read = decode_capture(pcap(f));
    EXPECT_EQ(read.flows.size(), 4u);
    ASSERT_EQ(read.skipped.size(), 1u) << reasons(read);
    EXPECT_EQ(read.skipped[0].reason, "fragments of a datagram are missing");
    EXPECT_EQ(read.lost(), 30u);
  }
}

TEST(Capture, FragmentsThatContradictEachOtherAreNotUsed) {
  auto parts = fragments(udp(v5_datagram(0, 30)), 800);
  auto other = fragments(udp(v5_datagram(1000, 30)), 800)[0];
  const auto read = decode_capture(pcap({frame_of(v5_datagram(0)), ethernet(parts[0]), ethernet(other), ethernet(parts[1])}));
  EXPECT_EQ(read.flows.size(), 2u);
  EXPECT_FALSE(read.skipped.empty());
}

TEST(Capture, IncompleteDatagramsAreLimited) {
  std::string bytes = pcap_header() + pcap_packet(frame_of(v5_datagram(0)));
  for (std::uint32_t i = 0; i < 3000; ++i) bytes += pcap_packet(ethernet(fragments(udp(v5_datagram(2, 30)), 800, {}, i)[0]));
  const auto read = decode_capture(bytes);
  EXPECT_EQ(read.flows.size(), 2u);
  EXPECT_EQ(read.skipped.size(), 3000u);
}

TEST(Capture, KeepsExportersApart) {
  const Sender a{std::string("\x0a\0\0\x01", 4)}, b{std::string("\x0a\0\0\x02", 4)}, c{v6_sender};
  std::vector<std::string> f;
  for (std::uint32_t i = 0; i < 4; ++i) {
    f.push_back(frame_of(v5_datagram(2 * i), a));
    f.push_back(frame_of(v9_datagram(500 + i, 100, 2, i == 0), b));
    f.push_back(frame_of(ipfix_datagram(9000 + 2 * i, 200, 2, i == 0), c));
  }
  const auto read = decode_capture(pcap(f));
  EXPECT_EQ(read.flows.size(), 24u);
  EXPECT_EQ(read.lost(), 0u);
  EXPECT_TRUE(read.skipped.empty()) << reasons(read);
  std::set<std::string> addresses;
  for (const auto& flow : read.flows) addresses.insert(flow.exporter);
  EXPECT_EQ(addresses, (std::set<std::string>{"10.0.0.1", "10.0.0.2", "2001:db8::5"}));
  std::set<std::uint32_t> exporters;
  for (const auto& d : read.datagrams) exporters.insert(d.exporter);
  EXPECT_EQ(exporters.size(), 3u);
}

// Templates of IPFIX belong to a session, which has a port.
TEST(Capture, KeepsSessionsOfOneAddressApart) {
  const Sender a{.port = 1000}, b{.port = 2000};
  const auto read = decode_capture(pcap({frame_of(ipfix_datagram(0, 100), a), frame_of(ipfix_datagram(50, 200, 2, false), b),
                                         frame_of(ipfix_datagram(2, 102, 2, false), a)}));
  EXPECT_EQ(ports(read), range(100, 4));
  EXPECT_EQ(read.skipped.size(), 1u) << reasons(read);
}

TEST(Capture, OtherTrafficIsNoDamage) {
  const Sender dns{.port = 53, .to = 53};
  // Answers whose identification is the version of an export datagram.
  const std::string question = number(0x01000001, 4) + number(0, 6) +
                               "\x03www\x07"
                               "example\x03"
                               "com" +
                               number(0, 1) + number(0x00010001, 4);
  std::vector<std::string> f = frames(1);
  for (const std::uint16_t id : {1, 5, 7, 9, 10}) f.push_back(frame_of(number(id, 2) + question, dns));
  f.push_back(ethernet(ip(std::string(60, 'b'), {}, {.protocol = 6})));          // TCP
  f.push_back(ethernet(ip(std::string(30, 'e'), {}, {.protocol = 1})));          // ICMP
  f.push_back(std::string(12, 'm') + number(0x0806, 2) + std::string(28, 'a'));  // ARP
  f.push_back(frame_of("", dns));
  f.push_back("short");
  f.push_back("");
  for (const auto& part : fragments(udp(std::string(3000, 'x'), dns), 800, {std::string("\x0a\0\0\x09", 4)}))
    f.push_back(ethernet(part));
  f.pop_back();
  f.push_back(frames(1, 2)[0]);
  const auto read = decode_capture(pcap(f));
  EXPECT_EQ(ports(read), range(0, 4));
  EXPECT_TRUE(read.skipped.empty()) << reasons(read);
}

TEST(Capture, ChoosesByPortIfOneIsGiven) {
  const auto bytes = pcap({frame_of(v5_datagram(0), {.to = 2055}), frame_of(v5_datagram(50), {.to = 9000}),
                           frame_of(v5_datagram(80), {.to = 4000}), frame_of("sflow or something else", {.to = 9000})});
  EXPECT_EQ(decode_capture(bytes).flows.size(), 6u);
  const auto read = decode_capture(bytes, {}, "9000, 4000");
  EXPECT_EQ(ports(read), (std::vector<std::uint64_t>{50, 51, 80, 81}));
  EXPECT_EQ(read.skipped.size(), 1u) << reasons(read);
}

TEST(Capture, RefusesPortsThatAreNoNumbers) {
  mole_source source{};
  mole_decode_sink sink{};
  ByteSource in(&source);
  Sink out(&sink);
  for (const std::string wrong : {"a", "0", "65536", "1,,2", "20-30", ",1"})
    EXPECT_THROW(plugins::Pcap(in, out, {"keep", wrong}), Failure) << wrong;
  EXPECT_NO_THROW(plugins::Pcap(in, out, {"keep", "1, 65535"}));
}

TEST(Capture, DamagedDatagramsOfAnExporterAreReported) {
  std::string damaged = v9_datagram(1, 200);
  damaged[22] = '\x7f';  // the length of the first set
  std::string version = v9_datagram(2, 300);
  version[1] = 77;
  const auto read =
      decode_capture(pcap({frame_of(v9_datagram(0, 100)), frame_of(damaged), frame_of(version), frame_of(v9_datagram(3, 400))}));
  EXPECT_EQ(ports(read), (std::vector<std::uint64_t>{100, 101, 400, 401}));
  EXPECT_EQ(read.skipped.size(), 2u) << reasons(read);
}

TEST(Capture, ReportsIpfixOverTcpAndSctp) {
  const std::string message = ipfix_datagram(0, 100);
  const std::string tcp = number(30000, 2) + number(4739, 2) + number(0, 8) + number(0x50, 1) + number(0, 7) + message;
  const std::string sctp = number(30000, 2) + number(4739, 2) + number(0, 8) + number(0, 16) + message;
  const auto read = decode_capture(pcap({ethernet(ip(tcp, {}, {.protocol = 6})), ethernet(ip(sctp, {}, {.protocol = 132}))}));
  EXPECT_TRUE(read.flows.empty());
  ASSERT_EQ(read.skipped.size(), 2u);
  EXPECT_NE(read.skipped[0].reason.find("TCP"), std::string::npos);
  EXPECT_NE(read.skipped[1].reason.find("SCTP"), std::string::npos);
  EXPECT_EQ(read.skipped[0].size, message.size());
}

TEST(Capture, TruncatedDatagramsAreReported) {
  const auto f = frame_of(v5_datagram(2, 20));
  const auto read = decode_capture(pcap_header() + pcap_packet(frame_of(v5_datagram(0))) +
                                   pcap_packet(f, 1'700'000'001, {}, 14 + 20 + 8 + 24 + 3 * 48 + 5) +
                                   pcap_packet(frame_of(v5_datagram(22)), 1'700'000'002));
  EXPECT_EQ(read.flows.size(), 2u + 3u + 2u) << reasons(read);
  EXPECT_FALSE(read.skipped.empty());
}

}  // namespace
}  // namespace mole::testing
