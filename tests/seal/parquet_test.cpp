#include "runtime/seal/parquet.hpp"

#include "tests/rows/fixtures.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstring>

namespace mole::runtime {
namespace {

using testing::flow_table;
using testing::same;
using testing::slurp;
using testing::small_table;
using testing::TempFolder;
using testing::write_bytes;

Parquet open_in(const TempFolder& folder) {
  auto parquet = Parquet::open({folder / "spill"});
  if (!parquet) throw std::runtime_error(parquet.error().message);
  return std::move(*parquet);
}

const ParquetNote note{"traffic", "1.0.0", {"router"}};

RowTable many_rows(std::size_t rows) {
  std::vector<std::int64_t> time(rows);
  std::vector<std::uint64_t> bytes(rows);
  std::vector<std::uint8_t> valid(rows);
  std::vector<std::string> name(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    time[i] = static_cast<std::int64_t>(i) * 1000;
    bytes[i] = i * 2654435761u;
    valid[i] = i % 7 != 0;
    if (!valid[i]) bytes[i] = 0;
    name[i] = "router-" + std::to_string(i % 1000) + (i % 3 ? "" : " with a long name");
  }
  RowTable t;
  t.columns.push_back({"interval_start", "time", "", "", std::move(time), {}});
  t.columns.push_back({"bytes", "u64", "B", "", std::move(bytes), std::move(valid)});
  t.columns.push_back({"router", "text", "", "", std::move(name), {}});
  return t;
}

TEST(Parquet, RoundTrips) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  ASSERT_TRUE(parquet.write(small_table(), folder / "x.parquet", note));
  const auto again = parquet.read(folder / "x.parquet");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(same(small_table(), *again));
}

TEST(Parquet, KeepsTheTypesOfFlows) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  ASSERT_TRUE(parquet.write(flow_table(), folder / "x.parquet", note));
  const auto again = parquet.read(folder / "x.parquet");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(same(flow_table(), *again));
}

TEST(Parquet, WritesAddressesAsBytesThatItDoesNotRead) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  RowTable table;
  table.columns.push_back({"exporter_addr", "addr", "", "", std::vector<Addr>{Addr::v4(1), Addr{}}, {1, 0}});
  ASSERT_TRUE(parquet.write(table, folder / "x.parquet", note));
  EXPECT_EQ(parquet.read(folder / "x.parquet").error().code, Code::corrupt);
}

