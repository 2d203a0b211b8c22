#include "runtime/seal/seal.hpp"

#include "runtime/metric/state_file.hpp"
#include "runtime/seal/parquet.hpp"
#include "runtime/seal/result_schema.hpp"
#include "tests/rows/fixtures.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>

namespace mole::runtime {
namespace {

using nlohmann::json;
using testing::slurp;
using testing::write_bytes;

constexpr Micros start = 1190484000 * second_us;  // 2007-09-22T18:00:00Z

std::string sidecar() {
  const json traffic = {{"kind", "metric"},
                        {"name", "traffic"},
                        {"version", "1.0.0"},
                        {"summary", "s"},
                        {"execution", "mergeable"},
                        {"deterministic", true},
                        {"inputs", {{{"role", "flows"}, {"kind", "flows"}, {"reads", {"bytes"}}, {"doc", "d"}}}},
                        {"params", json::array()},
                        {"output",
                         {{{"name", "bytes"}, {"type", "u64"}, {"nullable", false}, {"unit", "B"}, {"doc", "octets"}},
                          {{"name", "size"}, {"type", "f64"}, {"nullable", true}, {"unit", "B"}, {"doc", "mean size"}}}},
                        {"state", {{"revision", 1}, {"shape", "0123456789abcdef"}}}};
  const json mean = {
      {"kind", "metric"},
      {"name", "mean"},
      {"version", "1.0.0"},
      {"summary", "s"},
      {"execution", "mergeable"},
      {"deterministic", true},
      {"inputs", {{{"role", "values"}, {"kind", "rows"}, {"type", "number"}, {"unit", "any"}, {"doc", "d"}}}},
      {"params", json::array()},
      {"output", {{{"name", "{values}_mean"}, {"type", "f64"}, {"nullable", true}, {"unit", "same(values)"}, {"doc", "mean"}}}},
      {"state", {{"revision", 1}, {"shape", "fedcba9876543210"}}}};
  return json{
      {"schema", 1},       {"library", "x.so"},         {"digest", std::string(32, '1')}, {"abi", {{"major", 1}, {"minor", 0}}},
      {"compiler", "gcc"}, {"plugins", {traffic, mean}}}
      .dump();
}

task::Spec spec() {
  task::Spec s;
  s.id = "1-2";
  s.kind = task::Kind::compute;
  s.block = {start, start + hour_us};
  task::File file;
  file.id = "a.bz2";
  s.files = {file};
  task::Step traffic;
  traffic.pipeline = "p";
  traffic.module = "traffic";
  traffic.fingerprint.bytes.fill(1);
  traffic.state_key.bytes.fill(2);
  traffic.plugin = {"traffic", "1.0.0", {}, sidecar(), json::object()};
  traffic.execution = Execution::mergeable;
  traffic.interval = 30 * minute_us;
  traffic.by = {"router"};
  traffic.make_state = traffic.make_result = true;
  task::Input flows;
  flows.role = "flows";
  traffic.inputs = {flows};
  auto mean = traffic;
  mean.module = "mean";
  mean.plugin.name = "mean";
  mean.make_state = false;
  task::Input values;
  values.role = "values";
  values.kind = InputKind::rows;
  values.module = "traffic";
  values.column = "bytes";
  values.type = "u64";
  values.unit = "B";
  values.step = 0;
  mean.inputs = {values};
  s.steps = {traffic, mean};
  return s;
}

using I = std::vector<std::int64_t>;
using U = std::vector<std::uint64_t>;
using F = std::vector<double>;
using T = std::vector<std::string>;

RowTable traffic_rows() {
  const auto half = 30 * minute_us;
  RowTable t;
  t.columns = {{"interval_start", "time", "", "", I{start, start, start + half}, {}},
               {"interval_end", "time", "", "", I{start + half, start + half, start + 2 * half}, {}},
               {"router", "text", "", "", T{"19991", "19993", "19991"}, {}},
               {"bytes", "u64", "", "", U{1, 2, 3}, {}},
               {"size", "f64", "", "", F{1, NAN, 3}, {1, 0, 1}},
               {"coverage", "f64", "", "", F{1, 0.5, 0.75}, {}},
               {"flows_lost", "u64", "", "", U{0, 1, 2}, {}},
               {"flows_late", "u64", "", "", U{0, 0, 0}, {}},
               {"files_expected", "u64", "", "", U{1, 1, 1}, {}},
               {"files_present", "u64", "", "", U{1, 1, 1}, {}}};
  return t;
}

RowTable mean_rows() {
  auto t = traffic_rows();
  t.columns.erase(t.columns.begin() + 3);
  t.columns[3].name = "bytes_mean";
  return t;
}

template <class V>
V& values(RowTable& table, std::size_t column) {
  return std::get<V>(table.columns[column].values);
}

class Seal : public ::testing::Test {
 protected:
  Seal() {
    done.outcome = task::Outcome::done;
    done.lineage = {{"files", {"a.bz2"}}};
    write_bytes(A / "spec.json", json(spec()).dump());
    fd = ::open((A / "handover").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  }
  ~Seal() override { ::close(fd); }

  std::filesystem::path state(const std::string& shape = "0123456789abcdef", Micros at = start) {
    StateHeader header;
    const auto step = spec().steps[0];
    header.plugin = "traffic";
    header.version = "1.0.0";
    header.revision = 1;
    header.shape = shape;
    header.fingerprint = step.fingerprint;
    header.state_key = step.state_key;
    header.block = spec().block;
    header.interval = step.interval;
    header.by = step.by;
    std::filesystem::create_directories(A / "scratch");
    auto out = StateFileWriter::create(A / "scratch/0.state", header);
    EXPECT_TRUE(out->add({at, {"19991"}, {}, "payload"}));
    EXPECT_TRUE(out->finish());
    return A / "scratch/0.state";
  }

  void hand_over(std::uint32_t step, const RowTable& table, std::optional<std::filesystem::path> state_file = {}) {
    EXPECT_TRUE(out().step(step, &table, state_file, done));
  }

  std::map<std::string, std::string> out_files() {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(A / "out")) files[entry.path().filename()] = slurp(entry.path());
    return files;
  }

