// Sampling rates of NetFlow v5, NetFlow v9 and IPFIX: what states them, and for which flows.
#include "tests/export/support.hpp"
#include "tests/export/writer.hpp"

#include <gtest/gtest.h>

#include <bit>

namespace mole::testing {
namespace {

constexpr std::uint64_t unknown = MOLE_SAMPLING_UNKNOWN, record = MOLE_SAMPLING_RECORD, options = MOLE_SAMPLING_OPTIONS;
using Rates = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // rate, source

Rates rates_of(const Decoded& decoded) {
  Rates out;
  for (const auto& flow : decoded.flows) out.emplace_back(flow[MOLE_COLUMN_SAMPLING], flow[MOLE_COLUMN_SAMPLING_SOURCE]);
  return out;
}
Rates ipfix_rates(const std::string& messages) { return rates_of(decode(ipfix(), messages)); }
Rates v9_rates(const std::string& messages) { return rates_of(decode(netflow9(), messages)); }

// One flow: packets, and these fields.
std::string flow(const std::vector<FieldSpec>& fields, const std::string& values) {
  auto all = fields;
  all.insert(all.begin(), {2, 4});
  return ipfix_template(256, all) + set(256, be(1, 4) + values);
}
const std::string plain = flow({{8, 4}}, be(1, 4));

std::string v9_options(std::uint16_t id, const std::vector<FieldSpec>& scope, const std::vector<FieldSpec>& fields) {
  return set(1, be(id, 2) + be(4 * scope.size(), 2) + be(4 * fields.size(), 2) + field_list(scope) + field_list(fields));
}
std::string v9_flow(const std::vector<FieldSpec>& fields, const std::string& values) {
  auto all = fields;
  all.insert(all.begin(), {2, 4});
  return v9_template(256, all) + set(256, be(1, 4) + values);
}

std::string real(double value) { return be(std::bit_cast<std::uint64_t>(value), 8); }

TEST(Sampling, RecordsStateIt) {
  const auto one = [](const std::vector<FieldSpec>& fields, const std::string& values) {
    return ipfix_rates(Message{}.ipfix(flow(fields, values))).at(0);
  };
  using Rate = Rates::value_type;
  EXPECT_EQ(one({{34, 4}}, be(100, 4)), Rate(100, record));
  EXPECT_EQ(one({{34, 2}}, be(100, 2)), Rate(100, record)) << "of reduced size";
  EXPECT_EQ(one({{34, 4}}, be(1, 4)), Rate(1, record)) << "stated not to be sampled";
  EXPECT_EQ(one({{34, 4}}, be(0, 4)), Rate(1, unknown));
  EXPECT_EQ(one({{50, 4}, {49, 1}}, be(64, 4) + be(2, 1)), Rate(64, record));
  EXPECT_EQ(one({{305, 4}, {306, 4}}, be(1, 4) + be(999, 4)), Rate(1000, record));
  EXPECT_EQ(one({{305, 4}, {306, 4}}, be(10, 4) + be(25, 4)), Rate(4, record)) << "3.5 is rounded";
  EXPECT_EQ(one({{305, 4}, {306, 4}}, be(0, 4) + be(25, 4)), Rate(1, unknown));
  EXPECT_EQ(one({{305, 8}, {306, 8}}, be(1, 8) + be(UINT64_MAX, 8)), Rate(0xffffffff, record)) << "within 32 bits";
  EXPECT_EQ(one({{305, 4}}, be(100, 4)), Rate(1, unknown)) << "the space between the packets is not stated (RFC 5477)";
  EXPECT_EQ(one({{309, 4}, {310, 4}}, be(3, 4) + be(300, 4)), Rate(100, record));
  EXPECT_EQ(one({{309, 4}, {310, 4}}, be(300, 4) + be(3, 4)), Rate(1, unknown)) << "more than all";
  EXPECT_EQ(one({{311, 8}}, real(0.001)), Rate(1000, record));
  EXPECT_EQ(one({{311, 4}}, be(std::bit_cast<std::uint32_t>(0.25f), 4)), Rate(4, record));
  for (const double wrong : {0.0, -1.0, 1.5, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(one({{311, 8}}, real(wrong)), Rate(1, unknown)) << wrong;
  EXPECT_EQ(one({{311, 8}}, real(1e-300)), Rate(0xffffffff, record));
}

TEST(Sampling, OptionsOfADomainStateIt) {
  const auto rate = [](const std::vector<FieldSpec>& fields, const std::string& values) {
    std::vector<FieldSpec> all{{149, 4}};
    all.insert(all.end(), fields.begin(), fields.end());
    return ipfix_rates(Message{}.ipfix(ipfix_options(300, 1, all) + set(300, be(0, 4) + values) + plain)).at(0);
  };
  using Rate = Rates::value_type;
  EXPECT_EQ(rate({{34, 4}, {35, 1}}, be(512, 4) + be(1, 1)), Rate(512, options));
  EXPECT_EQ(rate({{50, 4}, {49, 1}}, be(512, 4) + be(2, 1)), Rate(512, options));
  EXPECT_EQ(rate({{304, 2}, {305, 4}, {306, 4}}, be(1, 2) + be(1, 4) + be(511, 4)), Rate(512, options));
  EXPECT_EQ(rate({{304, 2}, {309, 4}, {310, 4}}, be(3, 2) + be(1, 4) + be(128, 4)), Rate(128, options));
  EXPECT_EQ(rate({{304, 2}, {311, 8}}, be(4, 2) + real(0.01)), Rate(100, options));
  EXPECT_EQ(rate({{304, 2}, {305, 4}, {306, 4}}, be(5, 2) + be(1, 4) + be(511, 4)), Rate(1, unknown)) << "a filter";
  EXPECT_EQ(rate({{34, 4}}, be(0, 4)), Rate(1, unknown));
}

TEST(Sampling, RecordsPrecedeOptions) {
  const auto announced = ipfix_options(300, 1, {{149, 4}, {34, 4}}) + set(300, be(0, 4) + be(512, 4));
  EXPECT_EQ(ipfix_rates(Message{}.ipfix(announced + flow({{34, 4}}, be(100, 4)))), (Rates{{100, record}}));
  EXPECT_EQ(ipfix_rates(Message{}.ipfix(announced + flow({{34, 4}}, be(0, 4)))), (Rates{{512, options}}));
  EXPECT_EQ(ipfix_rates(Message{}.ipfix(announced + flow({{309, 4}, {310, 4}}, be(0, 8)))), (Rates{{512, options}}));
}

TEST(Sampling, SelectorsInterfacesAndTheWholeDomainHaveTheirRates) {
  const std::string selectors = ipfix_options(300, 1, {{302, 8}, {304, 2}, {305, 4}, {306, 4}}) +
                                set(300, be(7, 8) + be(1, 2) + be(1, 4) + be(99, 4) + be(8, 8) + be(1, 2) + be(1, 4) + be(9, 4));
  const std::string interfaces = ipfix_options(301, 1, {{10, 4}, {34, 4}}) + set(301, be(17, 4) + be(200, 4));
  const std::string out_interface = ipfix_options(302, 1, {{14, 4}, {34, 4}}) + set(302, be(18, 4) + be(300, 4));
  const std::string all = ipfix_options(303, 1, {{149, 4}, {34, 4}}) + set(303, be(0, 4) + be(1000, 4));
  const std::vector<FieldSpec> fields{{302, 8}, {10, 4}, {14, 4}};
  const auto rate = [&](const std::string& announced, std::uint64_t selector, std::uint32_t in, std::uint32_t out) {
    return ipfix_rates(Message{}.ipfix(announced + flow(fields, be(selector, 8) + be(in, 4) + be(out, 4)))).at(0).first;
  };
  const auto every = selectors + interfaces + out_interface + all;
  EXPECT_EQ(rate(every, 7, 17, 18), 100u);
  EXPECT_EQ(rate(every, 8, 17, 18), 10u);
  EXPECT_EQ(rate(every, 9, 17, 18), 200u) << "an unknown selector";
  EXPECT_EQ(rate(every, 9, 1, 18), 300u) << "the output interface";
  EXPECT_EQ(rate(every, 9, 1, 2), 1000u);
  EXPECT_EQ(rate(selectors, 9, 1, 2), 1u);
}

TEST(Sampling, ASelectionSequenceMultipliesTheRatesOfItsSelectors) {
  const std::string selectors =
      ipfix_options(300, 1, {{302, 8}, {34, 4}}) + set(300, be(1, 8) + be(10, 4) + be(2, 8) + be(5, 4) + be(3, 8) + be(4, 4));
  const std::string sequences = ipfix_options(301, 1, {{301, 8}, {302, 8}, {302, 8}}) +
                                set(301, be(1, 8) + be(1, 8) + be(2, 8) + be(2, 8) + be(3, 8) + be(99, 8));
  const auto rate = [&](std::uint64_t sequence) {
    return ipfix_rates(Message{}.ipfix(selectors + sequences + flow({{301, 8}}, be(sequence, 8)))).at(0).first;
  };
  EXPECT_EQ(rate(1), 50u) << "not the rate of the selector with the same number";
  EXPECT_EQ(rate(2), 1u) << "the rate of selector 99 is not known";
  EXPECT_EQ(rate(3), 1u) << "an unknown sequence";
}

TEST(Sampling, NetFlow9HasSamplersInterfacesAndASystem) {
  const auto samplers =
      v9_options(300, {{1, 4}}, {{48, 1}, {49, 1}, {50, 4}}) + set(300, be(0, 4) + be(3, 1) + be(2, 1) + be(1000, 4));
  const auto cards = v9_options(301, {{2, 4}}, {{34, 4}, {35, 1}}) + set(301, be(17, 4) + be(200, 4) + be(1, 1));
  const auto system = v9_options(302, {{1, 4}}, {{34, 4}, {35, 1}}) + set(302, be(0, 4) + be(64, 4) + be(1, 1));
  const auto rate = [&](const std::string& announced, std::uint8_t sampler, std::uint16_t interface) {
    return v9_rates(Message{}.v9(announced + v9_flow({{48, 1}, {10, 2}}, be(sampler, 1) + be(interface, 2)))).at(0).first;
  };
  EXPECT_EQ(rate(samplers + cards + system, 3, 17), 1000u);
  EXPECT_EQ(rate(samplers + cards + system, 4, 17), 200u);
  EXPECT_EQ(rate(samplers + cards + system, 4, 18), 64u);
  EXPECT_EQ(rate(samplers, 0, 17), 1u);
  EXPECT_EQ(v9_rates(Message{}.v9(system + v9_flow({}, ""))), (Rates{{64, options}}));
}

TEST(Sampling, DomainsAreApart) {
  const auto announce = [](std::uint32_t interval) {
    return ipfix_options(300, 1, {{149, 4}, {34, 4}}) + set(300, be(0, 4) + be(interval, 4));
  };
  const auto messages = Message{0, 1}.ipfix(announce(10) + plain) + Message{0, 2}.ipfix(announce(20) + plain) +
                        Message{0, 3}.ipfix(plain) + Message{2, 1}.ipfix(plain);
  EXPECT_EQ(ipfix_rates(messages), (Rates{{10, options}, {20, options}, {1, unknown}, {10, options}}));
}

TEST(Sampling, OptionsOfDomainZeroConcernTheExporterOrTheDomainTheyName) {
  const auto about = [](std::uint32_t domain, std::uint32_t interval) {
    return ipfix_options(300, 1, {{149, 4}, {34, 4}}) + set(300, be(domain, 4) + be(interval, 4));
  };
  const auto messages = Message{0, 0}.ipfix(about(0, 10) + about(5, 50)) + Message{0, 1}.ipfix(plain) +
                        Message{0, 5}.ipfix(plain) + Message{0, 2}.ipfix(about(2, 20) + plain) +
                        Message{0, 2}.ipfix(about(1, 99)) + Message{1, 1}.ipfix(plain);
  EXPECT_EQ(ipfix_rates(messages), (Rates{{10, options}, {50, options}, {20, options}, {10, options}}));
}

TEST(Sampling, ExportersAreApart) {
  const std::string a(16, 'a'), b(16, 'b');
  const auto announced = v9_options(300, {{1, 4}}, {{34, 4}}) + set(300, be(0, 4) + be(100, 4));
  const auto bytes = framed(Message{0, 1}.v9(announced), a, 1000) + framed(Message{0, 1}.v9(v9_flow({}, "")), b, 1000) +
                     framed(Message{1, 1}.v9(v9_flow({}, "")), a, 1001);
  EXPECT_EQ(rates_of(decode(datagrams(), bytes)), (Rates{{1, unknown}, {100, options}}));
}

TEST(Sampling, ARateThatChangesHoldsFromItsMessageOn) {
  const auto announce = [](std::uint32_t interval) {
    return ipfix_options(300, 1, {{149, 4}, {34, 4}}) + set(300, be(0, 4) + be(interval, 4));
  };
  const auto messages = Message{}.ipfix(announce(10) + plain) + Message{2}.ipfix(plain) + Message{3}.ipfix(announce(20) + plain) +
                        Message{5}.ipfix(plain);
  const Rates expected{{10, options}, {10, options}, {20, options}, {20, options}};
  for (const std::size_t chunk : {1u, 7u, 100u, 65536u})
    for (const std::uint32_t capacity : {1u, 2u, 4096u})
      EXPECT_EQ(rates_of(decode(ipfix(), messages, {.chunk = chunk, .capacity = capacity})), expected)
          << chunk << " " << capacity;
}

TEST(Sampling, NetFlow5StatesItInItsHeader) {
  const auto datagram = [](std::uint16_t sampling) {
    return be(5, 2) + be(1, 2) + be(10'000, 4) + be(1'700'000'000, 4) + be(0, 8) + be(0, 2) + be(sampling, 2) + be(1, 48);
  };
  const std::string a(16, 'a');
  const auto bytes = framed(datagram(0), a, 1) + framed(datagram(0x4000 | 1000), a, 1) + framed(datagram(0x8000), a, 1) +
                     framed(datagram(1), a, 1) + framed(datagram(200), a, 1);
  EXPECT_EQ(rates_of(decode(datagrams(), bytes)),
            (Rates{{1, unknown}, {1000, record}, {1, unknown}, {1, record}, {200, record}}));
}

}  // namespace
}  // namespace mole::testing
