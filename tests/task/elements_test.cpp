// Information elements in metrics, filters and groups: the same with flows in order, with cached columns, and for every block.
#include "tests/task/task_fixture.hpp"

#include "runtime/decode/bzip2_writer.hpp"
#include "runtime/decode/column_file.hpp"
#include "sdk/model/durable_file.hpp"

#include <random>

namespace mole::runtime::testing {
namespace {

constexpr std::int64_t first_second = 1190487600;  // 2007-09-22T19:00:00Z
constexpr Micros quarter = 15 * minute_us;
constexpr TimeRange whole{first_second * second_us, (first_second + 3 * 3600) * second_us};

// Two routers, three hours; flows begin up to five minutes before their export, in no order.
class ElementsOfTask : public ::testing::Test {
 protected:
  ElementsOfTask() {
    std::mt19937_64 random(11);
    for (const char* router : {"1", "2"})
      for (int hour = 0; hour < 3; ++hour) {
        const auto start = first_second + hour * 3600;
        std::string content = "#elements\n";
        for (int i = 0; i < 1'000; ++i) {
          const auto exported = start + i * 3600 / 1000;
          content += std::to_string(exported) + " " + std::to_string(exported - static_cast<std::int64_t>(random() % 300)) + " " +
                     std::to_string(random() % 1'000'000) + padding(random) + "\n";
        }
        std::ofstream(
            archive_.path() / (router + std::string("_") + std::to_string(hour) + "_" + std::to_string(start) + ".dat.bz2"),
            std::ios::binary)
            << bzip2_compress(content, 1);
      }
  }

  // Makes the files as large as those that contain their elements.
  static std::string padding(std::mt19937_64& random) {
    std::string out = " ";
    for (int i = 0; i < 250; ++i) out += static_cast<char>('0' + random() % 75);
    return out;
  }
  static task::Spec spec(const ArchiveTask& task, TimeRange block, std::vector<task::Step> steps) {
    auto spec = task.spec(block, std::move(steps));
    spec.archive->set_candidates({use_of(PluginKind::decoder, "element_lines")});
    return spec;
  }
  static task::Step ordered(const ArchiveTask& task, std::vector<std::string> by = {"router"}) {
    auto step = task.flows_step("ordered_element_sums", quarter, std::move(by));
    step.execution = Execution::sequential;
    step.warmup = quarter;
    return step;
  }
  // Rows of each step.
  static std::vector<std::string> rows_of(const MemorySink& sink) {
    std::vector<std::string> out;
    for (const auto& [index, step] : sink.steps) {
      EXPECT_EQ(step.report.outcome, task::Outcome::done) << step.report.message;
      out.push_back(step.rows ? bytes_of(*step.rows) : "");
    }
    return out;
  }
  static std::vector<task::Step> steps(const ArchiveTask& task) {
    auto filtered = task.flows_step("traffic", quarter, {"router", "dnsQName"});
    filtered.filter = "flowId > 5 and not dnsQName = \"7\"";
    return {task.flows_step("element_sums", quarter), ordered(task), filtered};
  }
  static std::vector<std::string> sources_of(const MemorySink& sink) {
    std::vector<std::string> out;
    for (const auto& file : sink.files) out.push_back(name_of(file.source));
    return out;
  }
  static std::vector<fs::path> column_files(const fs::path& cache) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(cache))
      if (auto bytes = read_file(entry.path()); bytes && bytes->starts_with(column_file::magic)) found.push_back(entry.path());
    return found;
  }

  TempFolder archive_;
};