  // Seals with one thread and with several, checks that the reports are equal, and returns the report.
  task::Report sealed() {
    const auto report = seal(A.path());
    EXPECT_TRUE(report) << report.error().message;
    const auto with_one_thread = out_files();
    SealLimits several;
    several.threads = 3;
    EXPECT_TRUE(seal(A.path(), several));
    EXPECT_EQ(out_files(), with_one_thread);
    auto parsed = task::parse_report(slurp(A / "out/report.json"));
    EXPECT_TRUE(parsed);
    return *parsed;
  }

  // Modifies traffic's rows, hands them over and expects them to be rejected with this message.
  void expect_rejected(const std::function<void(RowTable&)>& change, const std::string& message) {
    auto table = traffic_rows();
    change(table);
    ASSERT_EQ(::ftruncate(fd, 0), 0);
    ::lseek(fd, 0, SEEK_SET);
    writer.reset();
    hand_over(0, table, state());
    hand_over(1, mean_rows());
    EXPECT_TRUE(out().end({}));
    const auto report = sealed();
    EXPECT_EQ(report.steps[0].outcome, task::Outcome::failed);
    EXPECT_EQ(report.steps[0].code, task::FailureCode::corrupt);
    EXPECT_EQ(report.steps[0].message, "module p/traffic (plugin traffic 1.0.0): " + message + "; its rows are discarded");
    EXPECT_TRUE(report.steps[0].rows_blob.empty());
    EXPECT_EQ(report.steps[1].outcome, task::Outcome::blocked);
    EXPECT_TRUE(report.steps[1].rows_blob.empty());
  }

  HandoverWriter& out() {
    if (!writer) writer.emplace(fd, A.path());
    return *writer;
  }

