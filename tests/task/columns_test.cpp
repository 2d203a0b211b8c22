// Cached columns: rows, states, lineage and file reports equal those of a decode, even if the columns are damaged; in one
// process, and if another one stages the files.
#include "tests/decode/support.hpp"
#include "tests/task/task_fixture.hpp"

#include "runtime/decode/bzip2_writer.hpp"
#include "runtime/decode/column_file.hpp"
#include "sdk/model/durable_file.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <numeric>

namespace mole::runtime::testing {
namespace {

constexpr std::int64_t first_second = 1'190'487'600;
constexpr Micros quarter = 15 * minute_us;
constexpr TimeRange whole{first_second * second_us, (first_second + 2 * 3600) * second_us};

// Two routers, two hours; three batches in the largest file, damage in another, one file missing.
class ColumnsTest : public ::testing::TestWithParam<bool> {
 protected:
  ColumnsTest() {
    static const Made made;
    fs::copy(made.folder.path(), archive_.path());
  }

  struct Made {
    Made() {
      write(folder.path(), "19991", 1, first_second, 4500);
      write(folder.path(), "19991", 2, first_second + 3600, 300, true);
      write(folder.path(), "19993", 2, first_second + 3600, 200);
    }
    TempFolder folder;
  };

  static std::string name(const std::string& router, int sequence, std::int64_t start) {
    return router + "_" + std::to_string(sequence) + "_" + std::to_string(start) + ".dat.bz2";
  }
  static void write(const fs::path& folder, const std::string& router, int sequence, std::int64_t start, std::uint32_t count,
                    bool damage = false) {
    test::Datagram first;
    first.seconds = static_cast<std::uint32_t>(start);
    first.uptime_ms = 100'000'000;
    first.first_ms = 99'000'000;
    first.last_ms = 99'999'000;
    std::string content;
    for (std::uint32_t i = 0; i < count; ++i) {
      test::Datagram one = first;
      one.count = 30;
      one.seconds = static_cast<std::uint32_t>(start + i % 3000);
      one.sequence = i * 30;
      content += one.bytes();
    }
    auto bytes = bzip2_compress(content, 1);
    if (damage) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
    std::ofstream(folder / name(router, sequence, start), std::ios::binary) << bytes;
  }

  std::vector<task::Step> steps(const ArchiveTask& task) const {
    auto traffic = task.flows_step("traffic", quarter, {"router", "protocol_class"});
    traffic.make_state = true;
    auto sorted = task.flows_step("longest_silence", quarter);
    sorted.execution = Execution::sequential;
    return {traffic, task.flows_step("unique_addresses", quarter), sorted};
  }

  TempFolder archive_;
};

struct Outcome {
  std::vector<std::string> rows, states, lineage, files;
  std::vector<std::string> sources;

  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const MemorySink& sink) {
  Outcome out;
  for (const auto& [index, step] : sink.steps) {
    EXPECT_EQ(step.report.outcome, task::Outcome::done) << step.report.message;
    out.rows.push_back(step.rows ? bytes_of(*step.rows) : "");
    out.states.push_back(step.state_file ? *read_file(*step.state_file) : "");
    out.lineage.push_back(step.report.lineage.dump());
  }
  for (auto report : sink.files) {
    out.sources.push_back(name_of(report.source));
    report.source = task::FlowSource::none;
    report.columns = {};
    out.files.push_back(nlohmann::json(report).dump());
  }
  return out;
}

void expect_same(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.states, b.states);
  EXPECT_EQ(a.lineage, b.lineage);
  EXPECT_EQ(a.files, b.files);
}

using Sources = std::vector<std::string>;

std::vector<fs::path> column_files(const fs::path& cache) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(cache)) {
    std::string head(column_file::magic.size(), '\0');
    std::ifstream(entry.path(), std::ios::binary).read(head.data(), static_cast<std::streamsize>(head.size()));
    if (head == column_file::magic) found.push_back(entry.path());
  }
  return found;
}

