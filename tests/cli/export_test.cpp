#include "cli/export/export.hpp"

#include "runtime/seal/parquet.hpp"
#include "tests/rows/fixtures.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <thread>

namespace mole::cli {
namespace {

using runtime::Parquet;
using runtime::RowTable;
using runtime::testing::slurp;

constexpr Micros start = 1190484000 * second_us;  // 2007-09-22T18:00:00Z
constexpr Micros quarter = 15 * minute_us;

// Two intervals from `from`: one with partial coverage, one with none.
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
      request.files.push_back(folder / name);
    }
  }

  std::string run(ExportFormat format) {
    const auto rows = export_results(request, format, folder / "out");
    EXPECT_TRUE(rows) << rows.error().message;
    if (rows) count = *rows;
    return slurp(folder / "out");
  }

  runtime::testing::TempFolder folder;
  ExportRequest request;
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
  request.columns = {"size_*", "bytes"};
  request.range = {start, start + 2 * quarter};
  EXPECT_EQ(run(ExportFormat::ndjson),
            R"({"interval_start":"2007-09-22T18:00:00Z","router":"r1","bytes":18446744073709551615,"size_mean":0.1})"
            "\n"
            R"({"interval_start":"2007-09-22T18:15:00Z","router":"a,\"b\"\n\u001b[31m","bytes":7,"size_mean":null})"
            "\n");
}

TEST_F(Export, WritesATable) {
  request.table_rows = 3;
  EXPECT_EQ(
      run(ExportFormat::table),
      "interval_start        router                      bytes  size_mean  coverage  flows_lost\n"
      "                                                    [B]        [B]                [flow]\n"
      "--------------------  -----------  --------------------  ---------  --------  ----------\n"
      "2007-09-22T18:00:00Z  r1           18446744073709551615   0.100000   0.750 *           3\n"
      "2007-09-22T18:15:00Z  a,\"b\"??[31m                     7          -       0 !           0\n"
      "2007-09-22T18:30:00Z  r1           18446744073709551615   0.100000   0.750 *           3\n"
      "... 1 more row\n"
      "coverage: *: part of the input is missing; !: less than 1 % of the flows could be used, so the row measures nothing\n");
  EXPECT_EQ(count, 4u);
}

TEST_F(Export, PrintsAWideTableOneColumnPerLine) {
  request.table_width = 66;
  request.table_rows = 3;
  EXPECT_EQ(
      run(ExportFormat::table),
      "interval_start         2007-09-22T18:00:00Z  2007-09-22T18:15:00Z\n"
      "router                                   r1           a,\"b\"??[31m\n"
      "bytes          [B]     18446744073709551615                     7\n"
      "size_mean      [B]                 0.100000                     -\n"
      "coverage                            0.750 *                   0 !\n"
      "flows_lost     [flow]                     3                     0\n"
      "\n"
      "interval_start         2007-09-22T18:30:00Z\n"
      "router                                   r1\n"
      "bytes          [B]     18446744073709551615\n"
      "size_mean      [B]                 0.100000\n"
      "coverage                            0.750 *\n"
      "flows_lost     [flow]                     3\n"
      "... 1 more row\n"
      "coverage: *: part of the input is missing; !: less than 1 % of the flows could be used, so the row measures nothing\n");
  request.table_width = 92;  // exactly the width of the table
  EXPECT_TRUE(run(ExportFormat::table).starts_with("interval_start        router "));
  request.table_width = 1;  // one row at a time
  EXPECT_EQ(run(ExportFormat::table).substr(0, 45), "interval_start         2007-09-22T18:00:00Z\nr");
}

TEST_F(Export, SelectsGroups) {
  request.columns = {"bytes", "size_mean"};
  request.where = *parse_where({"router=r1"});
  EXPECT_EQ(run(ExportFormat::csv),
            "interval_start,router,bytes,size_mean\n"
            "2007-09-22T18:00:00Z,r1,18446744073709551615,0.1\n"
            "2007-09-22T18:30:00Z,r1,18446744073709551615,0.1\n");
  request.where = *parse_where({"router=r1", "router=r2", "router='a,\"b\"\n\x1b[31m'"});
  run(ExportFormat::csv);
  EXPECT_EQ(count, 4u);
}

