#include "runtime/rows/rows_format.hpp"

#include "runtime/rows/frame_bytes.hpp"
#include "tests/rows/fixtures.hpp"

#include <gtest/gtest.h>

namespace mole::runtime {
namespace {

using testing::flow_table;
using testing::hex;
using testing::list_table;
using testing::same;
using testing::small_table;

// Adds a valid checksum to modified bytes, as a hostile writer could.
std::string with_checksum(std::string bytes) {
  bytes.resize(bytes.size() - 8);
  put(bytes, checksum(bytes));
  return bytes;
}

TEST(Rows, RoundTrip) {
  const auto bytes = encode_rows(small_table());
  ASSERT_TRUE(bytes);
  const auto again = decode_rows(*bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(same(small_table(), *again));
}

TEST(Rows, HaveNumbersOfEveryWidthAndAddresses) {
  auto table = flow_table();
  table.columns.push_back({"exporter_addr",
                           "addr",
                           "",
                           "",
                           std::vector<Addr>{Addr::v4(0x0a000001), Addr{}, Addr::v4(1)},
                           {1, 0, 1},
                           "exporterIPv4Address"});
  table.columns[0].values = std::vector<std::uint8_t>{6, 255, 9};  // under a null
  const auto bytes = encode_rows(table);
  ASSERT_TRUE(bytes);
  auto again = decode_rows(*bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(same(table, *again));
  EXPECT_EQ(std::get<std::vector<std::uint8_t>>(again->columns[0].values)[2], 0);

  // Each part is followed by zeros up to a multiple of 8: bitmap, three bytes; no bitmap, three numbers of 2 bytes; and so on.
  constexpr std::size_t body = (8 + 8) + 8 + (8 + 16) + (8 + 48);
  EXPECT_EQ(hex(bytes->substr(bytes->size() - 8 - body, 32)),
            "0300000000000000"
            "06ff000000000000"
            "0000ffffbb010000"
            "0600000000000000");
  auto dirty = *bytes;
  dirty[bytes->size() - 8 - body + 8 + 5] = 1;
  EXPECT_FALSE(decode_rows(with_checksum(dirty)));  // nonzero padding
}

TEST(Rows, HaveLists) {
  const auto bytes = encode_rows(list_table());
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto again = decode_rows(*bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(same(list_table(), *again));
  RowTable shape;
  shape.columns.push_back({"flowId", "u64", "", "", std::vector<std::uint64_t>{}, {}, "flowId", true, {}});
  const auto empty = decode_rows(*encode_rows(shape));
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_TRUE(empty->columns[0].list);
  EXPECT_EQ(empty->rows(), 0u);
}

TEST(Rows, WithInconsistentListsAreRejected) {
  for (const auto& ends : {std::vector<std::uint64_t>{0, 2, 1, 3}, {0, 0, 1, 2}, {0, 0, 1, 4}, {1, 1, 1, 3}}) {
    auto table = list_table();
    table.columns[0].ends = ends;
    EXPECT_FALSE(encode_rows(table));
  }
  // The validity bitmap of the first column, then its ends, from 0: 0, 0, 0, 1, 3.
  RowTable one;
  one.columns.push_back(list_table().columns[0]);
  const auto bytes = *encode_rows(one);
  const auto ends = bytes.size() - 8 - 8 - 5 * 8;
  for (std::size_t place = 0; place < 5; ++place)
    for (const std::uint8_t value : {5, 255}) {
      auto changed = bytes;
      changed[ends + place * 8 + (value == 255 ? 7 : 0)] = static_cast<char>(value);
      EXPECT_FALSE(decode_rows(with_checksum(changed))) << place << " " << int{value};
    }
}

TEST(Rows, HaveTheDocumentedBytes) {
  RowTable t;
  t.columns.push_back({"n", "u64", "B", "", std::vector<std::uint64_t>{7, 9}, {1, 0}});
  t.columns.push_back({"s", "text", "", "", std::vector<std::string>{"ab", "c"}, {}});
  const auto bytes = encode_rows(t);
  ASSERT_TRUE(bytes);
  const std::string header =
      R"({"columns":[{"doc":"","name":"n","nulls":true,"type":"u64","unit":"B"},{"doc":"","name":"s","nulls":false,"type":"text","unit":""}]})";
  EXPECT_EQ(bytes->substr(0, 8), "MOLEROWS");
  EXPECT_EQ(hex(bytes->substr(8, 24)),
            "0100000084000000"
            "0200000000000000"
            "3800000000000000");
  EXPECT_EQ(bytes->substr(32, 132), header);
  EXPECT_EQ(hex(bytes->substr(164, 4)), "00000000");
  EXPECT_EQ(hex(bytes->substr(168, 56)),
            "0100000000000000"  // validity of n
            "0700000000000000"
            "0000000000000000"  // n, zero under the null
            "0000000000000000"
            "0200000000000000"
            "0300000000000000"  // offsets of s
            "6162630000000000");
  EXPECT_EQ(bytes->size(), 232u);
  EXPECT_EQ(hex(bytes->substr(224)), "d29b2a17f92db434");
}

TEST(Rows, IgnoreValuesUnderNulls) {
  RowTable a, b;
  a.columns.push_back({"n", "f64", "", "", std::vector<double>{7, 9}, {1, 0}});
  b.columns.push_back({"n", "f64", "", "", std::vector<double>{7, 1}, {1, 0}});
  EXPECT_EQ(*encode_rows(a), *encode_rows(b));
}

TEST(Rows, MayBeEmpty) {
  RowTable t = small_table();
  for (auto& column : t.columns) {
    std::visit([](auto& values) { values.clear(); }, column.values);
    column.valid.clear();
  }
  const auto again = decode_rows(*encode_rows(t));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->rows(), 0u);
  EXPECT_EQ(again->columns.size(), 6u);
  EXPECT_TRUE(decode_rows(*encode_rows(RowTable{})));
}

TEST(Rows, WithAFlippedByteAreRejected) {
  const auto bytes = *encode_rows(small_table());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const int bit : {1, 0x80}) {
      auto broken = bytes;
      broken[i] = static_cast<char>(broken[i] ^ bit);
      EXPECT_FALSE(decode_rows(broken)) << i;
    }
}

TEST(Rows, TruncatedAreRejected) {
  const auto bytes = *encode_rows(small_table());
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_rows(std::string_view(bytes).substr(0, size)));
  EXPECT_FALSE(decode_rows(bytes + '\0'));
}

TEST(Rows, OfAHostileWriterAreHarmless) {
  const auto bytes = *encode_rows(small_table());
  for (std::size_t i = 0; i + 8 < bytes.size(); ++i)
    for (int value = 0; value < 256; value += 5) {
      auto broken = bytes;
      broken[i] = static_cast<char>(broken[i] ^ value);
      const auto table = decode_rows(with_checksum(broken));
      if (!table) continue;
      for (const auto& column : table->columns) EXPECT_EQ(column.size(), table->rows());
    }
}

TEST(Rows, WithAWrongRowCountAllocateNoMemory) {
  auto bytes = *encode_rows(small_table());
  for (const std::uint64_t rows : {std::uint64_t{1} << 63, ~std::uint64_t{0}, std::uint64_t{15'999'999}}) {
    std::memcpy(bytes.data() + 16, &rows, 8);
    EXPECT_FALSE(decode_rows(with_checksum(bytes)));
  }
}

TEST(Rows, AboveALimitAreRejected) {
  RowLimits limits;
  limits.rows = 2;
  EXPECT_EQ(encode_rows(small_table(), limits).error().code, Code::exhausted);
  EXPECT_EQ(decode_rows(*encode_rows(small_table()), limits).error().code, Code::exhausted);
  limits = {};
  limits.columns = 5;
  EXPECT_EQ(encode_rows(small_table(), limits).error().code, Code::exhausted);
  EXPECT_EQ(decode_rows(*encode_rows(small_table()), limits).error().code, Code::exhausted);
  limits = {};
  limits.text = 6;
  EXPECT_EQ(encode_rows(small_table(), limits).error().code, Code::exhausted);
  EXPECT_EQ(decode_rows(*encode_rows(small_table()), limits).error().code, Code::exhausted);
}

TEST(Rows, WithColumnsOfUnequalLengthAreRejected) {
  auto t = small_table();
  std::get<0>(t.columns[1].values).pop_back();
  EXPECT_EQ(encode_rows(t).error().message, "column bytes has 2 rows, the first column has 3");
  t = small_table();
  t.columns[1].valid.pop_back();
  EXPECT_EQ(encode_rows(t).error().code, Code::invalid);
  t = small_table();
  t.columns[1].type = "text";
  EXPECT_EQ(encode_rows(t).error().code, Code::invalid);
  t = small_table();
  t.columns[1].name = "mean";
  EXPECT_EQ(encode_rows(t).error().message, "two columns are named mean");
}

TEST(Rows, RoundTripThroughAFile) {
  const testing::TempFolder folder;
  ASSERT_TRUE(write_rows(folder / "x.rows", small_table()));
  const auto again = read_rows(folder / "x.rows");
  ASSERT_TRUE(again);
  EXPECT_TRUE(same(small_table(), *again));
  EXPECT_EQ(read_rows(folder / "absent.rows").error().code, Code::missing);
}

}  // namespace
}  // namespace mole::runtime
