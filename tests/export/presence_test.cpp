// Which columns and elements the templates of a stream have: without a field in any record a column is absent.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace mole::testing {
namespace {

constexpr std::uint32_t cert = 6871;

bool is_absent(const Decoded& decoded, int column) { return (decoded.absent >> column & 1) != 0; }

void expect(const Decoded& decoded, std::initializer_list<int> present, std::initializer_list<int> absent,
            const char* what = "") {
  ASSERT_FALSE(decoded.flows.empty());
  for (const int column : present) EXPECT_FALSE(is_absent(decoded, column)) << "column " << column << " " << what;
  for (const int column : absent) EXPECT_TRUE(is_absent(decoded, column)) << "column " << column << " " << what;
}

TEST(Presence, OfColumnsIsThatOfFields) {
  for (const bool v9 : {false, true}) {
    const auto read = [&](const std::vector<FieldSpec>& more, const std::string& values, const char* biflows = "keep") {
      auto fields = simple_fields;
      fields.insert(fields.end(), more.begin(), more.end());
      const auto data = set(256, simple_record(1) + values);
      return v9 ? decode(netflow9(), Message{}.v9(v9_template(256, fields) + data, 2), {.biflows = biflows})
                : decode(ipfix(), Message{}.ipfix(ipfix_template(256, fields) + data), {.biflows = biflows});
    };
    expect(read({}, ""),
           {MOLE_COLUMN_SRC_ADDR, MOLE_COLUMN_PACKETS, MOLE_COLUMN_BYTES, MOLE_COLUMN_START, MOLE_COLUMN_END,
            MOLE_COLUMN_SAMPLING, MOLE_COLUMN_SAMPLING_SOURCE, MOLE_COLUMN_OBSERVATION_DOMAIN},
           {MOLE_COLUMN_EXPORTER_ADDR,   MOLE_COLUMN_SRC_PORT,          MOLE_COLUMN_DST_PORT,
            MOLE_COLUMN_PROTOCOL,        MOLE_COLUMN_TCP_FLAGS,         MOLE_COLUMN_TOS,
            MOLE_COLUMN_SRC_AS,          MOLE_COLUMN_DST_MASK,          MOLE_COLUMN_NEXT_HOP,
            MOLE_COLUMN_IN_IF,           MOLE_COLUMN_APPLICATION_LABEL, MOLE_COLUMN_SRC_VLAN,
            MOLE_COLUMN_MPLS_LABEL,      MOLE_COLUMN_POST_SRC_ADDR,     MOLE_COLUMN_POST_DST_PORT,
            MOLE_COLUMN_REVERSE_PACKETS, MOLE_COLUMN_REVERSE_BYTES,     MOLE_COLUMN_ICMP_TYPE,
            MOLE_COLUMN_END_REASON,      MOLE_COLUMN_FLOW_DIRECTION});
    expect(read({{11, 2}, {6, 1}, {58, 2}, {61, 1}}, be(443, 2) + be(0, 1) + be(0, 2) + be(0, 1)),
           {MOLE_COLUMN_DST_PORT, MOLE_COLUMN_TCP_FLAGS, MOLE_COLUMN_SRC_VLAN, MOLE_COLUMN_FLOW_DIRECTION},
           {MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_VLAN, MOLE_COLUMN_ICMP_TYPE, MOLE_COLUMN_ICMP_CODE});
    // Which flows are of ICMP is not known without a protocol.
    expect(read({{4, 1}, {11, 2}}, be(6, 1) + be(443, 2)), {MOLE_COLUMN_ICMP_TYPE, MOLE_COLUMN_ICMP_CODE, MOLE_COLUMN_DST_PORT},
           {});
    expect(read({{32, 2}}, be(0x0800, 2)), {MOLE_COLUMN_ICMP_TYPE, MOLE_COLUMN_ICMP_CODE}, {MOLE_COLUMN_DST_PORT});
    expect(read({{4, 1}, {32, 2}}, be(1, 1) + be(0x0800, 2)), {MOLE_COLUMN_ICMP_TYPE, MOLE_COLUMN_DST_PORT}, {});
    expect(read({{130, 4}}, be(0xc0000207, 4)), {MOLE_COLUMN_EXPORTER_ADDR}, {});
    // A field of a length that numbers cannot have is not one.
    expect(read({{58, 9}}, std::string(9, '\1')), {}, {MOLE_COLUMN_SRC_VLAN});
  }
}

TEST(Presence, ReverseCountersAreOfBiflowsThatAreKept) {
  auto fields = simple_fields;
  fields.push_back({1, 8, 29305});
  const auto bytes = Message{}.ipfix(ipfix_template(256, fields) + set(256, simple_record(1) + be(0, 8)));
  expect(decode(ipfix(), bytes), {MOLE_COLUMN_REVERSE_BYTES}, {MOLE_COLUMN_REVERSE_PACKETS});
  expect(decode(ipfix(), bytes, {.biflows = "split"}), {}, {MOLE_COLUMN_REVERSE_BYTES, MOLE_COLUMN_REVERSE_PACKETS});
}

TEST(Presence, FlagsMayBeInLists) {
  auto fields = simple_fields;
  fields.push_back({293, 0xffff});
  const auto outer = ipfix_template(256, fields), of_flags = ipfix_template(400, {{6, 1}}),
             of_names = ipfix_template(401, {{4, 1}});
  const auto list = [](int id) { return variable(be(0, 1) + be(static_cast<std::uint64_t>(id), 2) + be(5, 2) + be(2, 1)); };
  const auto empty = variable(be(0, 1));
  const auto read = [&](const std::string& sets) { return decode(ipfix(), Message{}.ipfix(sets)); };
  expect(read(outer + of_flags + set(256, simple_record(1) + list(400))), {MOLE_COLUMN_TCP_FLAGS}, {MOLE_COLUMN_TOS});
  expect(read(outer + of_flags + set(256, simple_record(1) + empty)), {MOLE_COLUMN_TCP_FLAGS}, {});
  expect(read(outer + of_names + set(256, simple_record(1) + list(401))), {}, {MOLE_COLUMN_TCP_FLAGS});
}

// An exporter that chooses its templates by content may have no record with a field in a whole file.
TEST(Presence, TemplatesOfFlowsAreEnough) {
  auto with_tos = simple_fields;
  with_tos.push_back({5, 1});
  const auto plain = ipfix_template(256, simple_fields), data = set(256, simple_record(1));
  const auto read = [&](const std::string& sets) { return decode(ipfix(), Message{}.ipfix(sets)); };
  expect(read(plain + data), {}, {MOLE_COLUMN_TOS});
  expect(read(plain + ipfix_template(257, with_tos) + data), {MOLE_COLUMN_TOS}, {MOLE_COLUMN_PROTOCOL});
  expect(read(ipfix_template(256, with_tos) + plain + data), {MOLE_COLUMN_TOS}, {}, "redefined");
  expect(read(plain + ipfix_template(257, {{5, 1}}) + data), {}, {MOLE_COLUMN_TOS}, "of lists");
  expect(read(plain + ipfix_options(300, 1, {{149, 4}, {5, 1}, {8, 4}}) + data), {}, {MOLE_COLUMN_TOS}, "of options");
  expect(read(data + ipfix_template(257, with_tos) + plain), {MOLE_COLUMN_TOS}, {}, "data before its template");
}

// One record with a field is enough, whatever the size of batches and the family of addresses.
TEST(Presence, OneRecordIsEnough) {
  auto with_tos = simple_fields, six = simple_fields;
  with_tos.push_back({5, 1});
  six[0] = {27, 16};
  six[1] = {28, 16};
  std::string data;
  for (std::uint32_t n = 1; n <= 20; ++n) data += simple_record(n);
  const auto record6 = be(0, 16) + be(1, 16) + simple_record(1).substr(8);
  const auto without_tos = ipfix_template(256, simple_fields) + ipfix_template(258, six);
  const auto definitions = without_tos + ipfix_template(257, with_tos);
  const auto tos = set(257, simple_record(3) + be(0, 1)), none = set(256, data), of6 = set(258, record6);
  for (const std::uint32_t capacity : {1u, 2u, 7u, 4096u}) {
    for (const auto& sets : {tos + none, none + tos, none + of6 + tos + of6 + none, of6 + tos})
      expect(decode(ipfix(), Message{}.ipfix(definitions + sets), {.capacity = capacity}), {MOLE_COLUMN_TOS},
             {MOLE_COLUMN_PROTOCOL});
    expect(decode(ipfix(), Message{}.ipfix(without_tos + none + of6), {.capacity = capacity}), {},
           {MOLE_COLUMN_TOS, MOLE_COLUMN_PROTOCOL});
  }
  // Only the IPv6 records have it.
  six.push_back({5, 1});
  const auto last = ipfix_template(256, simple_fields) + ipfix_template(258, six) + none + set(258, record6 + be(0, 1));
  for (const std::uint32_t capacity : {1u, 7u, 4096u})
    expect(decode(ipfix(), Message{}.ipfix(last), {.capacity = capacity}), {MOLE_COLUMN_TOS}, {});
}

TEST(Presence, ElementsOfTemplatesAreKnown) {
  const DecodeOptions options{.elements = {{"name", cert, 179, MOLE_TYPE_TEXT}, {"label", cert, 33, MOLE_TYPE_U64}}};
  auto named = simple_fields;
  named.push_back({179, 0xffff, cert});
  const auto plain = ipfix_template(256, simple_fields), data = set(256, simple_record(1));
  const auto known = [&](const std::string& sets) { return decode(ipfix(), Message{}.ipfix(sets), options).known; };
  EXPECT_EQ(known(plain + data), 0u);
  EXPECT_EQ(known(plain + data + ipfix_template(257, named)), 1u) << "no record has a value";
  EXPECT_EQ(known(ipfix_template(257, named) + set(257, simple_record(1) + variable("a.example"))), 1u);
  EXPECT_EQ(known(ipfix_options(300, 1, {{149, 4}, {33, 2, cert}}) + plain + data), 0u) << "options do not describe flows";
  EXPECT_EQ(known(ipfix_template(400, {{33, 2, cert}}) + plain + data), 2u) << "a template of lists";
}

}  // namespace
}  // namespace mole::testing