TEST_F(Export, ErrorsListTheGroups) {
  request.where = *parse_where({"router=r2"});
  request.files.erase(request.files.begin() + 1, request.files.end());
  const auto none = export_results(request, ExportFormat::csv, folder / "out");
  EXPECT_EQ(none.error().message, "no router is named 'r2'; available: a,\"b\"\n\x1b[31m and r1");
  request.where = *parse_where({"octets=7"});
  EXPECT_TRUE(
      export_results(request, ExportFormat::csv, folder / "out").error().message.starts_with("no column is named 'octets'; "));
}

TEST_F(Export, SelectsRowsByValue) {
  request.columns = {"size_mean"};
  request.where = *parse_where({"bytes=18446744073709551615", "router=r1"});
  EXPECT_EQ(run(ExportFormat::csv),
            "interval_start,router,size_mean\n"
            "2007-09-22T18:00:00Z,r1,0.1\n"
            "2007-09-22T18:30:00Z,r1,0.1\n");
  request.where = *parse_where({"bytes=8"});
  EXPECT_EQ(export_results(request, ExportFormat::csv, folder / "out").error().message,
            "no row matches every --where; remove some of them, or see all rows with mole results MODULE");
}

TEST_F(Export, SelectsRowsByComparison) {
  request.columns = {"bytes"};
  const auto rows = [&](const char* where) {
    request.where = *parse_where({where});
    const auto done = export_results(request, ExportFormat::csv, folder / "out");
    return done ? *done : 0;
  };
  const auto all = [&] {
    request.where = {};
    return *export_results(request, ExportFormat::csv, folder / "out");
  }();
  EXPECT_EQ(rows("coverage<2"), all);
  EXPECT_EQ(rows("coverage>=0,coverage<=1"), all);
  EXPECT_EQ(rows("coverage>1"), 0u);
  EXPECT_EQ(rows("bytes>1000"), rows("bytes=18446744073709551615"));
  request.where = *parse_where({"router<1"});
  EXPECT_EQ(export_results(request, ExportFormat::csv, folder / "out").error().message,
            "the column router has no numbers to compare; write router=VALUE");
}

TEST(Selection, ParsesComparisons) {
  using Compare = GroupFilter::Compare;
  const auto where = parse_where({"coverage<0.5,router=a,flows>=1e3", "coverage>0"});
  ASSERT_TRUE(where);
  ASSERT_EQ(where->size(), 4u);
  EXPECT_EQ(where->at(0).compare, Compare::less);
  EXPECT_EQ(where->at(0).number, 0.5);
  EXPECT_EQ(where->at(2).compare, Compare::at_least);
  EXPECT_EQ(where->at(3).compare, Compare::greater);
  EXPECT_TRUE(where->at(0).accepts(0.49));
  EXPECT_FALSE(where->at(0).accepts(0.5));
  EXPECT_TRUE(where->at(2).accepts(1000.0));
  for (const auto* bad : {"coverage<", "coverage<x", "coverage<1x", "<1", "coverage<nan"})
    EXPECT_EQ(parse_where({bad}).error().code, Code::invalid) << bad;
}

TEST(Selection, ComparesAddressesAsAddresses) {
  const auto accepts = [](const char* where, const char* cell) { return parse_where({where})->at(0).accepts(std::string(cell)); };
  EXPECT_TRUE(accepts("a=2001:0db8:0:0:0:0:0:1", "2001:db8::1"));
  EXPECT_TRUE(accepts("a=2001:DB8::1", "2001:db8::1"));
  EXPECT_TRUE(accepts("a=::ffff:10.0.0.1", "10.0.0.1"));
  EXPECT_TRUE(accepts("a=::ffff:0a00:0001", "10.0.0.1"));
  EXPECT_TRUE(accepts("a=10.0.0.1", "::ffff:10.0.0.1"));
  EXPECT_FALSE(accepts("a=::10.0.0.1", "10.0.0.1"));
  EXPECT_FALSE(accepts("a=2001:db8::2", "2001:db8::1"));
  EXPECT_FALSE(accepts("a=10.0.0.1", "10.0.0.10"));
  EXPECT_FALSE(accepts("a=", "10.0.0.1"));
}

TEST(Selection, KeepsTheOrderOfPatterns) {
  const std::vector<std::string> names{"flows", "entropy_src", "entropy_dst", "bytes"};
  EXPECT_EQ(*matching({"bytes", "entropy_*", "*_src"}, names), (std::vector<std::string>{"bytes", "entropy_src", "entropy_dst"}));
  EXPECT_EQ(matching({"octets"}, names).error().message,
            "no column is named 'octets'; available: flows, entropy_src, entropy_dst and bytes");
}

