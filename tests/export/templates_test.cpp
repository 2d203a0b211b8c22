// Which template is in force: of lists at their position in a message, after a day without repetition, with a reserved number.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include <gtest/gtest.h>

namespace mole::testing {
namespace {

using Strings = std::vector<std::string>;

// A subTemplateList, and a subTemplateMultiList, with one record of template 400.
std::string sub_list(const std::string& record) { return variable(be(0, 1) + be(400, 2) + record); }
std::string multi_list(const std::string& record) { return variable(be(0, 1) + be(400, 2) + be(4 + record.size(), 2) + record); }

Strings names_in(const Decoded& decoded) {
  Strings out;
  for (const Flow& flow : decoded.flows) {
    const auto found = flow.elements.find("name");
    out.push_back(found == flow.elements.end() || found->second.empty() ? "-" : found->second[0]);
  }
  return out;
}

TEST(Templates, ListsAreReadWithTheTemplateAtTheirPosition) {
  const DecodeOptions options{.elements = {{"name", 6871, 179, MOLE_TYPE_TEXT}}};
  const auto a = ipfix_template(400, {{179, 0xffff, 6871}}), b = ipfix_template(400, {{4, 1}, {179, 0xffff, 6871}});
  const auto c = ipfix_template(400, {{1, 8}, {2, 8}});
  const auto of_a = variable("a.example"), of_b = be(6, 1) + variable("b.example");
  const auto withdrawal = set(2, be(400, 2) + be(0, 2)), all = set(2, be(2, 2) + be(0, 2));
  for (const bool multi : {false, true}) {
    const auto outer = ipfix_template(256, {{2, 4}, {static_cast<std::uint16_t>(multi ? 293 : 292), 0xffff}});
    const auto data = [&](const std::string& record) {
      return set(256, be(1, 4) + (multi ? multi_list(record) : sub_list(record)));
    };
    const auto read = [&](const std::string& sets) { return names_in(decode(ipfix(), Message{}.ipfix(outer + sets), options)); };
    EXPECT_EQ(read(a + data(of_a) + b + data(of_b)), (Strings{"a.example", "b.example"}));
    EXPECT_EQ(read(a + data(of_a) + c), Strings{"a.example"});
    EXPECT_EQ(read(a + data(of_a) + withdrawal), Strings{"a.example"});
    EXPECT_EQ(read(a + data(of_a) + all), Strings{"a.example"});
    EXPECT_EQ(read(a + data(of_a) + withdrawal + b + data(of_b) + c), (Strings{"a.example", "b.example"}));
    EXPECT_EQ(read(a + data(of_a) + b + data(of_b) + a + data(of_a)), (Strings{"a.example", "b.example", "a.example"}));
    EXPECT_EQ(read(data(of_b) + b + data(of_b) + c), (Strings{"b.example", "b.example"})) << "the template comes later";
    const auto later = decode(ipfix(), Message{0}.ipfix(outer + a + data(of_a)) + Message{1}.ipfix(b + data(of_b)), options);
    EXPECT_EQ(names_in(later), (Strings{"a.example", "b.example"}));
  }
}

TEST(Templates, ThoseOfDatagramsExpireAfterADay) {
  constexpr std::uint32_t hour = 3600, from = 1'700'000'000;
  const std::string sender = be(0xffff0a000001, 16);
  for (const bool v9 : {false, true}) {
    const auto at = [&](std::uint32_t hours, std::uint32_t sequence, const std::string& sets, bool in_datagram = true) {
      const Message m{sequence, 1, from + hours * hour, 10'000'000 + hours * hour * 1000};
      const auto bytes = v9 ? m.v9(sets) : m.ipfix(sets);
      return in_datagram ? framed(bytes, sender, 2055) : bytes;
    };
    const auto define = v9 ? v9_template(256, simple_fields) : ipfix_template(256, simple_fields);
    const auto data = [](std::uint32_t n) { return set(256, simple_record(n)); };
    const auto packets = [](const Decoded& d) { return d.sum(MOLE_COLUMN_PACKETS); };

    const auto kept = decode(datagrams(), at(0, 0, define + data(1)) + at(23, 1, data(2)));
    EXPECT_EQ(packets(kept), 3u);
    EXPECT_TRUE(kept.skipped.empty());

    const auto expired = decode(datagrams(), at(0, 0, define + data(1)) + at(25, 1, data(2)));
    EXPECT_EQ(packets(expired), 1u);
    ASSERT_EQ(expired.skipped.size(), 1u);
    EXPECT_NE(expired.skipped[0].reason.find("no template 256"), std::string::npos) << expired.skipped[0].reason;
    EXPECT_EQ(expired.lost(), 1u);

    const auto again = decode(datagrams(), at(0, 0, define + data(1)) + at(25, 1, data(2)) + at(25, 2, define + data(4)));
    EXPECT_EQ(packets(again), 7u) << "data waits for the repetition of its template";
    EXPECT_EQ(again.lost(), 0u);

    const auto repeated = decode(datagrams(), at(0, 0, define + data(1)) + at(20, 1, define) + at(40, v9 ? 2 : 1, data(2)));
    EXPECT_EQ(packets(repeated), 3u);

    const auto& decoder = v9 ? netflow9() : ipfix();
    const auto stream = at(0, 0, define + data(1), false) + at(25, 1, data(2), false);
    EXPECT_EQ(packets(decode(decoder, stream)), 3u) << "a file is one session";
  }
}

TEST(Templates, ReservedNumbersAreReportedAndNotUsed) {
  for (const std::uint16_t number : {1, 2, 3, 4, 9, 255}) {
    for (const bool v9 : {false, true}) {
      const auto reserved = template_record(number, {{1, 4}}), good = template_record(256, simple_fields);
      const auto sets = set(v9 ? 0 : 2, reserved + good) + set(256, simple_record(5));
      const auto d = v9 ? decode(netflow9(), Message{}.v9(sets)) : decode(ipfix(), Message{}.ipfix(sets));
      EXPECT_EQ(d.sum(MOLE_COLUMN_PACKETS), 5u) << number;
      ASSERT_EQ(d.skipped.size(), 1u) << number;
      EXPECT_EQ(d.skipped[0].size, reserved.size());
      EXPECT_NE(d.skipped[0].reason.find("below 256"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace mole::testing
