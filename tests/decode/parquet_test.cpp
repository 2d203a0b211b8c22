#include "plugins/decoders/parquet/parquet.hpp"

#include "tests/decode/nfcapd_writer.hpp"

#include <duckdb.h>

#include <fstream>
#include <iterator>

namespace mole::runtime::test {
namespace {

using plugins::Parquet, plugins::table::Params;

const mole_decoder_v1& parquet_decoder() { return mole::detail::Glue<mole::Kind::decoder>::vtable<Parquet>; }

// The bytes of a Parquet file with the rows of a query.
std::string parquet_of(const std::string& select, const std::string& options = "") {
  const TempFolder folder;
  const auto path = (folder.path() / "flows.parquet").string();
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  duckdb_result result{};
  EXPECT_EQ(duckdb_open(nullptr, &database), DuckDBSuccess);
  EXPECT_EQ(duckdb_connect(database, &connection), DuckDBSuccess);
  const auto sql = "SET TimeZone = 'UTC'; COPY (" + select + ") TO '" + path + "' (FORMAT parquet" + options + ")";
  EXPECT_EQ(duckdb_query(connection, sql.c_str(), &result), DuckDBSuccess) << duckdb_result_error(&result);
  duckdb_destroy_result(&result);
  duckdb_disconnect(&connection);
  duckdb_close(&database);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

NfRead read_parquet(const std::string& bytes, Params params = {}, std::vector<std::size_t> gaps = {}) {
  auto read = read_content(parquet_decoder(), mole::detail::as_module(&params), bytes, 1 << 16, {}, std::move(gaps));
  keep_cells(read, 9);
  return read;
}

// The columns of one flow, in SQL.
struct FlowSql {
  std::string start = "TIMESTAMP '2007-09-22 19:00:00'", end = "TIMESTAMP '2007-09-22 19:00:01'", src_addr = "'10.0.0.1'",
              dst_addr = "'192.0.2.1'", src_port = "1234", dst_port = "80", protocol = "6", packets = "3", bytes = "120",
              more = "";
  std::string select() const {
    return "SELECT " + start + " AS start, " + end + " AS end, " + src_addr + " AS src_addr, " + dst_addr + " AS dst_addr, " +
           src_port + " AS src_port, " + dst_port + " AS dst_port, " + protocol + " AS protocol, " + packets + " AS packets, " +
           bytes + " AS bytes" + more;
  }
};

const std::string flow = "1190487600000000 1190487601000000 10.0.0.1 192.0.2.1 1234 80 6 3 120";

TEST(Parquet, ReadsEveryTypeThatCanHoldTheValue) {
  const std::vector<std::pair<std::string FlowSql::*, std::string>> types{
      {&FlowSql::start, "TIMESTAMP_S '2007-09-22 19:00:00'"},
      {&FlowSql::start, "TIMESTAMP_MS '2007-09-22 19:00:00'"},
      {&FlowSql::start, "TIMESTAMP_NS '2007-09-22 19:00:00'"},
      {&FlowSql::start, "to_timestamp(1190487600)"},
      {&FlowSql::start, "1190487600"},
      {&FlowSql::start, "1190487600000::UBIGINT"},
      {&FlowSql::start, "1190487600.000::DECIMAL(18, 3)"},
      {&FlowSql::start, "1190487600::DOUBLE"},
      {&FlowSql::start, "'2007-09-22T21:00:00+02:00'"},
      {&FlowSql::src_addr, "167772161::UINTEGER"},
      {&FlowSql::src_addr, "'\\x0A\\x00\\x00\\x01'::BLOB"},
      {&FlowSql::src_addr, "'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\xFF\\xFF\\x0A\\x00\\x00\\x01'::BLOB"},
      {&FlowSql::src_addr, "'::ffff:10.0.0.1'"},
      {&FlowSql::src_port, "1234::SMALLINT"},
      {&FlowSql::src_port, "1234::UHUGEINT"},
      {&FlowSql::src_port, "1234::FLOAT"},
      {&FlowSql::src_port, "'1234'"},
      {&FlowSql::protocol, "'tcp'"},
      {&FlowSql::protocol, "'TCP'::ENUM('TCP', 'UDP')"},
      {&FlowSql::protocol, "6::TINYINT"},
      {&FlowSql::bytes, "120::HUGEINT"},
      {&FlowSql::bytes, "120::DECIMAL(38, 4)"},
      {&FlowSql::bytes, "120::DOUBLE"},
      {&FlowSql::more, ", [1, 2] AS list, {'a': 1} AS nested, DATE '2007-09-22' AS day, NULL::INTEGER AS src_as"},
  };
  for (const auto& [column, sql] : types) {
    FlowSql one;
    one.*column = sql;
    const auto read = read_parquet(parquet_of(one.select()));
    EXPECT_EQ(read.lines, std::vector{flow}) << sql << "\n" << reasons(read);
    EXPECT_EQ(read.report.state, task::FileState::sound) << sql << "\n" << reasons(read);
  }
}

TEST(Parquet, RowsThatCannotBeReadAreSkippedWithTheirNumber) {
  const std::vector<std::pair<std::string FlowSql::*, std::pair<std::string, std::string>>> bad{
      {&FlowSql::src_port, {"70000", "src_port \"70000\" is not a number from 0 to 65535"}},
      {&FlowSql::src_port, {"-1", "src_port"}},
      {&FlowSql::src_port, {"1.5::DOUBLE", "src_port \"1.5\""}},
      {&FlowSql::src_port, {"NULL", "src_port is missing"}},
      {&FlowSql::bytes, {"-1::BIGINT", "bytes"}},
      {&FlowSql::bytes, {"170141183460469231731687303715884105727::HUGEINT", "bytes"}},
      {&FlowSql::bytes, {"'NaN'::DOUBLE", "bytes"}},
      {&FlowSql::bytes, {"1e30::DOUBLE", "bytes"}},
      {&FlowSql::bytes, {"'1.2 M'", "bytes \"1.2 M\""}},
      {&FlowSql::bytes, {"NULL", "bytes is missing"}},
      {&FlowSql::src_addr, {"'10.0.0'", "src_addr"}},
      {&FlowSql::src_addr, {"'\\x0A\\x00'::BLOB", "src_addr"}},
      {&FlowSql::src_addr, {"-5", "src_addr"}},
      {&FlowSql::src_addr, {"NULL", "src_addr is missing"}},
      {&FlowSql::start, {"NULL::TIMESTAMP", "start is missing"}},
      {&FlowSql::start, {"TIMESTAMP '1960-01-01 00:00:00'", "start"}},
      {&FlowSql::start, {"-1", "start"}},
      {&FlowSql::start, {"'infinity'::TIMESTAMP", "start"}},
  };
  for (const auto& [column, what] : bad) {
    FlowSql wrong;
    wrong.*column = what.first;
    // One file has one type in a column: the right value is cast to that of the wrong one.
    FlowSql right;
    if (column == &FlowSql::src_addr && what.first == "-5") right.src_addr = "167772161";
    if (column == &FlowSql::src_addr && what.first.ends_with("BLOB")) right.src_addr = "'\\x0A\\x00\\x00\\x01'::BLOB";
    if (column == &FlowSql::bytes && what.first.starts_with("'1.2")) right.bytes = "'120'";
    if (column == &FlowSql::start && what.first == "-1") right.start = "1190487600";
    const auto read = read_parquet(parquet_of(right.select() + " UNION ALL " + wrong.select() + " UNION ALL " + right.select()));
    EXPECT_EQ(read.lines, (std::vector{flow, flow})) << what.first << "\n" << reasons(read);
    EXPECT_TRUE(reasons(read).starts_with("row 2: " + what.second)) << what.first << " " << reasons(read);
    EXPECT_EQ(read.report.state, task::FileState::damaged) << what.first;
  }
}

TEST(Parquet, ColumnsCanBeNamedInTheManifest) {
  Params params;
  params.columns = "bytes=Octets\nprotocol=\n";
  params.zone = "Europe/Zurich";
  FlowSql sql;
  sql.start = "TIMESTAMP '2007-09-22 21:00:00'";
  sql.end = "to_timestamp(1190487601)";
  sql.bytes = "1";
  sql.more = ", 120 AS octets";
  EXPECT_EQ(read_parquet(parquet_of(sql.select()), params).lines,
            std::vector<std::string>{"1190487600000000 1190487601000000 10.0.0.1 192.0.2.1 1234 80 0 3 120"});
  sql.bytes = "{'value': 1}";
  const auto refused = read_parquet(parquet_of(sql.select()));
  EXPECT_EQ(refused.report.state, task::FileState::unreadable);
  EXPECT_NE(reasons(refused).find("columns: {bytes: NAME}"), std::string::npos) << reasons(refused);
}

TEST(Parquet, AListInAFlowColumnIsReadIfItHasOneValue) {
  FlowSql sql;
  sql.start = "TIMESTAMP '2007-09-22 21:00:00'";
  const auto lines = [&](const char* bytes) {
    sql.bytes = bytes;
    return read_parquet(parquet_of(sql.select())).lines.size();
  };
  EXPECT_EQ(lines("[1]"), 1u);
  EXPECT_EQ(lines("[1, 2]"), 0u);
}

TEST(Parquet, DamagedFilesAreReported) {
  FlowSql sql;
  sql.packets = "i + 3";
  const auto bytes = parquet_of(sql.select() + " FROM range(5000) AS r(i)", ", ROW_GROUP_SIZE 2048");
  EXPECT_EQ(read_parquet(bytes).lines.size(), 5'000u);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{3}, std::size_t{4}, std::size_t{12}, bytes.size() / 2, bytes.size() - 1}) {
    const auto read = read_parquet(bytes.substr(0, size));
    EXPECT_TRUE(read.lines.empty());
    EXPECT_EQ(read.report.state, task::FileState::unreadable) << size;
    EXPECT_NE(reasons(read), "") << size;
  }
  const auto gap = read_parquet(bytes, {}, {1000});
  EXPECT_EQ(gap.report.state, task::FileState::unreadable);
  EXPECT_NE(reasons(gap).find("bytes of the Parquet file are missing"), std::string::npos) << reasons(gap);
  auto damaged = bytes;
  damaged.replace(damaged.size() / 2, 200, std::string(200, '\xff'));
  const auto read = read_parquet(damaged);
  EXPECT_EQ(read.report.flows, read.lines.size());
}

}  // namespace
}  // namespace mole::runtime::test
