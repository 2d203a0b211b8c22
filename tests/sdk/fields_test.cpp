#include <gtest/gtest.h>
#include <mole/containers/flat_set.hpp>
#include <mole/fields.hpp>

#include <map>
#include <random>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "tests/sdk/saved.hpp"

namespace {

struct Point {
  std::uint16_t x = 0;
  std::int8_t y = 0;
  static constexpr auto state = mole::fields<3>(&Point::x, &Point::y);
  bool operator==(const Point&) const = default;
};

template <class T>
void expect_round_trip(const T& value, const std::string& shape) {
  const auto bytes = saved(value);
  EXPECT_EQ(loaded<T>(bytes), value) << shape;
  EXPECT_EQ(mole::detail::shape_of<T>(), shape);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_THROW(loaded<T>(bytes.substr(0, n)), mole::Failure) << shape << " cut at " << n;
  EXPECT_THROW(loaded<T>(bytes + "x"), mole::Failure);
}

TEST(Fields, RoundTripEveryType) {
  expect_round_trip(std::uint64_t{1} << 63, "u64");
  expect_round_trip(std::int16_t{-2}, "i16");
  expect_round_trip(-0.1, "f64");
  expect_round_trip(true, "bool");
  expect_round_trip(mole::Time{-5}, "time");
  expect_round_trip(mole::Addr::v4(0x0a000001), "addr");
  expect_round_trip(std::string("text\0more", 9), "text");
  expect_round_trip(std::array<std::uint8_t, 3>{1, 2, 3}, "array<u8,3>");
  expect_round_trip(std::vector<double>{1, 2}, "list<f64>");
  expect_round_trip(std::vector<std::string>{"a", "bc"}, "list<text>");
  expect_round_trip(std::optional<std::uint32_t>(7), "optional<u32>");
  expect_round_trip(std::optional<std::uint32_t>(), "optional<u32>");
  expect_round_trip(std::set<std::uint32_t>{3, 1, 2}, "set<u32>");
  expect_round_trip(std::unordered_set<std::uint32_t>{3, 1, 2}, "set<u32>");
  expect_round_trip(std::map<std::string, std::uint64_t>{{"a", 1}}, "map<text,u64>");
  expect_round_trip(std::unordered_map<std::uint8_t, std::vector<std::uint8_t>>{{9, {1}}, {1, {}}}, "map<u8,list<u8>>");
  expect_round_trip(std::vector<Point>{{1, -1}, {2, -2}}, "list<u16,i8>");
}

TEST(Fields, AreLittleEndianWithoutPadding) {
  EXPECT_EQ(saved(Point{0x0102, -1}), std::string("\x02\x01\xff", 3));
  EXPECT_EQ(saved(std::vector<std::uint16_t>{1, 2}), std::string("\2\0\0\0\0\0\0\0\1\0\2\0", 12));
  EXPECT_EQ(saved(std::unordered_set<std::uint8_t>{3, 1, 2}), std::string("\3\0\0\0\0\0\0\0\1\2\3", 11));
}

TEST(Fields, HashTheShapeNotTheNames) {
  EXPECT_EQ(mole::detail::shape_hash("u64,u64,u64"), "7b6bd2d7bb243856");
  EXPECT_EQ(Point::state.revision, 3u);
}

// A count that exceeds the remaining bytes is rejected before memory is allocated for it.
TEST(Fields, RejectCountsThatExceedTheBytes) {
  const std::string huge("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  EXPECT_THROW(loaded<std::string>(huge), mole::Failure);
  EXPECT_THROW(loaded<std::vector<std::uint64_t>>(huge), mole::Failure);
  EXPECT_THROW((loaded<std::map<std::uint64_t, std::string>>(huge)), mole::Failure);
  EXPECT_THROW(loaded<mole::FlatSet<std::uint32_t>>(huge), mole::Failure);
}

TEST(Fields, RejectNonCanonicalBytes) {
  EXPECT_THROW(loaded<bool>("\2"), mole::Failure);
  const std::string unsorted("\2\0\0\0\0\0\0\0\2\1", 10), twice("\2\0\0\0\0\0\0\0\1\1", 10);
  EXPECT_THROW(loaded<std::set<std::uint8_t>>(unsorted), mole::Failure);
  EXPECT_THROW(loaded<std::unordered_set<std::uint8_t>>(twice), mole::Failure);
  EXPECT_THROW(loaded<mole::FlatSet<std::uint8_t>>(unsorted), mole::Failure);
  EXPECT_THROW(loaded<mole::FlatSet<std::uint8_t>>(twice), mole::Failure);
}

TEST(Fields, ForwardWriteErrorsOfTheHost) {
  const mole_writer full{nullptr, [](void*, const void*, std::uint64_t) -> std::int32_t { return MOLE_EXHAUSTED; }};
  mole::StateWriter w(&full);
  w.bytes("x", 1);
  try {
    w.flush();
    FAIL();
  } catch (const mole::Failure& f) {
    EXPECT_EQ(f.error().code, mole::Code::exhausted);
  }
}

TEST(FlatSet, BehavesLikeAStandardSet) {
  std::mt19937 random(1);
  mole::FlatSet<std::uint32_t> flat;
  std::set<std::uint32_t> standard;
  for (int i = 0; i < 50'000; ++i) {
    const std::uint32_t key = random() % 30'000;
    flat.insert(key);
    standard.insert(key);
  }
  EXPECT_EQ(flat.size(), standard.size());
  EXPECT_EQ(saved(flat), saved(standard));
  for (std::uint32_t key = 0; key < 30'000; ++key) ASSERT_EQ(flat.contains(key), standard.contains(key));
}

TEST(FlatSet, BulkInsertEqualsSingleInserts) {
  std::vector<mole::Addr> keys;
  for (std::uint32_t i = 0; i < 1000; ++i) keys.push_back(mole::Addr::v4(i % 700));
  keys.push_back(mole::Addr{});
  mole::FlatSet<mole::Addr> many, each;
  many.insert(keys);
  for (const auto& key : keys) each.insert(key);
  EXPECT_EQ(many, each);
  EXPECT_EQ(many.size(), 701u);
}

TEST(FlatSet, MergesToTheUnion) {
  mole::FlatSet<std::uint32_t> a, b, all;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    (i % 3 == 0 ? a : b).insert(i * 7);
    all.insert(i * 7);
  }
  b.insert(21);
  auto ab = a, ba = b;
  ab.merge(b);
  ba.merge(a);
  EXPECT_EQ(saved(ab), saved(all));
  EXPECT_EQ(saved(ba), saved(all));
}

TEST(FlatSet, ReadsWhatItSaved) {
  mole::FlatSet<std::uint64_t> set;
  for (std::uint64_t i = 0; i < 1000; ++i) set.insert(i * i);
  EXPECT_EQ((loaded<mole::FlatSet<std::uint64_t>>(saved(set))), set);
}

}  // namespace
