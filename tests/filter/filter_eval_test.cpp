#include "runtime/metric/filter_eval.hpp"

#include <gtest/gtest.h>

#include <random>

namespace mole::runtime {
namespace {

// Flows of one address family, with every column.
struct Table {
  std::vector<std::int64_t> start, end;
  std::vector<std::uint32_t> src4, dst4, src_as, in_if;
  std::vector<std::array<std::uint8_t, 16>> src6;
  std::vector<std::uint16_t> src_port, dst_port, flags;
  std::vector<std::uint8_t> protocol;
  std::vector<std::uint64_t> packets, bytes;

  explicit Table(std::uint32_t rows, unsigned seed = 1) {
    std::mt19937 random(seed);
    for (std::uint32_t i = 0; i < rows; ++i) {
      start.push_back(1000 * static_cast<std::int64_t>(random() % 100000));
      end.push_back(start.back() + 1000 * static_cast<std::int64_t>(random() % 5));
      src4.push_back(0x0a000000u + random() % 4);
      dst4.push_back(random() % 2 ? 0x0a000001u : 0xc0a80001u);
      src_as.push_back(random() % 3);
      in_if.push_back(random() % 3);
      src6.push_back({0x20, 0x01, static_cast<std::uint8_t>(random() % 2)});
      src_port.push_back(static_cast<std::uint16_t>(random() % 20));
      dst_port.push_back(static_cast<std::uint16_t>(random() % 20));
      flags.push_back(static_cast<std::uint16_t>(random() % 64));
      protocol.push_back(random() % 2 ? 6 : 17);
      packets.push_back(random() % 5);
      bytes.push_back(random() % 5000);
    }
  }
  FlowBatch view(std::uint32_t family = 4) const {
    FlowBatch v;
    v.rows = static_cast<std::uint32_t>(start.size());
    v.address_family = family;
    v.columns[MOLE_COLUMN_START] = start.data();
    v.columns[MOLE_COLUMN_END] = end.data();
    v.columns[MOLE_COLUMN_SRC_ADDR] = family == 4 ? static_cast<const void*>(src4.data()) : src6.data();
    v.columns[MOLE_COLUMN_DST_ADDR] = family == 4 ? static_cast<const void*>(dst4.data()) : src6.data();
    v.columns[MOLE_COLUMN_SRC_AS] = src_as.data();
    v.columns[MOLE_COLUMN_IN_IF] = in_if.data();
    v.columns[MOLE_COLUMN_SRC_PORT] = src_port.data();
    v.columns[MOLE_COLUMN_DST_PORT] = dst_port.data();
    v.columns[MOLE_COLUMN_TCP_FLAGS] = flags.data();
    v.columns[MOLE_COLUMN_PROTOCOL] = protocol.data();
    v.columns[MOLE_COLUMN_PACKETS] = packets.data();
    v.columns[MOLE_COLUMN_BYTES] = bytes.data();
    return v;
  }
};

template <class Expected>
void expect(const Table& t, std::string_view text, Expected expected, std::uint32_t family = 4, std::string_view router = "a") {
  auto filter = parse_filter(text);
  ASSERT_TRUE(filter) << filter.error().message;
  FilterEvaluator evaluator(*filter);
  const auto* keep = evaluator.evaluate(t.view(family), router);
  for (std::size_t i = 0; i < t.start.size(); ++i) ASSERT_EQ(keep[i], expected(i) ? 1 : 0) << text << ", row " << i;
}

TEST(FilterEvaluator, AgreesWithPlainConditions) {
  const Table t(1000);
  expect(t, "proto tcp", [&](std::size_t i) { return t.protocol[i] == 6; });
  expect(t, "port 5", [&](std::size_t i) { return t.src_port[i] == 5 || t.dst_port[i] == 5; });
  expect(t, "port != 5", [&](std::size_t i) { return t.src_port[i] != 5 && t.dst_port[i] != 5; });
  expect(t, "dst port in [1,2,3,4,5,6,7,8,9,10,11]", [&](std::size_t i) { return t.dst_port[i] >= 1 && t.dst_port[i] <= 11; });
  expect(t, "dst port in [3, 19]", [&](std::size_t i) { return t.dst_port[i] == 3 || t.dst_port[i] == 19; });
  expect(t, "net 10.0.0.0/31", [&](std::size_t i) { return t.src4[i] >> 1 == 0x05000000u || t.dst4[i] >> 1 == 0x05000000u; });
  expect(t, "src ip 10.0.0.3", [&](std::size_t i) { return t.src4[i] == 0x0a000003u; });
  expect(t, "src net 0.0.0.0/0", [&](std::size_t) { return true; });
  expect(t, "bytes > 2k or packets < 2", [&](std::size_t i) { return t.bytes[i] > 2000 || t.packets[i] < 2; });
  expect(t, "duration >= 2", [&](std::size_t i) { return t.end[i] - t.start[i] >= 2000; });
  expect(t, "bpp > 700", [&](std::size_t i) { return t.packets[i] > 0 && t.bytes[i] / t.packets[i] > 700; });
  expect(t, "in if 1 and not src as 2", [&](std::size_t i) { return t.in_if[i] == 1 && t.src_as[i] != 2; });
  expect(
      t, "router b", [&](std::size_t) { return true; }, 4, "b");
  expect(
      t, "router b", [&](std::size_t) { return false; }, 4, "c");
}

// nfdump's flags imply TCP. Under an odd number of negations, a flow with any of the flags is excluded.
TEST(FilterEvaluator, FlagsMeanAllOfThemAndNotFlagsNoneOfThem) {
  const Table t(1000);
  const auto tcp = [&](std::size_t i) { return t.protocol[i] == 6; };
  const auto all = [&](std::size_t i, int bits) { return tcp(i) && (t.flags[i] & bits) == bits; };
  const auto any = [&](std::size_t i, int bits) { return tcp(i) && (t.flags[i] & bits) != 0; };
  expect(t, "flags SA", [&](std::size_t i) { return all(i, 18); });
  expect(t, "not flags SA", [&](std::size_t i) { return !any(i, 18); });
  expect(t, "not not flags SA", [&](std::size_t i) { return all(i, 18); });
  expect(t, "flags S and not flags AFRPU", [&](std::size_t i) { return tcp(i) && t.flags[i] == 2; });
  expect(t, "not (flags SA or port 5)", [&](std::size_t i) { return !any(i, 18) && t.src_port[i] != 5 && t.dst_port[i] != 5; });
  expect(t, "not (flags SA and not (flags FR and port 5))",
         [&](std::size_t i) { return !any(i, 18) || (all(i, 5) && (t.src_port[i] == 5 || t.dst_port[i] == 5)); });
  expect(t, "flags X", [&](std::size_t i) { return all(i, 63); });
  expect(t, "not flags X", [&](std::size_t i) { return !any(i, 63); });
  expect(t, "flags 18", [&](std::size_t i) { return tcp(i) && t.flags[i] == 18; });
  expect(t, "not flags = 18", [&](std::size_t i) { return !(tcp(i) && t.flags[i] == 18); });
  expect(t, "flags > 3", [&](std::size_t i) { return tcp(i) && t.flags[i] > 3; });
  expect(t, "tcp_flags 18", [&](std::size_t i) { return t.flags[i] == 18; });
}

TEST(FilterEvaluator, RatesAreZeroWithoutADuration) {
  const Table t(1000);
  const auto milliseconds = [&](std::size_t i) {
    return static_cast<std::uint64_t>(t.end[i] - t.start[i]) / 1000;
  };  // ms in the table
  const auto rate = [&](std::size_t i, std::uint64_t count) { return milliseconds(i) ? count * 1000 / milliseconds(i) : 0; };
  expect(t, "bps > 1m", [&](std::size_t i) { return rate(i, 8 * t.bytes[i]) > 1'000'000; });
  expect(t, "pps >= 1k", [&](std::size_t i) { return rate(i, t.packets[i]) >= 1000; });
  expect(t, "bps = 0", [&](std::size_t i) { return milliseconds(i) == 0 || t.bytes[i] == 0; });
  Table large(1);
  large.end[0] = large.start[0] + 1000;  // 1 ms
  large.bytes[0] = ~std::uint64_t{0};
  expect(large, "bps = 18446744073709551615", [](std::size_t) { return true; });
}

TEST(FilterEvaluator, AnIcmpMessageIsInEitherPort) {
  Table t(6);
  t.protocol = {1, 1, 1, 58, 17, 1};
  t.src_port = {0, 0, 0x0008, 0, 0, 0x0103};
  t.dst_port = {0x0800, 0x0301, 0, 0x0801, 0x0800, 0xffff};
  expect(t, "icmp-type 8", [](std::size_t i) { return i == 0 || i == 2 || i == 3; });
  expect(t, "icmp-code 1", [](std::size_t i) { return i == 1 || i == 3 || i == 5; });
  expect(t, "icmp-type 3", [](std::size_t i) { return i == 1 || i == 5; });
  expect(t, "not icmp-type 3", [](std::size_t i) { return i != 1 && i != 5; });
  expect(t, "icmp-type != 3", [](std::size_t i) { return i != 1 && i != 5; });
  expect(t, "icmp-type 255", [](std::size_t) { return false; });
}

TEST(FilterEvaluator, SupportsNesting) {
  const Table t(500);
  const auto tcp = [&](std::size_t i) { return t.protocol[i] == 6; };
  expect(t, "(proto tcp and (dst port 1 or dst port 2)) or not (proto tcp or (dst port 3 and src port 4))", [&](std::size_t i) {
    return (tcp(i) && (t.dst_port[i] == 1 || t.dst_port[i] == 2)) || !(tcp(i) || (t.dst_port[i] == 3 && t.src_port[i] == 4));
  });
}

TEST(FilterEvaluator, AddressesOfTheOtherFamilyDoNotMatch) {
  const Table t(100);
  expect(
      t, "src net 2001:100::/24", [&](std::size_t i) { return t.src6[i][2] == 1; }, 6);
  expect(
      t, "src net 2001:100::/24", [](std::size_t) { return false; }, 4);
  expect(
      t, "src net 10.0.0.0/8", [](std::size_t) { return false; }, 6);
  expect(
      t, "inet6", [](std::size_t) { return true; }, 6);
}

TEST(FilterEvaluator, AcceptsAnEmptyBatch) {
  expect(Table(0), "proto tcp and not port 3", [](std::size_t) { return true; });
}

}  // namespace
}  // namespace mole::runtime