std::vector<fs::path> copies(const fs::path& cache) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(cache))
    if (entry.path().extension() == ".file") found.push_back(entry.path());
  return found;
}

void change(const fs::path& file, const std::function<void(std::string&)>& how) {
  auto bytes = *read_file(file);
  how(bytes);
  std::ofstream(file, std::ios::binary) << bytes;
}

// Returns an offset in the last batch of the column `start`, which every step reads.
std::size_t last_batch(std::string_view bytes) {
  const auto tail = column_file::parse_tail(bytes.substr(bytes.size() - column_file::tail_size), bytes.size());
  return column_file::parse_footer(bytes.substr(tail->offset, tail->size), tail->offset)->blocks.back().offset;
}

TEST_P(ColumnsTest, ASecondTaskReadsColumnsWithTheSameResults) {
  ArchiveTask without(archive_.path()), with(archive_.path());
  without.columns = false;
  const auto expected = outcome_of(without.run(without.spec(whole, steps(without))));
  EXPECT_EQ(expected.sources, (Sources{"archive", "archive", "archive"}));
  EXPECT_TRUE(column_files(without.cache()).empty());
  for (const unsigned threads : {1u, 3u}) {
    with.threads = threads;
    const auto run = outcome_of(with.run(with.spec(whole, steps(with))));
    expect_same(run, expected);
    EXPECT_EQ(run.sources, threads == 1 ? Sources(3, "archive") : Sources(3, "columns"));
    EXPECT_EQ(column_files(with.cache()).size(), 3u);
  }
  // Different columns of the same file.
  const auto other = [](ArchiveTask& task) { return std::vector{task.flows_step("traffic", quarter, {"dst_port"})}; };
  const auto result = outcome_of(with.run(with.spec(whole, other(with))));
  EXPECT_EQ(result.sources, Sources(3, "columns"));
  expect_same(result, outcome_of(without.run(without.spec(whole, other(without)))));
}

TEST_P(ColumnsTest, TheFileIsNotFetchedAgain) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  const auto expected = outcome_of(task.run(task.spec(whole, steps(task))));
  for (const auto& entry : fs::directory_iterator(archive_.path())) fs::remove(entry.path());
  const auto columns = column_files(task.cache());
  for (const auto& entry : fs::directory_iterator(task.cache()))  // removes the cached copies of the files, too
    if (entry.path().extension() == ".file" && std::find(columns.begin(), columns.end(), entry.path()) == columns.end())
      fs::remove(entry.path());
  const auto again = outcome_of(task.run(task.spec(whole, steps(task))));
  EXPECT_EQ(again.sources, Sources(3, "columns"));
  expect_same(again, expected);
}

TEST_P(ColumnsTest, DamagedColumnsAreReplaced) {
  const std::map<std::string, std::function<void(std::string&)>> corruptions{
      {"first batch", [](std::string& b) { b[20] = static_cast<char>(b[20] ^ 1); }},
      {"last batch", [](std::string& b) { b[last_batch(b)] = static_cast<char>(b[last_batch(b)] ^ 1); }},
      {"footer", [](std::string& b) { b[b.size() - 60] = static_cast<char>(b[b.size() - 60] ^ 1); }},
      {"cut", [](std::string& b) { b.resize(b.size() / 2); }},
      {"zeros", [](std::string& b) { b.assign(b.size(), '\0'); }},
      {"empty", [](std::string& b) { b.clear(); }}};
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  const auto expected = outcome_of(task.run(task.spec(whole, steps(task))));
  for (const auto& [name_of_corruption, how] : corruptions) {
    SCOPED_TRACE(name_of_corruption);
    const auto files = column_files(task.cache());
    ASSERT_EQ(files.size(), 3u);
    for (const auto& file : files) change(file, how);
    const auto run = outcome_of(task.run(task.spec(whole, steps(task))));
    expect_same(run, expected);
    EXPECT_EQ(run.sources, Sources(3, "archive"));
    const auto again = outcome_of(task.run(task.spec(whole, steps(task))));  // the columns were written again
    expect_same(again, expected);
    EXPECT_EQ(again.sources, Sources(3, "columns"));
  }
}

