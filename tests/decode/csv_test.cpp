#include "plugins/decoders/csv/csv.hpp"

#include "plugins/decoders/table/cell.hpp"
#include "tests/decode/nfcapd_writer.hpp"

#include <utility>

namespace mole::runtime::test {
namespace {

using plugins::Csv;
using plugins::table::Params, plugins::table::Times, plugins::table::TimeUnit;

const mole_decoder_v1& csv_decoder() { return mole::detail::Glue<mole::Kind::decoder>::vtable<Csv>; }

NfRead read_csv(const std::string& text, Params params = {}, std::size_t chunk = 1 << 16, std::vector<std::size_t> gaps = {}) {
  auto read = read_content(csv_decoder(), mole::detail::as_module(&params), text, chunk, {}, std::move(gaps));
  // Start, end, addresses, ports, protocol, packets, bytes and flags.
  keep_cells(read, 10);
  return read;
}

const std::string header = "ts,te,sa,da,sp,dp,pr,ipkt,ibyt,flg\n";
const std::string row = "2007-09-22 19:00:00,2007-09-22 19:00:01,10.0.0.1,192.0.2.1,1234,80,TCP,3,120,.AP.SF\n";
const std::string flow = "1190487600000000 1190487601000000 10.0.0.1 192.0.2.1 1234 80 6 3 120 27";

TEST(Csv, ReadsTheSameFlowInManyLayouts) {
  const std::vector<std::pair<std::string, std::string>> layouts{
      {"plain", header + row},
      {"CRLF", "ts,te,sa,da,sp,dp,pr,ipkt,ibyt,flg\r\n" + row.substr(0, row.size() - 1) + "\r\n"},
      {"byte order mark", "\xef\xbb\xbf" + header + row},
      {"blank lines", "\n\n" + header + "\n" + row + "  \n"},
      {"commented header", "#" + header + row},
      {"repeated header", header + header + row},
      {"quotes",
       "\"ts\",te,sa,\"da\",sp,dp,pr,ipkt,ibyt,flg\n\"2007-09-22 19:00:00\",\"2007-09-22 19:00:01\",\"10.0.0.1\",192.0.2.1,1234,"
       "\"80\",TCP,3,120,\".AP.SF\"\n"},
      {"summary of nfdump 1.6", header + row + "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n1,120,3,1,1,40\n"},
      {"summary between files", header + "Summary\nflows,bytes\n0,0\n" + header + row},
      {"SiLK",
       "            sIP|            dIP|sPort|dPort|pro|   packets|     bytes|   flags|                  sTime| duration|"
       "                  eTime|sen|\n"
       "       10.0.0.1|      192.0.2.1| 1234|   80|  6|         3|       120|FS PA   |2007/09/22T19:00:00.000|    1.000|"
       "2007/09/22T19:00:01.000| S0|\n"},
      {"SiLK without eTime",
       "sIP|dIP|sPort|dPort|protocol|packets|bytes|flags|sTime|duration|\n"
       "010.000.000.001|192.000.002.001|1234|80|6|3|120|FSPA|2007/09/22T19:00:00|1.000|\n"},
      {"semicolons",
       "ts;te;sa;da;sp;dp;pr;ipkt;ibyt;flg\n2007-09-22T19:00:00Z;2007-09-22T21:00:01+02:00;10.0.0.1;192.0.2.1;1234;80;tcp;3;120;"
       "27\n"},
      {"tabs",
       "start\tend\tsrc_addr\tdst_addr\tsrc_port\tdst_port\tprotocol\tpackets\tbytes\ttcp_flags\n"
       "1190487600000\t1190487601000\t10.0.0.1\t192.0.2.1\t1234\t80\t6\t3\t120\t0x1b\n"},
      {"IPFIX",
       "flowStartSeconds,flowEndMilliseconds,sourceIPv4Address,sourceIPv6Address,destinationIPv4Address,"
       "destinationIPv6Address,sourceTransportPort,destinationTransportPort,protocolIdentifier,packetDeltaCount,"
       "octetDeltaCount,tcpControlBits\n1190487600,1190487601000,10.0.0.1,,192.0.2.1,,1234,80,6,3.0,120,27\n"},
      {"other order and unknown columns",
       "x,ibyt,ipkt,flg,pr,dp,sp,da,sa,te,ts,y\n"
       "?,120,3,...AP.SF,6,80,1234,192.0.2.1,10.0.0.1,1190487601,1190487600.000,\n"},
  };
  for (const auto& [name, text] : layouts) {
    for (const std::size_t chunk : {std::size_t{1} << 16, std::size_t{7}, std::size_t{1}}) {
      const auto read = read_csv(text, {}, chunk);
      EXPECT_EQ(read.lines, std::vector{flow}) << name << "\n" << reasons(read);
      EXPECT_EQ(read.report.state, task::FileState::sound) << name << "\n" << reasons(read);
    }
    EXPECT_TRUE(name == "blank lines" || Csv::recognises(std::as_bytes(std::span(text)))) << name;
  }
}

TEST(Csv, ColumnsCanBeNamedInTheManifest) {
  Params params;
  params.columns = "bytes=octets\nend=when\nprotocol=\nsrc_addr=source ip\nstart=when\n";
  params.time = "%d.%m.%Y %H:%M:%S";
  params.zone = "Europe/Zurich";
  params.delimiter = ";";
  const std::string text =
      "When;Source IP;da;sp;dp;ipkt;octets;flg;bytes\n22.09.2007 21:00:00;10.0.0.1;192.0.2.1;1234;80;3;120;27;99\n";
  EXPECT_EQ(read_csv(text, params).lines,
            std::vector<std::string>{"1190487600000000 1190487600000000 10.0.0.1 192.0.2.1 1234 80 0 3 120 27"});
  params.columns += "packets=pkts\n";
  const auto refused = read_csv(text, params);
  EXPECT_EQ(refused.report.state, task::FileState::unreadable);
  EXPECT_NE(reasons(refused).find("no column \"pkts\", which the manifest names for packets"), std::string::npos)
      << reasons(refused);
}

TEST(Csv, HeadersWithoutNeededColumnsAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases{{"ts,", "start"},    {"te,", "end"},      {"sa,", "src_addr"},
                                                               {"dp,", "dst_port"}, {"pr,", "protocol"}, {"ipkt,", "packets"},
                                                               {"ibyt,", "bytes"}};
  for (const auto& [removed, key] : cases) {
    auto text = header;
    text.erase(text.find(removed), removed.size());
    const auto read = read_csv(text + row);
    EXPECT_EQ(read.report.state, task::FileState::unreadable) << key;
    EXPECT_NE(reasons(read).find("columns: {" + key + ": NAME}"), std::string::npos) << reasons(read);
  }
  for (const std::string& text : std::vector<std::string>{"", "ts,te", "\n\n", "1,2,3\n", std::string("\0\0\0\n", 4)}) {
    const auto read = read_csv(text);
    EXPECT_EQ(read.report.flows, 0u);
    EXPECT_EQ(read.report.state, task::FileState::unreadable) << text;
  }
  EXPECT_EQ(read_csv(header).report.state, task::FileState::sound);
}

TEST(Csv, RowsThatCannotBeReadAreSkippedWithTheirLine) {
  const auto changed = [](const std::string& from, const std::string& to) {
    auto text = row;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::vector<std::pair<std::string, std::string>> bad{
      {changed("1234", "70000"), "src_port \"70000\" is not a number from 0 to 65535"},
      {changed("1234", "-1"), "src_port"},
      {changed("1234", "12x"), "src_port"},
      {changed(",80,", ",,"), "dst_port is missing"},
      {changed("10.0.0.1", "10.0.0.256"), "src_addr \"10.0.0.256\" is not an address"},
      {changed("10.0.0.1", "10.0.0"), "src_addr"},
      {changed("10.0.0.1", "10.00.0.1"), "src_addr"},
      {changed("10.0.0.1", "fe80::1%eth0"), "src_addr"},
      {changed("10.0.0.1", "host.example"), "src_addr"},
      {changed("10.0.0.1", ""), "src_addr is missing"},
      {changed("120", "1.2 M"), "bytes \"1.2 M\" is not a whole number"},
      {changed("120", "1.5"), "bytes"},
      {changed("120", "99999999999999999999"), "bytes"},
      {changed("120", ""), "bytes is missing"},
      {changed("120", std::string("1\0002", 3)), "bytes \"1?2\""},
      {changed("TCP", "XYZ"), "protocol"},
      {changed("TCP", "256"), "protocol"},
      {changed(".AP.SF", "Q"), "tcp_flags"},
      {changed(".AP.SF", "SS"), "tcp_flags"},
      {changed("2007-09-22 19:00:00", "2007-09-31 19:00:00"), "start"},
      {changed("2007-09-22 19:00:00", "yesterday"), "start"},
      {changed("2007-09-22 19:00:00", "2007-09-22 25:00:00"), "start"},
      {changed("2007-09-22 19:00:00", ""), "start is missing"},
      {changed("2007-09-22 19:00:00", "1960-01-01 00:00:00"), "start"},
      {changed(",TCP", ""), "it has 9 columns, but the header has 10"},
      {changed(",TCP", ",TCP,1,2"), "it has more columns, but the header has 10"},
      {changed("TCP", "\"TCP"), "a quote is not closed"},
      {changed("TCP", "\"TCP\"x"), "protocol"},
      {std::string(70'000, 'x') + "\n", "it is longer than 64 KiB"},
      {std::string(200'000, ',') + "\n", "it is longer than 64 KiB"},
  };
  for (const auto& [line, reason] : bad) {
    for (const std::size_t chunk : {std::size_t{1} << 16, std::size_t{100}}) {
      const auto read = read_csv(header + row + line + row, {}, chunk);
      EXPECT_EQ(read.lines, (std::vector{flow, flow})) << reason;
      ASSERT_EQ(read.report.lost_content.size(), 1u) << reason;
      const auto& lost = read.report.lost_content[0];
      EXPECT_EQ(lost.from, header.size() + row.size()) << reason;
      EXPECT_EQ(lost.to, header.size() + row.size() + line.size()) << reason;
      EXPECT_TRUE(lost.reason.starts_with("line 3: " + reason)) << lost.reason;
      EXPECT_EQ(read.report.state, task::FileState::damaged);
    }
  }
  const auto many = read_csv(header + bad[0].first + bad[1].first + bad[4].first + row);
  EXPECT_EQ(many.lines, std::vector{flow});
  EXPECT_EQ(reasons(many), "lines 2 to 4, the first: " + bad[0].second + "\n");
}

// nfdump prints type and code of ICMP as a decimal number, or separated by a point.
TEST(Csv, DestinationPortsOfIcmpAreTypeAndCode) {
  const auto port_of = [](const std::string& protocol, const std::string& port) {
    const auto read =
        read_csv(header + "2007-09-22 19:00:00,2007-09-22 19:00:01,10.0.0.1,192.0.2.1,0," + port + "," + protocol + ",3,120,0\n");
    if (read.lines.size() != 1) return std::string();
    auto rest = read.lines[0];
    for (int cell = 0; cell < 5; ++cell) rest = rest.substr(rest.find(' ') + 1);
    return rest.substr(0, rest.find(' '));
  };
  EXPECT_EQ(port_of("1", "2048"), "2048");
  EXPECT_EQ(port_of("1", "8.0"), "2048");
  EXPECT_EQ(port_of("ICMP", "3.3"), "771");
  EXPECT_EQ(port_of("58", "128.0"), "32768");
  EXPECT_EQ(port_of("TCP", "80.0"), "80");
  EXPECT_EQ(port_of("TCP", "3.1"), "");
  EXPECT_EQ(port_of("1", "3.256"), "");
}

TEST(Csv, ALastLineThatMayBeCutIsNotRead) {
  for (const std::size_t left : {row.size() - 1, row.size() - 5, std::size_t{1}}) {
    const auto read = read_csv(header + row + row.substr(0, left));
    EXPECT_EQ(read.lines, std::vector{flow});
    EXPECT_EQ(reasons(read), "line 3: it has no line ending, so it may be cut; copy or export the file again\n");
    EXPECT_EQ(read.report.lost_content[0].to - read.report.lost_content[0].from, left);
  }
}

TEST(Csv, GapsLoseTheLinesTheyCut) {
  for (const std::size_t chunk : {std::size_t{1} << 16, std::size_t{50}})
    for (std::size_t cut = 1; cut < row.size(); cut += 5) {
      const std::string text = header + row + row.substr(0, cut) + row.substr(row.size() - cut) + row;
      const auto read = read_csv(text, {}, chunk, {header.size() + row.size() + cut});
      EXPECT_EQ(read.lines, (std::vector{flow, flow})) << cut;
      EXPECT_EQ(read.report.state, task::FileState::damaged);
      EXPECT_EQ(read.report.datagrams, 2u);
    }
  const auto headless = read_csv(header + row, {}, 100, {5});
  EXPECT_EQ(headless.report.state, task::FileState::unreadable);
}

TEST(Csv, BatchesHoldOneFamily) {
  std::string text = header;
  std::size_t four = 0, six = 0;
  for (int i = 0; i < 10'000; ++i) {
    const bool v6 = i % 2 == 1;
    text += "1190487600,1190487601," + std::string(v6 ? "2001:db8::1,2001:db8::2" : "10.0.0.1,::ffff:192.0.2.1") + ",1,2,UDP,1," +
            std::to_string(i) + ",0\n";
    ++(v6 ? six : four);
  }
  const auto read = read_csv(text, {}, 1000);
  EXPECT_EQ(read.report.state, task::FileState::sound) << reasons(read);
  EXPECT_EQ(read.lines.size(), four + six);
  EXPECT_EQ(static_cast<std::size_t>(
                std::ranges::count_if(read.lines, [](const auto& line) { return line.find(" 32.1.") != line.npos; })),
            six);
  EXPECT_EQ(read.report.datagrams, 10'000u / 64 + 1);
  EXPECT_EQ(read_csv(text, {}, 77).lines, read.lines);
}

TEST(Csv, FlowsAreExportedWhenTheyWereReceived) {
  const std::string text =
      "ts,te,sa,da,sp,dp,pr,ipkt,ibyt,tr\n"
      "1190487600,1190487601,10.0.0.1,192.0.2.1,1,2,6,1,1,2007-09-22 19:00:05.218\n"
      "1190487600,1190487601,10.0.0.1,192.0.2.1,1,2,6,1,1,2007-09-22 19:00:05.900\n"
      "1190487600,1190487602,10.0.0.1,192.0.2.1,1,2,6,1,1,2026-11-21 19:28:37.218\n";
  const auto read = read_csv(text);
  EXPECT_EQ(read.report.datagrams, 2u);
  EXPECT_EQ(read.report.exported_first, 1190487602'000'000);
  EXPECT_EQ(read.report.exported_last, 1190487605'218'000);
}

TEST(Csv, WrongParametersAreErrors) {
  for (const auto& [params, word] : std::vector<std::pair<Params, std::string>>{{{.columns = "octets"}, "columns"},
                                                                                {{.time = "soon"}, "time"},
                                                                                {{.time = "%Q"}, "%Q"},
                                                                                {{.zone = "Mars/Base"}, "zone"},
                                                                                {{.delimiter = "::"}, "delimiter"}}) {
    struct Once {
      bool done = false;
      static std::int32_t next(void* self, const std::uint8_t** data, std::uint64_t* size, std::uint64_t* offset,
                               std::int32_t* gap) {
        if (std::exchange(static_cast<Once*>(self)->done, true)) return MOLE_END;
        *data = reinterpret_cast<const std::uint8_t*>(header.data());
        *size = header.size();
        *offset = 0;
        *gap = 0;
        return MOLE_OK;
      }
    } once;
    const mole_source raw{&once, Once::next};
    ByteSource source(&raw);
    Sink sink(nullptr);
    Csv csv(source, sink, params);
    mole_flow_builder builder{};
    FlowBuilder out(&builder);
    const auto more = csv.next(out);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, Code::invalid);
    EXPECT_NE(more.error().message.find(word), std::string::npos) << more.error().message;
  }
}

TEST(Times, AreReadInTheirFormatAndZone) {
  const std::int64_t time = 1190487600'000'000;
  struct Case {
    std::string format, zone, text;
    std::optional<std::int64_t> expected;
    TimeUnit unit = TimeUnit::any;
  };
  const std::vector<Case> cases{
      {"auto", "UTC", "2007-09-22 19:00:00", time},
      {"auto", "UTC", "2007-09-22T19:00:00.123456789Z", time + 123'456},
      {"auto", "UTC", "2007/09/22T19:00:00.5", time + 500'000},
      {"auto", "Asia/Tokyo", "2007-09-22 19:00:00+00:00", time},
      {"auto", "UTC", "2007-09-22 14:30:00 -0430", time},
      {"auto", "Europe/Zurich", "2007-09-22 21:00:00", time},
      {"auto", "Europe/Zurich", "2007-10-28 02:30:00", {}},  // twice
      {"auto", "Europe/Zurich", "2007-03-25 02:30:00", {}},  // never
      {"auto", "Europe/Zurich", "2007-10-28 01:59:59", 1193529599'000'000},
      {"auto", "Europe/Zurich", "2007-10-28 03:00:00", 1193536800'000'000},
      {"auto", "UTC", "1190487600", time},
      {"auto", "UTC", "1190487600.25", time + 250'000},
      {"auto", "UTC", "1190487600000", time},
      {"auto", "UTC", "1190487600000.5", time + 500},
      {"auto", "UTC", "1190487600000000", time},
      {"auto", "UTC", "1190487600000000123", time},
      {"auto", "UTC", "86400000", 86'400'000'000, TimeUnit::milliseconds},
      {"milliseconds", "UTC", "86400000", 86'400'000'000},
      {"seconds", "UTC", "2007-09-22 19:00:00", {}},
      {"%s", "UTC", "1190487600", time},
      {"%d/%b/%Y:%T %z", "UTC", "22/Sep/2007:21:00:00 +0200", time},
      {"%F %T", "UTC", "2007-09-22 19:00:00.75", time + 750'000},
      {"%y%m%d%H%M%S.%f", "UTC", "070922190000.75", time + 750'000},
      {"%d.%m.%Y", "UTC", "22.9.2007", 1190419200'000'000},
      {"auto", "UTC", "2007-02-29 00:00:00", {}},
      {"auto", "UTC", "2007-09-22 19:00:00 x", {}},
      {"auto", "UTC", "2007-09-22 19:00", {}},
      {"auto", "UTC", "19:00:00", {}},
      {"auto", "UTC", "", {}},
      {"auto", "UTC", "-5", {}},
      {"auto", "UTC", "99999999999999999999", {}},
      {"%d.%m.%Y", "UTC", "22.9.2007 1", {}},
  };
  for (const auto& c : cases) {
    auto times = Times::make(c.format, c.zone);
    ASSERT_TRUE(times) << times.error().message;
    EXPECT_EQ(times->parse(c.text, c.unit), c.expected) << c.format << " " << c.text;
  }
}

}  // namespace
}  // namespace mole::runtime::test