  testing::TempFolder A;
  int fd = -1;
  std::optional<HandoverWriter> writer;
  task::StepReport done;
};

TEST_F(Seal, WritesResultsStatesAndAReport) {
  task::FileReport file;
  file.id = "a.bz2";
  file.flows = 9;
  EXPECT_TRUE(out().file(file));
  hand_over(0, traffic_rows(), state());
  hand_over(1, mean_rows());
  task::Report totals;
  totals.flows = 9;
  EXPECT_TRUE(out().end(totals));

  const auto report = sealed();
  EXPECT_EQ(report.task, "1-2");
  EXPECT_EQ(report.code, task::FailureCode::none);
  EXPECT_EQ(report.flows, 9u);
  ASSERT_EQ(report.files.size(), 1u);
  const auto& traffic = report.steps.at(0);
  EXPECT_EQ(traffic.outcome, task::Outcome::done) << traffic.message;
  EXPECT_EQ(traffic.rows, 3u);
  EXPECT_DOUBLE_EQ(traffic.coverage, 0.75);
  EXPECT_DOUBLE_EQ(traffic.coverage_min, 0.5);
  EXPECT_EQ(traffic.lineage, json({{"files", {"a.bz2"}}}));
  EXPECT_EQ(traffic.rows_blob, digest_of(slurp(A / "out/step0.parquet")));
  EXPECT_EQ(traffic.rows_bytes, slurp(A / "out/step0.parquet").size());
  EXPECT_EQ(traffic.state_blob, digest_of(slurp(A / "out/step0.state")));
  EXPECT_FALSE(std::filesystem::exists(A / "scratch/0.state"));
  EXPECT_EQ(report.steps.at(1).outcome, task::Outcome::done) << report.steps.at(1).message;

  const auto rows = Parquet::open({A / "scratch"})->read(A / "out/step0.parquet");
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->find("bytes")->unit == "B" && rows->find("bytes")->doc == "octets");
}

TEST_F(Seal, IsRepeatable) {
  hand_over(0, traffic_rows(), state());
  EXPECT_TRUE(out().end({}));
  sealed();
  const auto first = slurp(A / "out/report.json");
  sealed();
  EXPECT_EQ(slurp(A / "out/report.json"), first);
}

TEST_F(Seal, KeepsTheCompleteStepsOfATruncatedHandover) {
  hand_over(0, traffic_rows(), state());
  const auto whole = slurp(A / "handover").size();
  hand_over(1, mean_rows());
  EXPECT_EQ(::ftruncate(fd, static_cast<off_t>(whole + 30)), 0);
  const auto report = sealed();
  EXPECT_EQ(report.steps[0].outcome, task::Outcome::done);
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::not_run);
  EXPECT_NE(report.steps[1].message.find("ends early"), std::string::npos);
  EXPECT_EQ(report.code, task::FailureCode::none);
}

TEST_F(Seal, ReportsNotRunForAMissingHandover) {
  std::filesystem::remove(A / "handover");
  const auto report = sealed();
  EXPECT_EQ(report.steps[0].outcome, task::Outcome::not_run);
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::not_run);
}

TEST_F(Seal, ReportsNotRunForRandomBytes) {
  std::string bytes(4096, '\0');
  std::uint32_t random = 1;
  for (auto& c : bytes) c = static_cast<char>((random = random * 1664525 + 1013904223) >> 24);
  write_bytes(A / "handover", bytes);
  EXPECT_EQ(sealed().steps[0].outcome, task::Outcome::not_run);
}

TEST_F(Seal, FailsOnATruncatedIndex) {
  auto s = spec();
  s.kind = task::Kind::index;
  s.steps.clear();
  write_bytes(A / "spec.json", json(s).dump());
  const task::IndexEntry entry{"a.bz2", 12, "v1", "", 0};
  EXPECT_TRUE(out().index({&entry, 1}));
  auto report = sealed();
  EXPECT_EQ(report.code, task::FailureCode::transient);
  EXPECT_TRUE(report.index.empty());
  EXPECT_TRUE(out().end({}));
  report = sealed();
  EXPECT_EQ(report.code, task::FailureCode::none);
  EXPECT_EQ(report.index.size(), 1u);
}

