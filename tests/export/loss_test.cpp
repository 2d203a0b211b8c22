// Which flows count as lost, and where.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include "plugins/decoders/ipfix/ipfix.hpp"

#include <gtest/gtest.h>

#include <span>

namespace mole::testing {
namespace {

std::string a(std::uint32_t n) { return be(0x0a000000 + n, 4); }
const std::vector<FieldSpec> address_only{{8, 4}};

TEST(Export, DataWhoseTemplateComesInTheNextMessageIsNotLost) {
  const std::string data = set(256, a(1) + a(2)), define = ipfix_template(256, address_only);
  for (const std::uint32_t domain : {0u, 1u}) {
    const std::string first = Message{0, domain, 1}.ipfix(data), second = Message{2, domain, 2}.ipfix(define + set(256, a(3)));
    const std::string sender = be(0xffff0a000001, 16);
    for (const auto& next :
         {decode(ipfix(), first + second), decode(datagrams(), framed(first, sender, 2055) + framed(second, sender, 2055))}) {
      EXPECT_EQ(next.flows.size(), 3u);
      EXPECT_EQ(next.lost(), 0u);
    }
  }
  // As a file whose messages have other domains, an earlier template, or only the template in the second message.
  for (const std::string& before : {std::string(), Message{0, 1, 1}.ipfix(ipfix_template(300, address_only)),
                                    Message{0, 1, 1}.ipfix(ipfix_template(300, address_only)) +
                                        Message{0, 1, 1}.ipfix(set(300, a(9))) + Message{1, 1, 1}.ipfix(set(300, a(9)))})
    for (const std::string& after : {std::string(), set(256, a(3))}) {
      const std::uint32_t first = before.size() > 50 ? 2 : 0;
      const auto d = decode(ipfix(), before + Message{first, 1, 1}.ipfix(data) + Message{first + 2, 1, 2}.ipfix(define + after) +
                                         Message{first + 2 + (after.empty() ? 0 : 1), 1, 3}.ipfix(set(256, a(4))));
      EXPECT_EQ(d.lost(), 0u) << before.size() << " " << after.size();
      EXPECT_EQ(d.flows.size(), first + 3 + (after.empty() ? 0 : 1));
      std::uint64_t reported = 0;
      for (const auto& r : d.datagrams) reported += r.flows;
      EXPECT_EQ(reported, d.flows.size());
    }
}

TEST(Export, OptionsWhoseTemplateComesInTheNextMessageAreNotLost) {
  const auto d = decode(ipfix(), Message{0, 1, 1}.ipfix(ipfix_template(256, address_only) + set(256, a(1))) +
                                     Message{1, 1, 1}.ipfix(set(300, be(7, 8) + be(100, 4)) + set(256, a(2))) +
                                     Message{3, 1, 2}.ipfix(ipfix_options(300, 1, {{302, 8}, {34, 4}}) + set(256, a(3))) +
                                     Message{4, 1, 2}.ipfix(set(256, a(4))));
  EXPECT_EQ(d.flows.size(), 4u);
  EXPECT_EQ(d.lost(), 0u);
}

TEST(Export, SeveralWaitingSetsOfAMessageShareItsMissingRecords) {
  const auto record = [](std::uint32_t n) { return a(n) + be(0, 16); };
  const std::string two = set(256, record(1) + record(2)) + set(257, record(3) + record(4) + record(5));
  const std::string define256 = ipfix_template(256, {{8, 4}, {210, 16}}), define257 = ipfix_template(257, {{2, 4}, {210, 16}});
  for (const auto& [third, fourth] : {std::pair{define256, define257}, std::pair{define257, define256}}) {
    const auto d = decode(ipfix(), Message{0, 1, 1}.ipfix(two) + Message{5, 1, 2}.ipfix("") + Message{5, 1, 3}.ipfix(third) +
                                       Message{5, 1, 4}.ipfix(fourth) + Message{5, 1, 5}.ipfix(""));
    EXPECT_EQ(d.flows.size(), 5u);
    EXPECT_EQ(d.lost(), 0u);
    // One template does not arrive: its records are lost.
    const auto one = decode(ipfix(), Message{0, 1, 1}.ipfix(two) + Message{5, 1, 2}.ipfix("") + Message{5, 1, 3}.ipfix(third));
    EXPECT_EQ(one.flows.size() + one.lost(), 5u);
    // One arrives in the next message, before the sequence shows the number of records.
    const auto next = decode(ipfix(), Message{0, 1, 1}.ipfix(two) + Message{5, 1, 2}.ipfix(third) + Message{5, 1, 3}.ipfix(""));
    EXPECT_EQ(next.flows.size() + next.lost(), 5u);
    const auto both =
        decode(ipfix(), Message{0, 1, 1}.ipfix(two) + Message{5, 1, 2}.ipfix(third) + Message{5, 1, 3}.ipfix(fourth));
    EXPECT_EQ(both.flows.size(), 5u);
    EXPECT_EQ(both.lost(), 0u);
  }
}

TEST(Export, AnEmptyDataSetIsNoLostFlow) {
  const auto d = decode(ipfix(), Message{0}.ipfix(set(256, "")) + Message{0}.ipfix(set(256, "")));
  EXPECT_EQ(d.lost(), 0u);
  EXPECT_TRUE(d.skipped.empty());
  EXPECT_EQ(decode(netflow9(), Message{0}.v9(set(256, ""))).lost(), 0u);
}

TEST(Export, SplitBiflowsAreReportedAsTheirRows) {
  const std::string define = ipfix_template(256, {{8, 4}, {2, 4}, {2, 4, 29305}});
  const std::string records = a(1) + be(1, 4) + be(2, 4) + a(2) + be(1, 4) + be(0, 4);
  const std::string bytes = Message{0}.ipfix(define + set(256, records)) + Message{2}.ipfix(set(256, records));
  for (const char* biflows : {"keep", "split"}) {
    const auto d = decode(ipfix(), bytes, {.biflows = biflows});
    ASSERT_EQ(d.datagrams.size(), 2u);
    for (const auto& r : d.datagrams) EXPECT_EQ(r.flows, d.flows.size() / 2) << biflows;
    EXPECT_EQ(d.lost(), 0u) << "the sequence counts records";
  }
  const auto late =
      decode(ipfix(), Message{0}.ipfix(set(256, records)) + Message{2}.ipfix(define + set(256, records)), {.biflows = "split"});
  std::uint64_t reported = 0;
  for (const auto& r : late.datagrams) reported += r.flows;
  EXPECT_EQ(late.flows.size(), 6u);
  EXPECT_EQ(reported, 6u);
  EXPECT_EQ(late.lost(), 0u);
}

TEST(Export, RecordsMissingInsideAMessageAreLostInDamage) {
  const std::string define = Message{0}.ipfix(ipfix_template(256, address_only) + set(256, a(1)));
  const std::string cut = Message{1}.ipfix(set(256, a(2)) + be(256, 2) + be(400, 2) + a(3) + a(4));
  const std::string no_length = Message{1}.ipfix(set(256, a(2)) + be(256, 2) + be(3, 2) + a(3) + a(4));
  for (const std::string& message : {cut, no_length})
    for (const bool captured : {false, true}) {
      const auto wrap = [&](const std::string& m) { return captured ? framed(m, be(0xffff0a000001, 16), 2055) : m; };
      const std::string other =
          captured ? framed(Message{0, 7}.ipfix(ipfix_template(256, address_only) + set(256, a(1))), be(0xffff0a000002, 16), 2055)
                   : "";
      const std::string later =
          captured ? framed(Message{3, 7}.ipfix(set(256, a(1))), be(0xffff0a000002, 16), 2055) : "";  // two are lost
      const auto d = decode(captured ? datagrams() : ipfix(), other + wrap(define) + wrap(message) +
                                                                  wrap(Message{52}.ipfix(set(256, a(9)))) + later +
                                                                  wrap(Message{54}.ipfix(set(256, a(9)))));
      EXPECT_EQ(d.lost(), 1u + (captured ? 2 : 0)) << "only what is missing between whole messages";
      std::uint64_t in_damage = 0;
      for (const auto& r : d.datagrams) in_damage += r.in_damage ? r.lost : 0;
      EXPECT_EQ(in_damage, 50u);
    }
}

TEST(Export, RecognisesAHeadThatEndsInAnyHeader) {
  const std::string message = Message{0}.ipfix(ipfix_template(256, simple_fields) + set(256, simple_records(1, 20)));
  std::string file;
  for (int i = 0; i < 6; ++i) file += message;
  for (std::size_t size = 16; size <= file.size(); ++size)
    EXPECT_TRUE(plugins::Ipfix::recognises(std::as_bytes(std::span(file)).first(size))) << size;
}

TEST(Export, OutCountersOfNetFlow9AreOfTheSameFlow) {
  for (const char* biflows : {"keep", "split"}) {
    const auto only =
        decode(netflow9(), Message{}.v9(v9_template(256, {{8, 4}, {24, 4}, {23, 4}}) + set(256, a(1) + be(7, 4) + be(700, 4))),
               {.biflows = biflows});
    ASSERT_EQ(only.flows.size(), 1u);
    EXPECT_EQ(only.flows[0][MOLE_COLUMN_PACKETS], 7u);
    EXPECT_EQ(only.flows[0][MOLE_COLUMN_BYTES], 700u);
    EXPECT_EQ(only.flows[0][MOLE_COLUMN_REVERSE_PACKETS], 0u);
    EXPECT_EQ(only.flows[0][MOLE_COLUMN_REVERSE_BYTES], 0u);
    const auto both = decode(netflow9(),
                             Message{}.v9(v9_template(256, {{8, 4}, {2, 4}, {1, 4}, {24, 4}, {23, 4}}) +
                                          set(256, a(1) + be(7, 4) + be(700, 4) + be(8, 4) + be(800, 4))),
                             {.biflows = biflows});
    ASSERT_EQ(both.flows.size(), 1u) << biflows;
    EXPECT_EQ(both.flows[0][MOLE_COLUMN_PACKETS], 7u);
    EXPECT_EQ(both.flows[0][MOLE_COLUMN_BYTES], 700u);
    EXPECT_EQ(both.flows[0][MOLE_COLUMN_REVERSE_PACKETS], 8u);
    EXPECT_EQ(both.flows[0][MOLE_COLUMN_REVERSE_BYTES], 800u);
  }
  const auto d = decode(ipfix(), Message{}.ipfix(ipfix_template(256, {{8, 4}, {24, 4}}) + set(256, a(1) + be(7, 4))));
  EXPECT_EQ(d.flows[0][MOLE_COLUMN_PACKETS], 0u) << "in IPFIX 24 is postPacketDeltaCount";
}

TEST(Export, AnEmptyScopeFieldIsNoScope) {
  // The interface (10) is a scope only in the first of both.
  for (const auto& [fields, interval] : {std::pair{std::vector<FieldSpec>{{149, 0}, {10, 4}, {34, 4}}, 100u},
                                         std::pair{std::vector<FieldSpec>{{10, 4}, {149, 0}, {34, 4}}, 1u}}) {
    const auto d = decode(ipfix(), Message{}.ipfix(ipfix_options(300, 1, fields) + set(300, be(5, 4) + be(100, 4)) +
                                                   ipfix_template(256, {{10, 4}}) + set(256, be(6, 4))));
    ASSERT_EQ(d.flows.size(), 1u);
    EXPECT_EQ(d.flows[0][MOLE_COLUMN_SAMPLING], interval) << "of the whole domain, or of interface 5";
  }
}

TEST(Export, RepeatedDatagramsAreDecodedAndReported) {
  const auto v9 = [](std::uint32_t sequence, const std::string& sets) { return Message{sequence, 1}.v9(sets); };
  const auto ipfix_message = [](std::uint32_t sequence, const std::string& sets) { return Message{sequence, 1}.ipfix(sets); };
  for (const bool nine : {true, false}) {
    const auto message = [&](std::uint32_t sequence, const std::string& sets) {
      return nine ? v9(sequence, sets) : ipfix_message(sequence, sets);
    };
    const std::string define = message(0, nine ? v9_template(256, address_only) : ipfix_template(256, address_only));
    const std::uint32_t first = nine ? 1 : 0;
    const std::string one = message(first, set(256, a(1))), two = message(first + 1, set(256, a(2))),
                      three = message(first + 2, set(256, a(3)));
    // Templates alone are repeated on purpose, and a sequence number or value that differs makes a different datagram.
    const std::string other = message(first + 3, set(256, a(3)));
    const auto repeats = [&](const std::string& bytes) {
      std::vector<bool> found;
      const auto d = decode(nine ? netflow9() : ipfix(), bytes);
      for (const auto& r : d.datagrams) found.push_back(r.repeated);
      EXPECT_EQ(d.lost(), 0u);
      return found;
    };
    using Found = std::vector<bool>;
    EXPECT_EQ(repeats(define + define + one + two + three + other), (Found{false, false, false, false, false, false})) << nine;
    EXPECT_EQ(repeats(define + one + one + two + one), (Found{false, false, true, false, true})) << nine;
    const std::string sender = be(0xffff0a000001, 16), second_sender = be(0xffff0a000002, 16);
    std::string framed_bytes;
    for (const auto& from : {sender, second_sender})
      for (const auto& d : {define, one}) framed_bytes += framed(d, from, 2055);
    const auto d = decode(datagrams(), framed_bytes + framed(one, sender, 2055));
    ASSERT_EQ(d.datagrams.size(), 5u);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(d.datagrams[i].repeated, i == 4) << i;
    EXPECT_EQ(d.flows.size(), 3u);
  }
}

}  // namespace
}  // namespace mole::testing
