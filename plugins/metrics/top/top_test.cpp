#include "top.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

namespace {

template <class R>
std::string text_of(const std::vector<R>& rows) {
  std::string out;
  for (const auto& r : rows) {
    out += r.side + " " + (r.rank ? std::to_string(*r.rank) : "-") + " ";
    if constexpr (std::is_same_v<decltype(r.name), std::string>)
      out += r.name;
    else
      out += std::to_string(r.name);
    out += " " + std::to_string(r.flows) + " " + std::to_string(r.packets) + " " + std::to_string(r.bytes) + " " +
           (r.share ? std::to_string(*r.share).substr(0, 5) : "-") + "\n";
  }
  return out;
}

const char* const by_address = R"(
      src_addr     dst_addr     packets  bytes
      10.0.0.1     192.0.2.1       1       100
      10.0.0.1     192.0.2.1       1       100
      10.0.0.2     192.0.2.1       9       200
      2001:db8::1  2001:db8::2     4       600 )";

TEST(TopAddresses, AreRankedByBytes) {
  EXPECT_EQ(text_of(mole::testkit::run<TopAddresses>(flows(by_address))),
            "src 1 2001:db8::1 1 4 600 0.600\n"
            "src 2 10.0.0.1 2 2 200 0.200\n"
            "src 3 10.0.0.2 1 9 200 0.200\n"
            "dst 1 2001:db8::2 1 4 600 0.600\n"
            "dst 2 192.0.2.1 3 11 400 0.400\n");
}

TEST(TopAddresses, RespectNumberSideAndOrder) {
  EXPECT_EQ(text_of(mole::testkit::run<TopAddresses>(flows(by_address), {.params = {1, "src", "packets"}, .contexts = {}})),
            "src 1 10.0.0.2 1 9 200 0.600\n");
  EXPECT_EQ(text_of(mole::testkit::run<TopAddresses>(flows(by_address), {.params = {1, "dst", "flows"}, .contexts = {}})),
            "dst 1 192.0.2.1 3 11 400 0.750\n");
}

TEST(TopAddresses, AreEmptyWithoutFlows) {
  EXPECT_TRUE(mole::testkit::run<TopAddresses>(flows("src_addr dst_addr packets bytes")).empty());
}

TEST(TopAddresses, SatisfyTheLaws) {
  mole::testkit::check_laws<TopAddresses>(flows(by_address));
  mole::testkit::check_laws<TopAddresses>(flows(by_address), {.params = {1, "dst", "flows"}, .contexts = {}});
}

const char* const by_as = "src_as dst_as packets bytes\n 559 0 1 100\n 0 3303 1 900\n 1299 3303 2 0\n 559 0 1 0";

TEST(TopAs, ListUnknownSystemsWithoutARank) {
  EXPECT_EQ(text_of(mole::testkit::run<TopAs>(flows(by_as))),
            "src - 0 1 1 900 0.900\n"
            "src 1 559 2 2 100 0.100\n"
            "src 2 1299 1 2 0 0.000\n"
            "dst - 0 2 2 100 0.100\n"
            "dst 1 3303 2 3 900 0.900\n");
}

TEST(TopAs, SatisfyTheLaws) { mole::testkit::check_laws<TopAs>(flows(by_as)); }

const char* const by_port = R"(
      src_port  dst_port  protocol  packets  bytes
      50000     443          6         1       100
      50001     80           6         1       100
      50001     80           6         1       100
      50002     8080         6         4       600
      8         0            1         1        60 )";

TEST(PortCounts, ListTheLowPortsAndRankTheHighOnes) {
  EXPECT_EQ(text_of(mole::testkit::run<PortCounts>(flows(by_port), {.params = {2, "both", "bytes"}, .contexts = {}})),
            "src 1 50002 1 4 600 0.666\n"
            "src 2 50001 2 2 200 0.222\n"
            "dst - 80 2 2 200 0.222\n"
            "dst - 443 1 1 100 0.111\n"
            "dst 1 8080 1 4 600 0.666\n");
}

TEST(PortCounts, SatisfyTheLaws) { mole::testkit::check_laws<PortCounts>(flows(by_port)); }

TEST(AddressText, FormatsAddressesAsRfc5952Recommends) {
  const auto of = [](const std::string& word) {
    std::uint32_t family = 0;
    return address_text(mole::testkit::detail::address(word, family));
  };
  for (const auto* text : {"0.0.0.0", "255.255.255.255", "10.0.0.1", "::", "::1", "1::", "2001:db8::1", "1:0:2:3:4:5:6:7",
                           "1::4:0:0:7", "2001:db8:0:1:1:1:1:1", "fe80::abcd:ef01:0:ff", "1:2:3:4:5:6:7:8"})
    EXPECT_EQ(of(text), text);
  EXPECT_EQ(of("1:0:0:4:0:0:0:7"), "1:0:0:4::7");
  EXPECT_EQ(of("::ffff:10.0.0.1"), "10.0.0.1");
}

}  // namespace
