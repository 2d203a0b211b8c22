#include "cli/export/export.hpp"

#include "runtime/result/parquet.hpp"
#include "tests/result/fixtures.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace mole::cli {
namespace {

using runtime::Parquet;
using runtime::RowTable;
using runtime::testing::slurp;
using runtime::testing::spill;

constexpr Micros start = 1190484000 * second_us;  // 2007-09-22T18:00:00Z
constexpr Micros quarter = 15 * minute_us;

// Two intervals from `from`: one sound, one a gap.
RowTable block(Micros from) {
  RowTable t;
  const auto time = [](std::vector<std::int64_t> v) { return v; };
  t.columns = {
      {"interval_start", "time", "", "", time({from, from + quarter}), {}},
      {"interval_end", "time", "", "", time({from + quarter, from + 2 * quarter}), {}},
      {"router", "text", "", "", std::vector<std::string>{"r1", "a,\"b\"\n\x1b[31m"}, {}},
      {"bytes", "u64", "B", "", std::vector<std::uint64_t>{18446744073709551615u, 7}, {}},
      {"size_mean", "f64", "B", "", std::vector<double>{0.1, 0}, {1, 0}},
      {"coverage", "f64", "1", "", std::vector<double>{0.75, 0}, {}},
      {"flows_lost", "u64", "flow", "", std::vector<std::uint64_t>{3, 0}, {}},
  };
  return t;
}

class Export : public ::testing::Test {
 protected:
  Export() {
    auto parquet = Parquet::open({folder / "spill"});
    for (const auto* name : {"1.parquet", "2.parquet"}) {
      const auto from = start + (name[0] - '1') * 2 * quarter;
      EXPECT_TRUE(parquet->write(block(from), folder / name, {"traffic", "1.0.0", {"router"}}));
      ask.files.push_back(folder / name);
    }
  }

  std::string run(ExportFormat format) {
    const auto rows = export_results(ask, format, folder / "out");
    EXPECT_TRUE(rows) << rows.error().message;
    if (rows) count = *rows;
    return slurp(folder / "out");
  }

  runtime::testing::Folder folder;
  ExportRequest ask;
  std::uint64_t count = 0;
};

TEST_F(Export, WritesCsv) {
  EXPECT_EQ(run(ExportFormat::csv),
            "interval_start,interval_end,router,bytes,size_mean,coverage,flows_lost\n"
            "2007-09-22T18:00:00Z,2007-09-22T18:15:00Z,r1,18446744073709551615,0.1,0.75,3\n"
            "2007-09-22T18:15:00Z,2007-09-22T18:30:00Z,\"a,\"\"b\"\"\n\x1b[31m\",7,,0,0\n"
            "2007-09-22T18:30:00Z,2007-09-22T18:45:00Z,r1,18446744073709551615,0.1,0.75,3\n"
            "2007-09-22T18:45:00Z,2007-09-22T19:00:00Z,\"a,\"\"b\"\"\n\x1b[31m\",7,,0,0\n");
  EXPECT_EQ(count, 4u);
}

TEST_F(Export, WritesNdjson) {
  ask.columns = {"size_*", "bytes"};
  ask.range = {start, start + 2 * quarter};
  EXPECT_EQ(run(ExportFormat::ndjson),
            R"({"interval_start":"2007-09-22T18:00:00Z","router":"r1","bytes":18446744073709551615,"size_mean":0.1})"
            "\n"
            R"({"interval_start":"2007-09-22T18:15:00Z","router":"a,\"b\"\n\u001b[31m","bytes":7,"size_mean":null})"
            "\n");
}

TEST_F(Export, WritesATableForEyes) {
  ask.table_rows = 3;
  EXPECT_EQ(run(ExportFormat::table),
            "interval_start        router                      bytes  size_mean  coverage  flows_lost\n"
            "                                                    [B]        [B]                [flow]\n"
            "--------------------  -----------  --------------------  ---------  --------  ----------\n"
            "2007-09-22T18:00:00Z  r1           18446744073709551615   0.100000   0.750 *           3\n"
            "2007-09-22T18:15:00Z  a,\"b\"??[31m                     7          -       0 !           0\n"
            "2007-09-22T18:30:00Z  r1           18446744073709551615   0.100000   0.750 *           3\n"
            "... 1 more rows\n"
            "coverage: * part of the input ! the interval's own files are missing; what is counted came in later ones\n");
  EXPECT_EQ(count, 4u);
}

TEST_F(Export, WritesOneParquetFile) {
  run(ExportFormat::parquet);
  auto parquet = Parquet::open({folder / "spill"});
  EXPECT_EQ(parquet->read(folder / "out")->rows(), 4u);
  EXPECT_EQ(parquet->note(folder / "out")->by, std::vector<std::string>{"router"});
}

TEST_F(Export, WritesAnArrowStream) {
  const auto bytes = run(ExportFormat::arrow);
  // A schema and two batches, each behind its mark and length, then the end.
  std::size_t at = 0, messages = 0;
  for (;; ++messages) {
    std::uint32_t mark = 0, size = 0;
    ASSERT_LE(at + 8, bytes.size());
    std::memcpy(&mark, &bytes[at], 4);
    std::memcpy(&size, &bytes[at + 4], 4);
    EXPECT_EQ(mark, 0xffffffffu);
    EXPECT_EQ(size % 8, 0u);
    at += 8;
    if (size == 0) break;
    std::uint32_t root = 0;
    std::int32_t to_vtable = 0;
    std::uint16_t body_field = 0;
    std::memcpy(&root, &bytes[at], 4);
    std::memcpy(&to_vtable, &bytes[at + root], 4);
    std::memcpy(&body_field, &bytes[at + root - static_cast<std::size_t>(to_vtable) + 4 + 2 * 3], 2);
    std::uint64_t body = 0;
    std::memcpy(&body, &bytes[at + root + body_field], 8);
    at += size + body;
  }
  EXPECT_EQ(messages, 3u);
  EXPECT_EQ(at, bytes.size());
}

TEST_F(Export, LeavesNoFileWhenItFails) {
  ask.files.push_back(folder / "absent.parquet");
  EXPECT_EQ(export_results(ask, ExportFormat::csv, folder / "out").error().code, Code::missing);
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

TEST_F(Export, NamesTheColumnsThereAre) {
  ask.columns = {"octets"};
  const auto refused = export_results(ask, ExportFormat::csv, folder / "out");
  EXPECT_EQ(refused.error().code, Code::invalid);
  EXPECT_EQ(refused.error().message,
            "no column is named 'octets'; there are interval_start, interval_end, router, bytes, size_mean, coverage, "
            "flows_lost");
  ask.files.clear();
  EXPECT_EQ(export_results(ask, ExportFormat::csv, folder / "out").error().code, Code::missing);
  EXPECT_EQ(export_format("xml").error().code, Code::invalid);
}

TEST_F(Export, RefusesFilesOfSeveralShapes) {
  auto other = block(start);
  other.columns.pop_back();
  EXPECT_TRUE(Parquet::open({folder / "spill"})->write(other, folder / "3.parquet", {}));
  ask.files.push_back(folder / "3.parquet");
  EXPECT_FALSE(export_results(ask, ExportFormat::csv, folder / "out"));
}

TEST_F(Export, LoadsTheSameRows) {
  const auto loaded = load_results(ask);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->rows.rows(), 4u);
  EXPECT_EQ(loaded->by, std::vector<std::string>{"router"});
  EXPECT_EQ(loaded->rows.find("size_mean")->valid, (std::vector<std::uint8_t>{1, 0, 1, 0}));
}

}  // namespace
}  // namespace mole::cli