TEST_P(ColumnsTest, ColumnsOfADifferentFileAreNotUsed) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  const auto expected = outcome_of(task.run(task.spec(whole, steps(task))));
  auto files = column_files(task.cache());
  const auto bytes = *read_file(files[0]);
  for (const auto& file : files) {
    fs::resize_file(file, 0);
    std::ofstream(file, std::ios::binary) << bytes;
    auto sidecar = file;  // with the right size
    change(sidecar.replace_extension(".digest"),
           [&](std::string& text) { text = text.substr(0, 33) + std::to_string(bytes.size()) + "\n\n"; });
  }
  const auto run = outcome_of(task.run(task.spec(whole, steps(task))));
  expect_same(run, expected);
  EXPECT_EQ(std::count(run.sources.begin(), run.sources.end(), "archive"), 2);
}

TEST_P(ColumnsTest, AFileThatChangedIsDecoded) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  auto spec = task.spec(whole, steps(task));
  task.run(spec);
  for (auto& file : spec.files) file.revision = 2;
  EXPECT_EQ(outcome_of(task.run(spec)).sources, Sources(3, "archive"));
  for (auto& file : spec.files) file.version = "etag";
  EXPECT_EQ(outcome_of(task.run(spec)).sources, Sources(3, "archive"));
}

void flip_a_bit(std::string& bytes) { bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 8); }

TEST_P(ColumnsTest, DamagedCopiesAreFetchedAgain) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  task.columns = false;
  const auto spec = task.spec(whole, steps(task));
  const auto expected = outcome_of(task.run(spec));
  for (const auto& copy : copies(task.cache())) change(copy, flip_a_bit);
  task.columns = true;
  const auto run = task.run(spec);
  expect_same(outcome_of(run), expected);
  EXPECT_EQ(column_files(task.cache()).size(), 3u);
}

TEST_P(ColumnsTest, ACopyThatIsDamagedWhileItIsReadFailsTheAttemptOnly) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  task.columns = false;
  const auto spec = task.spec(whole, steps(task));
  const auto expected = outcome_of(task.run(spec));
  const auto all = copies(task.cache());
  std::size_t verified = 0;
  task::Report report;
  task.waiting = [&] {
    if (++verified < all.size()) return;
    for (const auto& copy : all) change(copy, flip_a_bit);  // those verified before the last one
  };
  const auto run = task.run(spec, &report);
  EXPECT_EQ(report.code, task::FailureCode::transient);
  EXPECT_NE(report.message.find("was damaged while it was read"), std::string::npos) << report.message;
  for (const auto& file : run.files) EXPECT_EQ(file.state, task::FileState::sound) << "no damage of the archive is reported";
  task.waiting = {};
  expect_same(outcome_of(task.run(spec)), expected);
}

TEST_P(ColumnsTest, DamagePoliciesHaveTheSameEffect) {
  for (const auto damage : {DamagePolicy::skip, DamagePolicy::strict}) {
    SCOPED_TRACE(name_of(damage));
    ArchiveTask without(archive_.path()), with(archive_.path());
    without.columns = false;
    with.apart = GetParam();
    without.damage = with.damage = damage;
    const auto expected = without.run(without.spec(whole, steps(without)));
    for (int i = 0; i < 2; ++i) {
      const auto run = with.run(with.spec(whole, steps(with)));
      ASSERT_EQ(run.steps.size(), expected.steps.size());
      for (const auto& [index, step] : run.steps) {
        EXPECT_EQ(step.report.outcome, expected.steps.at(index).report.outcome);
        EXPECT_EQ(step.report.message, expected.steps.at(index).report.message);
        EXPECT_EQ(step.report.lineage, expected.steps.at(index).report.lineage);
      }
      ASSERT_EQ(run.files.size(), expected.files.size());
      for (std::size_t f = 0; f < run.files.size(); ++f) EXPECT_EQ(run.files[f].state, expected.files[f].state);
    }
  }
}