TEST(Selection, SuggestsSimilarNames) {
  std::vector<std::string> names;
  for (int port = 0; port < 700; ++port) names.push_back("flows_port_" + std::to_string(port));
  names.push_back("src_addr_entropy");
  names.push_back("dst_addr_entropy");
  const auto error = matching({"entropy*"}, names).error();
  EXPECT_EQ(error.code, Code::invalid);
  EXPECT_TRUE(error.message.starts_with(
      "no column is named 'entropy*'; the most similar of 702 are src_addr_entropy, dst_addr_entropy, "))
      << error.message;
  EXPECT_NE(matching({"flow_port_443"}, names).error().message.find("the most similar of 702 are flows_port_443, "),
            std::string::npos);
}

TEST(Selection, ParsesWhere) {
  const auto where = parse_where({"direction=in", "protocol_class=tcp", "direction=out", "x="});
  ASSERT_TRUE(where);
  ASSERT_EQ(where->size(), 3u);
  EXPECT_EQ(where->at(0).values, (std::vector<std::string>{"in", "out"}));
  EXPECT_EQ(where->at(2).values, std::vector<std::string>{""});
  for (const auto* bad : {"", "direction", "=in"}) EXPECT_EQ(parse_where({bad}).error().code, Code::invalid);
}

TEST(Selection, QuotesKeepSeparatorsInValues) {
  const auto values = [](const char* text) { return parse_where({text})->at(0).values; };
  using Values = std::vector<std::string>;
  EXPECT_EQ(values("router='zh,1'"), Values{"zh,1"});
  EXPECT_EQ(values("router=\"zh,1\""), Values{"zh,1"});
  EXPECT_EQ(values("router='it''s',router=it's"), (Values{"it's", "it's"}));
  EXPECT_EQ(values("router='a=b,c=d',router=a=b,router=''"), (Values{"a=b,c=d", "a=b", ""}));
  EXPECT_EQ(parse_where({"router='zh,1',direction=in"})->at(1).column, "direction");
  for (const auto* bad : {"router=zh,1", "router='zh,1", "router='zh'1", "router=a,", ",router=a", "router=a,,router=b"})
    EXPECT_EQ(parse_where({bad}).error().code, Code::invalid) << bad;
  EXPECT_NE(parse_where({"router=zh,1"}).error().message.find("--where \"router='zh,1'\""), std::string::npos);
}

TEST(Selection, WritesArgumentsThatItReadsBack) {
  EXPECT_EQ(where_argument({{"side", "dst"}, {"port", "80"}}), "side=dst,port=80");
  EXPECT_EQ(where_argument({{"router", "zh,1"}}), "\"router='zh,1'\"");
  EXPECT_EQ(where_argument({{"router", "it's"}}), "\"router='it''s'\"");
  EXPECT_EQ(where_argument({{"router", "$(x) y"}}), "\"router=\\$(x) y\"");
}

TEST(OutputFormat, FollowsTheOptionThenTheName) {
  const auto format = [](const char* name, const char* file) {
    const auto found = export_format(name, file, ExportFormat::table);
    return found ? std::string(name_of(*found)) : found.error().message;
  };
  EXPECT_EQ(format("", ""), "table");
  EXPECT_EQ(format("", "rows"), "table");
  EXPECT_EQ(format("csv", "rows"), "csv");
  EXPECT_EQ(format("csv", "rows.dat"), "csv");
  for (const auto& [file, name] : std::map<const char*, const char*>{{"a.csv", "csv"},
                                                                     {"a.tsv", "tsv"},
                                                                     {"a.json", "json"},
                                                                     {"a.ndjson", "ndjson"},
                                                                     {"a.jsonl", "ndjson"},
                                                                     {"a.TXT", "table"},
                                                                     {"a.csv.gz", "csv"},
                                                                     {"b.c/a.tsv.gz", "tsv"},
                                                                     {"a.arrow", "arrow"},
                                                                     {"a.parquet", "parquet"}})
    EXPECT_EQ(format("", file), name) << file;
  EXPECT_NE(format("", "a.xlsx").find("the ending .xlsx of a.xlsx is not a format; use one of .csv, .tsv"), std::string::npos);
  EXPECT_NE(format("", "a.png").find("use one of"), std::string::npos);
  EXPECT_NE(format("json", "a.csv").find("--format json does not fit the name a.csv"), std::string::npos);
  EXPECT_NE(format("", "a.parquet.gz").find("parquet is compressed by itself"), std::string::npos);
  EXPECT_NE(format("csv", "a.csv.zst").find(".zst is not available"), std::string::npos);
  EXPECT_EQ(*plot_format("a.PDF"), PlotFormat::pdf);
  EXPECT_EQ(*plot_format(""), PlotFormat::svg);
  EXPECT_EQ(plot_format("a.jpeg").error().message, "the ending .jpeg of a.jpeg is not a format of figures; use .svg, .png, .pdf");
}