TEST_F(Seal, RejectsInvalidRowsAndReportsTheirPosition) {
  expect_rejected([](RowTable& t) { t.columns.pop_back(); }, "it has 9 columns instead of 10");
  expect_rejected([](RowTable& t) { t.columns[3].name = "octets"; }, "column 4 is octets instead of bytes");
  expect_rejected(
      [](RowTable& t) {
        t.columns[3] = {"bytes", "i64", "", "", I{1, 2, 3}, {}};
      },
      "column bytes has the type i64 instead of u64");
  expect_rejected(
      [](RowTable& t) {
        t.columns[3].valid = {1, 0, 1};
      },
      "column bytes in row 2 is null, but the column is not nullable");
  expect_rejected([](RowTable& t) { values<F>(t, 4)[2] = INFINITY; },
                  "column size in row 3 is not a finite number; declare it nullable and return null where there is no value");
  expect_rejected([](RowTable& t) { values<T>(t, 2)[0] = "\xc3"; }, "column router in row 1 is not UTF-8");
  expect_rejected([](RowTable& t) { values<T>(t, 2)[1] = "1"; }, "row 2 is out of order");
  expect_rejected(
      [](RowTable& t) {
        std::swap(values<I>(t, 0)[1], values<I>(t, 0)[2]);
        std::swap(values<I>(t, 1)[1], values<I>(t, 1)[2]);
      },
      "row 3 is out of order");
  expect_rejected([](RowTable& t) { values<I>(t, 0)[0] -= hour_us; },
                  "the interval in row 1 begins at 1190480400000000, outside the block");
  expect_rejected([](RowTable& t) { values<I>(t, 0)[0] += 1; },
                  "the interval in row 1 begins at 2007-09-22T18:00:00.000001Z, not at a multiple of 30m");
  expect_rejected([](RowTable& t) { values<I>(t, 1)[0] += 1; }, "the length of the interval in row 1 is not 30m");
  expect_rejected([](RowTable& t) { values<F>(t, 5)[0] = 1.5; }, "coverage in row 1 is 1.5, not within 0..1");
  expect_rejected([](RowTable& t) { values<U>(t, 9)[0] = 2; }, "row 1 has more files present than expected");
}

TEST_F(Seal, RejectsATableWithAnUnexpectedSchema) {
  // Valid frames with invalid rows, as from a plugin that writes to the file descriptor directly.
  RowTable malformed;
  malformed.columns.push_back({"x", "u64", "", "", U{}, {}});
  hand_over(0, malformed, state());
  EXPECT_TRUE(out().end({}));
  EXPECT_EQ(sealed().steps[0].outcome, task::Outcome::failed);
}