TEST(Parquet, KeepsManyRowsInOrder) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  ASSERT_TRUE(parquet.write(many_rows(300'001), folder / "x.parquet", note));
  EXPECT_TRUE(same(many_rows(300'001), *parquet.read(folder / "x.parquet")));
}

RowTable part_of(const RowTable& table, std::size_t from, std::size_t to) {
  RowTable part = table;
  for (auto& column : part.columns) {
    std::visit(
        [&](auto& v) {
          v = {v.begin() + static_cast<std::ptrdiff_t>(from), v.begin() + static_cast<std::ptrdiff_t>(to)};
        },
        column.values);
    if (!column.valid.empty())
      column.valid = {column.valid.begin() + static_cast<std::ptrdiff_t>(from),
                      column.valid.begin() + static_cast<std::ptrdiff_t>(to)};
  }
  return part;
}

TEST(Parquet, HasTheSameBytesHoweverRowsAreSplitIntoTables) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  const auto table = many_rows(260'000);
  ASSERT_TRUE(parquet.write(table, folder / "one.parquet", note));
  for (const std::size_t cut : {1'000u, 65'536u, 300'000u}) {
    std::size_t at = 0;
    bool empty_next = false;
    const auto rows = parquet.write(
        part_of(table, 0, 0),
        [&]() -> Result<std::optional<RowTable>> {
          if (at == table.rows()) return std::optional<RowTable>{};
          if ((empty_next = !empty_next)) return std::optional(part_of(table, at, at));
          const auto from = at;
          at = std::min(table.rows(), at + cut);
          return std::optional(part_of(table, from, at));
        },
        folder / "many.parquet", note);
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(*rows, table.rows());
    EXPECT_EQ(slurp(folder / "many.parquet"), slurp(folder / "one.parquet")) << cut;
  }
}

TEST(Parquet, ReportsTheErrorOfTheNextTable) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  const auto failing = parquet.write(
      many_rows(0), []() -> Result<std::optional<RowTable>> { return corrupt("damaged"); }, folder / "x.parquet", note);
  EXPECT_EQ(failing.error().message, "damaged");
  EXPECT_EQ(failing.error().code, Code::corrupt);
  const auto other = parquet.write(
      many_rows(0), []() -> Result<std::optional<RowTable>> { return std::optional(small_table()); }, folder / "x.parquet", note);
  EXPECT_EQ(other.error().code, Code::invalid);
  ASSERT_TRUE(parquet.write(many_rows(3), folder / "x.parquet", note));  // later writes succeed
}

TEST(Parquet, SupportsZeroAndOneRows) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  for (const std::size_t rows : {0u, 1u}) {
    ASSERT_TRUE(parquet.write(many_rows(rows), folder / "x.parquet", note));
    const auto again = parquet.read(folder / "x.parquet");
    ASSERT_TRUE(again);
    EXPECT_TRUE(same(many_rows(rows), *again));
  }
}

TEST(Parquet, HasMetadata) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  ASSERT_TRUE(parquet.write(many_rows(1), folder / "x.parquet", note));
  const auto found = parquet.note(folder / "x.parquet");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->metric, "traffic");
  EXPECT_EQ(found->version, "1.0.0");
  EXPECT_EQ(found->by, std::vector<std::string>{"router"});
  EXPECT_EQ(parquet.note(folder / "absent").error().code, Code::missing);
}

TEST(Parquet, PreservesEveryDouble) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  RowTable t;
  const std::vector<double> values{0.1, -0.0, 1e-308, 1.7976931348623157e308, 4.9e-324, INFINITY};
  t.columns.push_back({"x", "f64", "", "", values, {}});
  ASSERT_TRUE(parquet.write(t, folder / "x.parquet", note));
  const auto again = std::get<2>(parquet.read(folder / "x.parquet")->columns[0].values);
  EXPECT_EQ(std::memcmp(again.data(), values.data(), values.size() * 8), 0);
}

TEST(Parquet, HasEqualBytesForEqualTablesInEveryProcess) {
  const TempFolder folder;
  const auto table = many_rows(150'000);
  ASSERT_TRUE(open_in(folder).write(table, folder / "a.parquet", note));
  const pid_t child = ::fork();
  if (child == 0) {
    const TempFolder other;
    auto parquet = open_in(other);
    static_cast<void>(parquet.write(small_table(), folder / "other.parquet", note));
    ::_exit(parquet.write(table, folder / "b.parquet", note) ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(slurp(folder / "a.parquet"), slurp(folder / "b.parquet"));
}

TEST(Parquet, LeavesNoOtherFile) {
  const TempFolder folder;
  ASSERT_TRUE(open_in(folder).write(many_rows(150'000), folder / "a.parquet", note));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Parquet, ReadsSelectedColumnsOfARange) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  ASSERT_TRUE(parquet.write(many_rows(10), folder / "x.parquet", note));
  const auto some = parquet.read(folder / "x.parquet", {{"router", "bytes"}, {2000, 4000}});
  ASSERT_TRUE(some) << some.error().message;
  ASSERT_EQ(some->columns.size(), 2u);
  EXPECT_EQ(some->columns[1].unit, "B");
  EXPECT_EQ(std::get<3>(some->columns[0].values), (std::vector<std::string>{"router-2", "router-3 with a long name"}));
  EXPECT_EQ(parquet.read(folder / "x.parquet", {{"absent"}, {}}).error().code, Code::invalid);
}

TEST(Parquet, AcceptsNamesAndPathsThatLookLikeSql) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  RowTable t;
  t.columns.push_back({"it's \"x\"", "u64", "B", "a 'doc' {", std::vector<std::uint64_t>{5}, {}});
  const auto path = folder / "a'b [1] *?.parquet";
  ASSERT_TRUE(parquet.write(t, path, {"it's", "1", {}}));
  ASSERT_TRUE(parquet.write(many_rows(3), folder / "a'b 1 xx.parquet", note));
  const auto again = parquet.read(path);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(same(t, *again));
}

TEST(Parquet, RejectsFilesItCannotRead) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  EXPECT_EQ(parquet.read(folder / "absent").error().code, Code::missing);
  EXPECT_EQ(parquet.read(folder.path()).error().code, Code::missing);
  write_bytes(folder / "text", "not a Parquet file, but as long as one");
  EXPECT_EQ(parquet.read(folder / "text").error().code, Code::corrupt);
  write_bytes(folder / "empty", "");
  EXPECT_EQ(parquet.read(folder / "empty").error().code, Code::corrupt);
  ASSERT_TRUE(parquet.write(many_rows(100), folder / "x", note));
  write_bytes(folder / "cut", slurp(folder / "x").substr(0, 100));
  EXPECT_EQ(parquet.read(folder / "cut").error().code, Code::corrupt);
  RowLimits limits;
  limits.rows = 99;
  EXPECT_EQ(parquet.read(folder / "x", {}, limits).error().code, Code::exhausted);
  EXPECT_TRUE(parquet.read(folder / "x"));
}

TEST(Parquet, RejectsTablesItCannotWrite) {
  const TempFolder folder;
  auto parquet = open_in(folder);
  RowTable t;
  EXPECT_EQ(parquet.write(t, folder / "x", note).error().code, Code::invalid);
  t.columns.push_back({"x", "text", "", "", std::vector<std::string>{"\xff"}, {}});
  EXPECT_EQ(parquet.write(t, folder / "x", note).error().code, Code::invalid);
  t.columns[0] = {"x", "u9", "", "", std::vector<std::uint64_t>{1}, {}};
  EXPECT_EQ(parquet.write(t, folder / "x", note).error().code, Code::invalid);
  EXPECT_EQ(parquet.write(many_rows(1), "/dev/full", note).error().code, Code::exhausted);
  EXPECT_TRUE(parquet.write(many_rows(1), folder / "x", note));
}

}  // namespace
}  // namespace mole::runtime
