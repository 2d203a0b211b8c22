#include "ports.cpp"

#include <gtest/gtest.h>
#include <mole/testkit.hpp>

using mole::testkit::flows;

namespace {

std::uint64_t flows_of(const Ports::Row& row, const std::string& service) {
  for (std::size_t i = 0; i < services::count; ++i)
    if (Ports::service_names[i] == service) return row.flows[i];
  throw std::out_of_range(service);
}

}  // namespace

TEST(Ports, CountsPortsAndTheirTraffic) {
  const auto row = mole::testkit::run<Ports>(flows(R"(
      src_port  dst_port  protocol  packets  bytes
      50000     80           6         1       100
      50000     80           6         1       100
      50001     53           17        2       200
      1024      50001        17        4       600 )"));
  EXPECT_EQ(row.all.flows, 4u);
  EXPECT_EQ(row.all.bytes, 1000u);
  EXPECT_EQ(row.src.count, 3u);
  EXPECT_EQ(row.dst.count, 3u);
  EXPECT_EQ(row.src.concentration.flows.entropy, 1.5);
  EXPECT_EQ(row.src.concentration.bytes.top_1, 0.6);
  EXPECT_EQ(row.src.dynamic.flows, 3u);
  EXPECT_EQ(row.src.dynamic.packets, 4u);
  EXPECT_EQ(row.src.registered.bytes, 600u);
  EXPECT_EQ(row.dst.well_known.packets, 4u);
  EXPECT_EQ(row.dst.dynamic.bytes, 600u);
}

// The type and code of ICMP and the zeros of other protocols are not ports.
TEST(Ports, IgnoreOtherProtocols) {
  const auto row = mole::testkit::run<Ports>(flows(R"(
      src_port  dst_port  protocol  packets  bytes
      0         2048         1         1       100
      50000     80           6         1       100
      0         0            47        2       200
      50001     53           17        2       200 )"));
  EXPECT_EQ(row.all.flows, 2u);
  EXPECT_EQ(row.all.packets, 3u);
  EXPECT_EQ(row.src.count, 2u);
  EXPECT_EQ(row.dst.count, 2u);
  EXPECT_EQ(row.dst.concentration.flows.entropy, 1.0);
}

TEST(Ports, AreEmptyWithoutPorts) {
  const auto row = mole::testkit::run<Ports>(flows("src_port dst_port protocol packets bytes\n 0 2048 1 1 100"));
  EXPECT_EQ(row.all.flows, 0u);
  EXPECT_EQ(row.src.count, 0u);
  EXPECT_EQ(row.dst.concentration.bytes.entropy, std::nullopt);
}

TEST(Ports, ClassifyByTheLowerKnownPort) {
  const auto row = mole::testkit::run<Ports>(flows(R"(
      src_port  dst_port  protocol  packets  bytes
      443       50000        6         1       1
      50000     443          17        1       1
      8080      80           6         1       1
      25        80           6         1       1
      1030      6881         6         1       1
      40000     50000        6         1       1
      53        53           17        1       1 )"));
  EXPECT_EQ(flows_of(row, "web"), 3u);
  EXPECT_EQ(flows_of(row, "mail"), 1u);
  EXPECT_EQ(flows_of(row, "p2p"), 1u);
  EXPECT_EQ(flows_of(row, "dns"), 1u);
  EXPECT_EQ(flows_of(row, "other"), 1u);
}

TEST(Services, ContainEachPortAtMostOnce) {
  std::array<int, 65536> seen{};
  for (const auto& c : services::classes)
    services::for_each_range(c.ports, [&](auto first, auto last) {
      EXPECT_LE(first, last) << c.name;
      for (auto port = first; port <= last; ++port) EXPECT_EQ(seen.at(port)++, 0) << c.name << " " << port;
    });
}

TEST(Ports, SatisfyTheLaws) {
  mole::testkit::check_laws<Ports>(flows(R"(
      src_port  dst_port  protocol  packets               bytes
      50000     80           6      1                     18446744073709551615
      0         65535        17     18446744073709551615  1
      0         2048         1      1                     100
      65535     0            6      0                     0
      50000     443          6      4294967296            4294967295 )"));
}