TEST_F(ElementsOfTask, FlowsInOrderHaveTheSameValues) {
  ArchiveTask task(archive_.path());
  for (const auto& by : std::vector<std::vector<std::string>>{{}, {"router"}, {"router", "dnsQName"}}) {
    const auto sink = task.run(spec(task, whole, {task.flows_step("element_sums", quarter, by), ordered(task, by)}));
    const auto &unordered = sink.steps.at(0), &sorted = sink.steps.at(1);
    ASSERT_EQ(unordered.report.outcome, task::Outcome::done) << unordered.report.message;
    ASSERT_EQ(sorted.report.outcome, task::Outcome::done) << sorted.report.message;
    EXPECT_EQ(difference(*unordered.rows, *sorted.rows), "");
    EXPECT_GT(sum_of(*unordered.rows, "values"), 10u * sum_of(*unordered.rows, "flows") / 2);
    EXPECT_EQ(sorted.report.lineage["elements"], unordered.report.lineage["elements"]);
  }
}

TEST_F(ElementsOfTask, RowsDoNotDependOnBlocksOrThreads) {
  ArchiveTask task(archive_.path());
  task.columns = false;
  const auto once = task.run(spec(task, whole, {ordered(task)}));
  for (const unsigned threads : {1u, 3u})
    for (const Micros length : {hour_us, 2 * quarter}) {
      task.threads = threads;
      RowTable joined;
      for (Micros from = whole.from; from < whole.to; from += length)
        append(joined, *task.run(spec(task, {from, from + length}, {ordered(task)})).steps.at(0).rows);
      EXPECT_EQ(difference(joined, *once.steps.at(0).rows), "") << threads << " threads, " << length;
    }
}

TEST_F(ElementsOfTask, CachedColumnsGiveTheSameRows) {
  ArchiveTask without(archive_.path()), with(archive_.path());
  without.columns = false;
  const auto expected = rows_of(without.run(spec(without, whole, steps(without))));
  for (const unsigned threads : {1u, 3u, 2u}) {
    with.threads = threads;
    const auto sink = with.run(spec(with, whole, steps(with)));
    EXPECT_EQ(rows_of(sink), expected);
    EXPECT_EQ(sources_of(sink), std::vector<std::string>(6, threads == 1 ? "archive" : "columns"));
  }
  EXPECT_EQ(column_files(with.cache()).size(), 6u);
}

// The cached columns of one task do not serve another one that reads different elements.
TEST_F(ElementsOfTask, EachSetOfElementsHasItsColumns) {
  ArchiveTask task(archive_.path());
  const auto names = task.flows_step("traffic", quarter, {"router", "dnsQName"});
  const auto sums = task.flows_step("element_sums", quarter);
  const auto first = rows_of(task.run(spec(task, whole, {names})));
  EXPECT_EQ(column_files(task.cache()).size(), 6u);
  auto sink = task.run(spec(task, whole, {sums}));
  EXPECT_EQ(sources_of(sink), std::vector<std::string>(6, "archive"));
  const auto second = rows_of(sink);
  EXPECT_EQ(column_files(task.cache()).size(), 12u);
  for (int i = 0; i < 2; ++i) {
    sink = task.run(spec(task, whole, {names}));
    EXPECT_EQ(sources_of(sink), std::vector<std::string>(6, "columns"));
    EXPECT_EQ(rows_of(sink), first);
    sink = task.run(spec(task, whole, {sums}));
    EXPECT_EQ(sources_of(sink), std::vector<std::string>(6, "columns"));
    EXPECT_EQ(rows_of(sink), second);
  }
}

TEST_F(ElementsOfTask, DamagedColumnsAreDecodedAgain) {
  ArchiveTask task(archive_.path());
  const auto expected = rows_of(task.run(spec(task, whole, steps(task))));
  const auto files = column_files(task.cache());
  ASSERT_EQ(files.size(), 6u);
  const auto size = fs::file_size(files.front());
  for (std::uintmax_t at = 17; at < size; at += size / 9) {
    const auto damaged = column_files(task.cache()).front();
    auto bytes = *read_file(damaged);
    bytes[at % bytes.size()] = static_cast<char>(bytes[at % bytes.size()] ^ 0x40);
    std::ofstream(damaged, std::ios::binary) << bytes;
    const auto sink = task.run(spec(task, whole, steps(task)));
    EXPECT_EQ(rows_of(sink), expected) << "byte " << at;
  }
}

}  // namespace
}  // namespace mole::runtime::testing