TEST_F(Seal, RejectsMismatchedStates) {
  const auto rejection = [&](const std::filesystem::path& path) {
    ::close(fd);
    fd = ::open((A / "handover").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    std::filesystem::remove_all(A / "out");
    writer.reset();
    hand_over(0, traffic_rows(), path);
    EXPECT_TRUE(out().end({}));
    const auto report = sealed();
    EXPECT_EQ(report.steps[0].outcome, task::Outcome::failed);
    EXPECT_EQ(report.steps[0].code, task::FailureCode::corrupt);
    return report.steps[0].message;
  };
  EXPECT_NE(rejection(state("1111111111111111")).find("shape differs"), std::string::npos);
  EXPECT_NE(rejection(state("0123456789abcdef", start + 1)).find("not the start of an interval"), std::string::npos);
  EXPECT_NE(rejection(A / "scratch/absent").find("missing or not a regular file"), std::string::npos);
  write_bytes(A / "scratch/short", "MOLE");
  EXPECT_NE(rejection(A / "scratch/short").find("truncated"), std::string::npos);
  std::filesystem::create_symlink("/etc/hostname", A / "scratch/link");
  EXPECT_NE(rejection(A / "scratch/link").find("missing or not a regular file"), std::string::npos);
  std::filesystem::create_symlink("loop", A / "scratch/loop");
  EXPECT_NE(rejection(A / "scratch/loop").find("missing or not a regular file"), std::string::npos);
  ASSERT_EQ(::mkfifo((A / "scratch/pipe").c_str(), 0600), 0);
  EXPECT_NE(rejection(A / "scratch/pipe").find("missing or not a regular file"), std::string::npos);
  const testing::TempFolder elsewhere;
  std::filesystem::create_hard_link(state(), elsewhere / "linked");  // by which a process that is left could change it
  EXPECT_NE(rejection(state()).find("more than one name"), std::string::npos);
  std::filesystem::remove(elsewhere / "linked");
  std::filesystem::rename(state(), elsewhere / "0.state");
  std::filesystem::create_directory_symlink(elsewhere.path(), A / "scratch/away");
  EXPECT_NE(rejection(A / "scratch/away/0.state").find("outside the attempt"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(elsewhere / "0.state"));
}

TEST_F(Seal, RejectsAStepHandedOverTwice) {
  hand_over(0, traffic_rows(), state());
  hand_over(0, traffic_rows());
  hand_over(7, traffic_rows());  // no such step
  EXPECT_TRUE(out().end({}));
  const auto report = sealed();
  EXPECT_EQ(report.steps.size(), 2u);
  EXPECT_EQ(report.steps[0].outcome, task::Outcome::failed);
}

TEST_F(Seal, ForwardsTheWorkersFailure) {
  done.outcome = task::Outcome::failed;
  done.code = task::FailureCode::exhausted;
  done.message = "too many groups";
  EXPECT_TRUE(out().step(0, nullptr, std::nullopt, done));
  done.outcome = task::Outcome::blocked;
  EXPECT_TRUE(out().step(1, nullptr, std::nullopt, done));
  EXPECT_TRUE(out().end({}));
  const auto report = sealed();
  EXPECT_EQ(report.steps[0].code, task::FailureCode::exhausted);
  EXPECT_EQ(report.steps[0].message, "too many groups");
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::blocked);
}

TEST_F(Seal, KeepsTheWorkersCoverageOfATableWithoutRows) {
  auto table = traffic_rows();
  for (auto& column : table.columns) {
    std::visit([](auto& v) { v.clear(); }, column.values);
    column.valid.clear();
  }
  done.coverage = 0.25;
  hand_over(0, table, state());
  EXPECT_TRUE(out().end({}));
  const auto report = sealed();
  EXPECT_EQ(report.steps[0].outcome, task::Outcome::done) << report.steps[0].message;
  EXPECT_EQ(report.steps[0].rows, 0u);
  EXPECT_EQ(report.steps[0].coverage, 0.25);
}

TEST_F(Seal, WithoutASpecFailsWithoutAReport) {
  std::filesystem::remove(A / "spec.json");
  EXPECT_EQ(seal(A.path()).error().code, Code::missing);
  write_bytes(A / "spec.json", "{");
  EXPECT_FALSE(seal(A.path()));
  EXPECT_FALSE(std::filesystem::exists(A / "out/report.json"));
}

TEST_F(Seal, UnsealsItsResults) {
  hand_over(0, traffic_rows(), state());
  EXPECT_TRUE(out().end({}));
  sealed();
  std::filesystem::create_directories(A / "rows");
  std::filesystem::copy(A / "out/step0.parquet", A / "rows/00ff.parquet");
  ASSERT_TRUE(unseal(A.path()));
  const auto rows = read_rows(A / "rows/00ff.rows");
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->rows(), 3u);
  EXPECT_EQ(rows->find("size")->valid, (std::vector<std::uint8_t>{1, 0, 1}));
  ASSERT_TRUE(unseal(A.path()));
  std::filesystem::remove_all(A / "rows");
  EXPECT_TRUE(unseal(A.path()));
}

TEST(ResultSchema, NamesColumnsAndUnitsAfterTheBinding) {
  const auto schema = result_schema(spec().steps[1]);
  ASSERT_TRUE(schema) << schema.error().message;
  ASSERT_EQ(schema->size(), 9u);
  EXPECT_EQ(schema->at(3).name, "bytes_mean");
  EXPECT_EQ(schema->at(3).unit, "B");
  EXPECT_TRUE(schema->at(3).nullable);
}

}  // namespace
}  // namespace mole::runtime