TEST_P(ColumnsTest, SkipReportsTheSourceOfItsFirstRead) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  task.damage = DamagePolicy::skip;  // reads each file twice, the second time from the columns that the first wrote
  EXPECT_EQ(outcome_of(task.run(task.spec(whole, steps(task)))).sources, Sources(3, "archive"));
  EXPECT_EQ(outcome_of(task.run(task.spec(whole, steps(task)))).sources, Sources(3, "columns"));
}

// In a folder that an unprivileged process can read but not modify.
TEST_P(ColumnsTest, UnusableColumnsThatCannotBeRemovedAreIgnored) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  auto expected = outcome_of(task.run(task.spec(whole, steps(task))));
  for (const auto& file : column_files(task.cache())) change(file, [](std::string& b) { b.assign(b.size(), '\0'); });
  fs::permissions(archive_.path(), fs::perms(0755));
  fs::permissions(task.cache().parent_path(), fs::perms(0777));
  fs::permissions(task.cache() / "lock", fs::perms(0666));
  fs::permissions(task.cache(), fs::perms(0555));
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    ::_exit(outcome_of(task.run(task.spec(whole, steps(task)))) == expected ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  fs::permissions(task.cache(), fs::perms(0755));
  EXPECT_TRUE(WIFEXITED(status)) << "it retried forever";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_P(ColumnsTest, AreNotKeptWithoutSpace) {
  std::uint64_t files = 0, largest = 0;
  for (const auto& entry : fs::directory_iterator(archive_.path()))
    files += entry.file_size(), largest = std::max(largest, entry.file_size());
  ArchiveTask without(archive_.path()), with(archive_.path());
  without.columns = false;
  const auto expected = outcome_of(without.run(without.spec(whole, steps(without))));
  with.apart = GetParam();
  with.cache_limit = files;
  for (int i = 0; i < 2; ++i) {
    expect_same(outcome_of(with.run(with.spec(whole, steps(with)))), expected);
    EXPECT_TRUE(column_files(with.cache()).empty());
  }
  // Space for one decoded file at a time: files are evicted.
  with.cache_limit = files + largest * 2 + 200'000;
  for (int i = 0; i < 3; ++i) expect_same(outcome_of(with.run(with.spec(whole, steps(with)))), expected);
  EXPECT_EQ(column_files(with.cache()).size(), 3u);
}

TEST_P(ColumnsTest, VerifyReadsTheArchive) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  task.run(task.spec(whole, steps(task)));
  auto spec = task.spec(whole, {});
  spec.kind = task::Kind::verify;
  for (const auto& file : task.run(spec).files) {
    EXPECT_EQ(file.source, task::FlowSource::archive);
    EXPECT_EQ(std::accumulate(file.delays.start.begin(), file.delays.start.end(), std::uint64_t{0}), file.flows) << file.id;
    EXPECT_EQ(std::accumulate(file.delays.end.begin(), file.delays.end.end(), std::uint64_t{0}), file.flows) << file.id;
  }
}

TEST_P(ColumnsTest, VerifyFindsBytesThatChangedInTheArchive) {
  ArchiveTask task(archive_.path());
  task.apart = GetParam();
  task.columns = false;  // the cache holds copies of the files
  const auto before = task.run(task.spec(whole, steps(task)));
  auto spec = task.spec(whole, {});
  spec.kind = task::Kind::verify;
  const auto changed = archive_.path() / name("19993", 2, first_second + 3600);
  change(changed, [](std::string& bytes) {
    for (std::size_t i = 700; i < 716; ++i) bytes[i] = static_cast<char>(bytes[i] ^ 1);
  });
  const auto after = task.run(spec);
  ASSERT_EQ(after.files.size(), before.files.size());
  for (std::size_t i = 0; i < after.files.size(); ++i)
    EXPECT_EQ(after.files[i].digest != before.files[i].digest, after.files[i].id.ends_with(changed.filename().string()));
}

INSTANTIATE_TEST_SUITE_P(Processes, ColumnsTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "FilesApart" : "OneProcess"; });

}  // namespace
}  // namespace mole::runtime::testing
