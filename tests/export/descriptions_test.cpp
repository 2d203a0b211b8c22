// What the decoders of NetFlow v9 and IPFIX say about exporters: templates, their elements, and names from options.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace mole::testing {
namespace {

constexpr auto data = MOLE_DESCRIBES_TEMPLATE, options = MOLE_DESCRIBES_OPTIONS, element = MOLE_DESCRIBES_ELEMENT,
               interface = MOLE_DESCRIBES_INTERFACE, application = MOLE_DESCRIBES_APPLICATION;

std::vector<Said> said_by(const mole_decoder_v1& decoder, const std::string& bytes) {
  DecodeOptions with{.describe = true}, in_pieces{.chunk = 7, .describe = true};
  auto out = decode(decoder, bytes, with).described;
  EXPECT_EQ(decode(decoder, bytes, in_pieces).described, out);
  EXPECT_TRUE(decode(decoder, bytes).described.empty());
  return out;
}
std::vector<Said> of_kind(const std::vector<Said>& all, int kind) {
  std::vector<Said> out;
  std::ranges::copy_if(all, std::back_inserter(out), [&](const Said& s) { return s.kind == kind; });
  return out;
}

std::string v9_options(std::uint16_t id, const std::vector<FieldSpec>& scope, const std::vector<FieldSpec>& fields) {
  return set(1, be(id, 2) + be(4 * scope.size(), 2) + be(4 * fields.size(), 2) + field_list(scope) + field_list(fields));
}
std::string padded(std::string text, std::size_t size, char with = '\0') { return text.append(size - text.size(), with); }

TEST(Descriptions, TemplatesAndTheirElements) {
  const auto said = said_by(ipfix(), Message{0, 9}.ipfix(ipfix_template(300, {{8, 4}, {1, 8}, {12232, 4, 9}, {82, 0xffff}}) +
                                                         ipfix_options(301, 1, {{149, 4}, {41, 8}, {42, 8}})));
  EXPECT_EQ(said, (std::vector<Said>{{data, 0, 9, 300, 0, 4, ""},
                                     {element, 0, 9, 8, 0, 4, ""},
                                     {element, 0, 9, 1, 0, 8, ""},
                                     {element, 0, 9, 12232, 9, 4, ""},
                                     {element, 0, 9, 82, 0, 0xffff, ""},
                                     {options, 0, 9, 301, 0, 3, ""},
                                     {element, 0, 9, 149, 0, 4, ""},
                                     {element, 0, 9, 41, 0, 8, ""},
                                     {element, 0, 9, 42, 0, 8, ""}}));
}

TEST(Descriptions, ScopesOfNetFlow9AreNotElements) {
  const auto said =
      said_by(netflow9(), Message{0, 4}.v9(v9_template(256, {{8, 4}, {40001, 2}}) + v9_options(257, {{1, 4}}, {{34, 4}})));
  EXPECT_EQ(said, (std::vector<Said>{{data, 0, 4, 256, 0, 2, ""},
                                     {element, 0, 4, 8, 0, 4, ""},
                                     {element, 0, 4, 40001, 0, 2, ""},
                                     {options, 0, 4, 257, 0, 2, ""},
                                     {element, 0, 4, 34, 0, 4, ""}}));
}

TEST(Descriptions, ARepeatedTemplateIsDescribedOnceAndARedefinedOneAgain) {
  const auto one = ipfix_template(256, {{8, 4}}), other = ipfix_template(256, {{8, 4}, {12, 4}});
  const auto templates = [](const std::string& bytes) { return of_kind(said_by(ipfix(), bytes), data); };
  EXPECT_EQ(templates(Message{}.ipfix(one) + Message{}.ipfix(one)), (std::vector<Said>{{data, 0, 0, 256, 0, 1, ""}}));
  EXPECT_EQ(templates(Message{}.ipfix(one) + Message{}.ipfix(other)),
            (std::vector<Said>{{data, 0, 0, 256, 0, 1, ""}, {data, 0, 0, 256, 0, 2, ""}}));
  EXPECT_EQ(templates(Message{0, 1}.ipfix(one) + Message{0, 2}.ipfix(one)),
            (std::vector<Said>{{data, 0, 1, 256, 0, 1, ""}, {data, 0, 2, 256, 0, 1, ""}}))
      << "two domains";
}

TEST(Descriptions, TemplatesThatAreNotUsedAreNotDescribed) {
  EXPECT_TRUE(said_by(ipfix(), Message{}.ipfix(ipfix_template(255, {{8, 4}}))).empty()) << "a reserved number";
  EXPECT_TRUE(said_by(ipfix(), Message{}.ipfix(set(2, be(256, 2) + be(9, 2) + be(8, 2) + be(4, 2)))).empty()) << "cut short";
}

TEST(Descriptions, ExportersOfDatagramsHaveAddresses) {
  const std::string a = std::string(10, '\0') + "\xff\xff" + be(0xc0000201, 4),
                    b = be(0x20010db8, 4) + std::string(11, '\0') + '\1';
  const auto said = of_kind(said_by(datagrams(), framed(Message{}.ipfix(ipfix_template(256, {{8, 4}})), a, 9) +
                                                     framed(Message{}.v9(v9_template(256, {{8, 4}})), b, 9) +
                                                     framed(Message{0, 3}.ipfix(ipfix_template(257, {{8, 4}})), a, 9)),
                            data);
  EXPECT_EQ(said, (std::vector<Said>{{data, 0, 0, 256, 0, 1, "192.0.2.1"},
                                     {data, 1, 0, 256, 0, 1, "2001:db8::1"},
                                     {data, 0, 3, 257, 0, 1, "192.0.2.1"}}));
}

TEST(Descriptions, InterfacesAreNamedByScopeOrField) {
  const auto names = [](const mole_decoder_v1& decoder, const std::string& bytes) {
    return of_kind(said_by(decoder, bytes), interface);
  };
  const std::string eth0 = padded("eth0", 16);
  EXPECT_EQ(names(netflow9(), Message{}.v9(v9_options(256, {{2, 4}}, {{82, 16}}) + set(256, be(7, 4) + eth0))),
            (std::vector<Said>{{interface, 0, 0, 7, 0, 0, "eth0"}}));
  EXPECT_EQ(names(netflow9(), Message{}.v9(v9_options(256, {{1, 4}}, {{10, 2}, {82, 16}, {83, 8}}) +
                                           set(256, be(1, 4) + be(7, 2) + eth0 + padded("uplink", 8, ' '))))
                .at(0)
                .name,
            "eth0");
  EXPECT_EQ(names(ipfix(), Message{}.ipfix(ipfix_options(256, 1, {{10, 4}, {82, 0xffff}, {83, 0xffff}}) +
                                           set(256, be(0x80000001, 4) + variable("") + variable("Uplink \xc3\xa9")))),
            (std::vector<Said>{{interface, 0, 0, 0x80000001, 0, 0, "Uplink \xc3\xa9"}}))
      << "the description, if there is no name";
  EXPECT_EQ(names(ipfix(), Message{}.ipfix(ipfix_options(256, 1, {{14, 4}, {83, 6}}) +
                                           set(256, be(3, 4) + padded("a b", 6, ' ')) + set(256, be(4, 4) + padded("", 6))))
                .size(),
            1u)
      << "an empty name is none";
  EXPECT_TRUE(
      names(ipfix(), Message{}.ipfix(ipfix_options(256, 1, {{10, 4}, {34, 4}}) + set(256, be(3, 4) + be(100, 4)))).empty())
      << "a sampling rate";
  EXPECT_TRUE(names(ipfix(), Message{}.ipfix(ipfix_options(256, 1, {{149, 4}, {82, 4}}) + set(256, be(3, 4) + "eth0"))).empty())
      << "a name of no interface";
}

TEST(Descriptions, ApplicationsHaveTheNumbersOfTheColumn) {
  const auto fields = std::vector<FieldSpec>{{95, 4}, {96, 8}, {94, 12}};
  const std::string http = be(13, 1) + be(80, 3), records = http + padded("http", 8) + padded("web", 12) + be(3, 1) + be(443, 3) +
                                                            padded("", 8) + padded("HTTPS", 12);
  const std::vector<Said> wanted{{application, 0, 0, 13u << 24 | 80, 0, 0, "http"},
                                 {application, 0, 0, 3u << 24 | 443, 0, 0, "HTTPS"}};
  EXPECT_EQ(of_kind(said_by(ipfix(), Message{}.ipfix(ipfix_options(256, 1, fields) + set(256, records))), application), wanted);
  std::string with_scope;  // of the system
  for (std::size_t at = 0; at < records.size(); at += 24) with_scope += be(0, 4) + records.substr(at, 24);
  EXPECT_EQ(of_kind(said_by(netflow9(), Message{}.v9(v9_options(256, {{1, 4}}, fields) + set(256, with_scope))), application),
            wanted);
  const auto flow = ipfix_template(300, {{2, 4}, {95, 4}}) + set(300, be(1, 4) + http);
  EXPECT_EQ(decode(ipfix(), Message{}.ipfix(flow)).flows.at(0)[MOLE_COLUMN_APPLICATION_LABEL], wanted[0].id);
}

// RFC 5610, section 3.8.
TEST(Descriptions, TypeRecordsNameElements) {
  const std::vector<FieldSpec> fields{{346, 4}, {303, 2}, {339, 1}, {344, 1}, {345, 2}, {342, 8}, {341, 0xffff}};
  const auto record = [](std::uint32_t enterprise, std::uint16_t id, const std::string& name) {
    return be(enterprise, 4) + be(id, 2) + be(13, 1) + be(0, 1) + be(0, 2) + padded("note", 8) + variable(name);
  };
  const auto names = [&](const std::string& records, bool late = false) {
    const auto options_set = ipfix_options(400, 2, fields), data_set = set(400, records);
    return of_kind(
        said_by(ipfix(), Message{}.ipfix(late ? data_set : options_set) + Message{}.ipfix(late ? options_set : data_set)),
        element);
  };
  const auto last = [](const std::vector<Said>& all) { return all.empty() ? Said{} : all.back(); };
  EXPECT_EQ(last(names(record(9, 12232, "acmeThing"))), (Said{element, 0, 0, 12232, 9, 13, "acmeThing"}));
  EXPECT_EQ(last(names(record(9, 12232, "acmeThing"), true)), (Said{element, 0, 0, 12232, 9, 13, "acmeThing"}))
      << "before the template";
  EXPECT_EQ(last(names(record(9, 0x8000 | 5, "x"))).id, 5u) << "with the enterprise bit";
  EXPECT_EQ(last(names(record(0, 999, "new"))), (Said{element, 0, 0, 999, 0, 13, "new"}));
  EXPECT_EQ(names(record(9, 12232, "")).size(), fields.size()) << "without a name";
  EXPECT_EQ(names(record(9, 0, "zero")).size(), fields.size());
  EXPECT_EQ(last(names(record(9, 1, std::string(5000, 'n')))).name.size(), 5000u);
  EXPECT_EQ(last(names(record(9, 1, std::string("a\0b", 3)))).name, "a");
}

}  // namespace
}  // namespace mole::testing