TEST_F(Export, WritesTabsAndJson) {
  request.columns = {"bytes"};
  request.where = *parse_where({"router=r1"});
  EXPECT_EQ(run(ExportFormat::tsv),
            "interval_start\trouter\tbytes\n"
            "2007-09-22T18:00:00Z\tr1\t18446744073709551615\n"
            "2007-09-22T18:30:00Z\tr1\t18446744073709551615\n");
  EXPECT_EQ(run(ExportFormat::json),
            "[\n{\"interval_start\":\"2007-09-22T18:00:00Z\",\"router\":\"r1\",\"bytes\":18446744073709551615},\n"
            "{\"interval_start\":\"2007-09-22T18:30:00Z\",\"router\":\"r1\",\"bytes\":18446744073709551615}\n]\n");
}

TEST_F(Export, CompressesFilesNamedGz) {
  ASSERT_TRUE(export_results(request, ExportFormat::csv, folder / "out.csv.gz"));
  const auto plain = run(ExportFormat::csv);
  const auto file = (folder / "out.csv.gz").string();
  std::unique_ptr<gzFile_s, int (*)(gzFile)> in(::gzopen(file.c_str(), "rb"), ::gzclose);
  std::string content(plain.size() + 1, '\0');
  const auto read = ::gzread(in.get(), content.data(), static_cast<unsigned>(content.size()));
  EXPECT_EQ(content.substr(0, static_cast<std::size_t>(std::max(read, 0))), plain);
  EXPECT_FALSE(::gzdirect(in.get()));
}

TEST_F(Export, AMissingFolderIsNotFound) {
  const auto refused = export_results(request, ExportFormat::csv, folder / "absent" / "out.csv");
  EXPECT_EQ(refused.error().code, Code::missing);
  EXPECT_NE(refused.error().message.find("does not exist; create it"), std::string::npos);
}

TEST_F(Export, WritesOneParquetFile) {
  run(ExportFormat::parquet);
  auto parquet = Parquet::open({folder / "spill"});
  EXPECT_EQ(parquet->read(folder / "out")->rows(), 4u);
  EXPECT_EQ(parquet->note(folder / "out")->by, std::vector<std::string>{"router"});
}

TEST_F(Export, WritesAnArrowStream) {
  const auto bytes = run(ExportFormat::arrow);
  // A schema and two batches, each after its marker and length, then the end marker.
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
  request.files.push_back(folder / "absent.parquet");
  EXPECT_EQ(export_results(request, ExportFormat::csv, folder / "out").error().code, Code::missing);
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

TEST_F(Export, WritesToAPipe) {
  const auto pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string received;
  std::thread reader([&] { received = slurp(pipe); });
  EXPECT_TRUE(export_results(request, ExportFormat::csv, pipe));
  reader.join();
  EXPECT_TRUE(received.starts_with("interval_start,"));
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST_F(Export, ConvertsCountsToRates) {
  request.range = {start, start + 2 * quarter};
  request.rates = CountDurations{{"bytes", quarter}, {"flows", quarter}, {"router", quarter}};
  request.where = *parse_where({"bytes=7"});  // the stored value
  EXPECT_EQ(run(ExportFormat::csv),
            "interval_start,interval_end,router,bytes_bits_per_second,size_mean,coverage,flows_lost\n"
            "2007-09-22T18:15:00Z,2007-09-22T18:30:00Z,\"a,\"\"b\"\"\n\x1b[31m\",0.06222222222222222,,0,0\n");
  EXPECT_TRUE(run(ExportFormat::table).find("[bit/s]") != std::string::npos);
  run(ExportFormat::parquet);
  const auto read = Parquet::open({folder / "spill"})->read(folder / "out");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->find("bytes_bits_per_second")->unit, "bit/s");
  const auto loaded = load_results(request);  // for a plot, whose axis has the unit
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->rows.find("bytes")->unit, "bit/s");
  EXPECT_EQ(std::get<2>(loaded->rows.find("bytes")->values), std::vector<double>{7 * 8 / 900.0});
  EXPECT_EQ(loaded->rows.find("size_mean")->unit, "B");
}

TEST_F(Export, RejectsRatesOfColumnsThatAreNotCounts) {
  request.columns = {"size_mean"};
  request.rates = CountDurations{{"bytes", quarter}};
  const auto rejected = export_results(request, ExportFormat::csv, folder / "out");
  EXPECT_EQ(rejected.error().code, Code::invalid);
  EXPECT_EQ(
      rejected.error().message,
      "--rate needs a count of bytes, packets or flows, and none of the selected columns is one; select one, such as bytes, "
      "or omit --rate");
  request.rates = CountDurations{};
  EXPECT_TRUE(export_results(request, ExportFormat::csv, folder / "out")
                  .error()
                  .message.ends_with("this module has none, so omit --rate"));
}

TEST(Rates, KeepNullsAndOtherUnits) {
  runtime::Column flows{"flows", "u64", "flow", "", std::vector<std::uint64_t>{1800, 0}, {1, 0}};
  make_rate(flows, quarter);
  EXPECT_EQ(std::get<2>(flows.values), (std::vector<double>{2, 0}));
  EXPECT_EQ(flows.valid, (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(flows.unit, "flow/s");
  EXPECT_EQ(rate_name("flows", flows.unit), "flows_per_second");
  runtime::Column hosts{"hosts", "u64", "host", "", std::vector<std::uint64_t>{3}, {}};
  make_rate(hosts, quarter);
  EXPECT_EQ(hosts.type, "u64");
  EXPECT_EQ(rate_name("hosts", hosts.unit), "hosts");
}

TEST(Rates, ApplyToColumnsThatCountOverATime) {
  const auto results = [](const std::string& columns) {
    return nlohmann::json::parse(
        R"({"module": "p/m", "interval": "15m", "window": null, "totals": [], "overrides": [], "blocks": [],
                                     "columns": )" +
        columns + "}");
  };
  const auto column = [](const std::string& name, const std::string& over) {
    return R"({"name": )" + name + R"(, "type": "u64", "unit": "B", "doc": "")" + over + "}";
  };
  const auto document = read_document<coordinator::ModuleResults>(
      results("[" + column(R"("bytes")", R"(, "counted_over": "15m")") + "," + column(R"("a")", R"(, "counted_over": "0s")") +
              "," + column(R"("d")", "") + "]"));
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(counted_over(*document), (CountDurations{{"bytes", quarter}}));
  for (const auto& malformed : {column(R"("b")", R"(, "counted_over": 900)"), column("7", R"(, "counted_over": "15m")"),
                                column(R"("c")", R"(, "counted_over": "long")"), std::string("5")})
    EXPECT_FALSE(read_document<coordinator::ModuleResults>(results("[" + malformed + "]"))) << malformed;
  EXPECT_FALSE(read_document<coordinator::ModuleResults>(results("{}")));
  EXPECT_FALSE(read_document<coordinator::ModuleResults>(nlohmann::json()));
}

TEST_F(Export, ErrorsListTheColumns) {
  request.columns = {"octets"};
  const auto rejected = export_results(request, ExportFormat::csv, folder / "out");
  EXPECT_EQ(rejected.error().code, Code::invalid);
  EXPECT_EQ(rejected.error().message,
            "no column is named 'octets'; available: interval_start, interval_end, router, bytes, size_mean, coverage "
            "and flows_lost");
  request.files.clear();
  EXPECT_EQ(export_results(request, ExportFormat::csv, folder / "out").error().code, Code::missing);
}

TEST_F(Export, RejectsFilesWithDifferentColumns) {
  auto other = block(start);
  other.columns.pop_back();
  EXPECT_TRUE(Parquet::open({folder / "spill"})->write(other, folder / "3.parquet", {}));
  request.files.push_back(folder / "3.parquet");
  EXPECT_FALSE(export_results(request, ExportFormat::csv, folder / "out"));
}

TEST_F(Export, LoadsTheSameRows) {
  const auto loaded = load_results(request);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->rows.rows(), 4u);
  EXPECT_EQ(loaded->by, std::vector<std::string>{"router"});
  EXPECT_EQ(loaded->rows.find("size_mean")->valid, (std::vector<std::uint8_t>{1, 0, 1, 0}));
}

}  // namespace
}  // namespace mole::cli
